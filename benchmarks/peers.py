"""Other programs and this step side by side, on the same simulated catalogs.

Run as ``python benchmarks/peers.py [words [seeds]]``; words of a mission and scene, such as
``"HST, 10"``, run those alone, and the other rows of the table stay. SCAMP is the one on the path
(Debian: scamp). JHAT and jwst are in an environment whose Python ``PEERS_PYTHON`` names, drizzlepac
in that of ``HST_PYTHON``. Scenes of Roman need an environment with both this step and romancal,
which reads only files of its own version of roman_datamodels. ``make bench-peers`` makes them all.
What is not there is left out and named. All programs of a mission
get the same positions, with errors of 0.05 pixel, a fifth of the stars missing and three spurious
ones for ten true, and the same reference catalog (``peers_fields.py``). SCAMP's positions are on
the plane tangent to the sky (``peers_scamp.py``), JHAT gets one image at a time, as it does.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asdf
import numpy as np
from astropy.io import fits
from astropy.table import Table
from peers_fields import CENTROID, MISSIONS, SCENES, Field, make
from peers_scamp import SCAMP, image_of, judge, run_scamp, write_image, write_reference
from peers_tweakreg import NAME
from roman_datamodels import datamodels as roman
from stdatamodels.jwst import datamodels
from tables import TABLES, commit, publish, read_table

from tweakreg_step import align
from tweakreg_step.simulate import claimed_wcs, true_wcs
from tweakreg_step.simulate.truth import pixel_grid

SEEDS = {"JWST": 1, "Roman": 1, "HST": 3}
"""Fields of each scene, by what they cost."""

RIGHT_MAS = 20.0
"""An image that is farther from the truth was aligned wrongly: errors are of 5 mas, or arcsec."""

LEAST_CONTRAST = 2.0
"""Of SCAMP's matching, below which its manual calls a field doubtful."""

MINOBJ = 8
"""Pairs that an image needs, so that ten reference stars may do; not told to SCAMP and JHAT."""

HEADER = ("mission", "four dithers", "tool", "rms [mas]", "rms / bound", "right", "wrong",
          "doubted", "refused", "time [s]", "time / ours", "commit")  # fmt: skip
NOTE = (
    f"Images; right are those within {RIGHT_MAS:g} mas of the truth, and the rms is theirs. "
    "Doubted are aligned, too. Processor time of a field, and over that of this step's first row."
)

PYTHONS = {
    "JHAT": os.environ.get("PEERS_PYTHON", ""),
    "jwst": os.environ.get("PEERS_PYTHON", ""),
    "romancal": sys.executable if find_spec("romancal") else "",
    "TweakReg": os.environ.get("HST_PYTHON", ""),
}


@dataclass
class Outcome:
    """What became of images: errors of those that a tool aligned [mas], and those it refused."""

    errors: list[float] = field(default_factory=list)
    doubted: int = 0
    refused: int = 0
    seconds: float = 0.0

    def judge(self, scene: Field, number: int, path: Path, *, aligned: bool) -> None:
        """Count an image by the file that a tool has written of it."""
        if aligned:
            self.errors.append(scene.error(number, path))
        else:
            self.refused += 1


def catfile_of(scene: Field) -> Path:
    """Catalogs as files, and the list of them, for steps with ``catfile``."""
    lines = []
    for path, table in zip(scene.files, scene.catalogs, strict=True):
        name = path.with_suffix(".ecsv").name
        table["x", "y", "flux"].write(scene.folder / name, overwrite=True)
        lines.append(f"{path.name} {name}\n")
    (scene.folder / "catfile").write_text("".join(lines))
    return scene.folder / "catfile"


def ours(scene: Field, folder: Path, **options: str) -> Outcome:
    """Align by this step."""
    catfile = str(catfile_of(scene))
    start = time.process_time()
    result = align(
        [str(path) for path in scene.files],
        str(scene.reference),
        use_custom_catalogs=True,
        catfile=catfile,
        abs_minobj=MINOBJ,
        output_dir=str(folder),
        **options,
    )
    outcome = Outcome(seconds=time.process_time() - start)
    verdicts = {str(row["group"]): str(row["verdict"]) for row in result.groups}
    paths = results_of(scene, folder)
    for number, (path, verdict) in enumerate(zip(paths, verdicts.values(), strict=True)):
        outcome.judge(scene, number, path, aligned=verdict in {"aligned", "doubtful"})
        outcome.doubted += verdict == "doubtful"
    return outcome


def results_of(scene: Field, folder: Path) -> list[Path]:
    """What a step makes of the exposures."""
    names = [path.name for path in scene.files]
    if scene.mission != "HST":
        names = [name.replace("_cal", "_tweakreg") for name in names]
    return [folder / name for name in names]


def run(name: str, words: list[str], job: Path) -> float:
    """Let a script here do a job with the Python of a tool; processor time [s]."""
    environment = {one: value for one, value in os.environ.items() if one != "PYTHONPATH"}
    script = str(Path(__file__).with_name(words[0]))
    command = [PYTHONS[name], script, *words[1:], str(job)]
    subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603
    found = json.loads(job.read_text())
    done = found if isinstance(found, list) else [found]
    for one in done:
        if one["error"]:  # whether that is a refusal or a fault of ours, somebody has to see
            print(f"{name}: {one['error'][:300]}")
    return float(sum(one["seconds"] for one in done))


def stock(scene: Field, folder: Path, name: str) -> Outcome:
    """Align by the stock step of JWST or of Roman."""
    options: dict[str, Any] = {"abs_refcat": str(scene.reference), "abs_minobj": MINOBJ}
    if name == "jwst":
        options |= {"use_custom_catalogs": True, "catfile": str(catfile_of(scene))}
        files = scene.files
    else:
        files = tuple(folder / path.name for path in scene.files)
        for path, table, copy in zip(scene.files, scene.catalogs, files, strict=True):
            with roman.open(path) as opened:
                model = opened.copy()
            catalog = copy.with_suffix(".ecsv")
            table["x", "y", "flux"].write(catalog)
            model.meta["source_catalog"] = {"tweakreg_catalog_name": str(catalog)}
            model.save(copy)
    output = folder / "out"
    output.mkdir()
    job = folder / "job.json"
    words = {"files": [str(path) for path in files], "options": options, "output": str(output)}
    job.write_text(json.dumps(words))
    outcome = Outcome(seconds=run(name, ["peers_stock.py", name], job))
    for number, path in enumerate(results_of(scene, output)):
        outcome.judge(scene, number, path, aligned=status_of(path) == "COMPLETE")
    return outcome


def status_of(path: Path) -> str:
    """What a file of JWST or Roman says of the step; there is none where a tool ended before."""
    if not path.exists():
        print(f"there is no {path.name}")
        return ""
    if path.suffix == ".asdf":
        with asdf.open(path) as opened:
            return str(opened["roman"]["meta"]["cal_step"]["tweakreg"])
    with datamodels.open(path) as model:
        return str(model.meta.cal_step.tweakreg)


def tweakreg(scene: Field, folder: Path) -> Outcome:
    """Align by TweakReg, which changes the files."""
    lines = []
    for path, table in zip(scene.files, scene.catalogs, strict=True):
        shutil.copy(path, folder)
        name = path.with_suffix(".cat").name
        rows = np.stack([table["x"] + 1.0, table["y"] + 1.0, table["flux"]], 1)
        np.savetxt(folder / name, rows, fmt="%.4f")
        lines.append(f"{path.name} {name}\n")
    (folder / "catfile").write_text("".join(lines))
    options = {"catfile": "catfile", "xcol": 1, "ycol": 2, "fluxcol": 3, "fluxunits": "counts"}
    # with its tolerance of 1 pixel it matches nothing in many scenes (hst.py)
    options |= {"searchrad": 6.0, "tolerance": 3.0, "minobj": MINOBJ}
    files = [path.name for path in scene.files]
    job = folder / "job.json"
    words = {"files": files, "reference": str(scene.reference), "options": options}
    job.write_text(json.dumps(words))
    outcome = Outcome(seconds=run("TweakReg", ["peers_tweakreg.py"], job))
    for number, path in enumerate(results_of(scene, folder)):
        aligned = fits.getheader(path, "SCI").get("WCSNAME") == NAME
        outcome.judge(scene, number, path, aligned=aligned)
    return outcome


def scamp(scene: Field, folder: Path) -> Outcome:
    """Align by SCAMP."""
    names, grids = [], []
    for image, table in zip(scene.truth, scene.catalogs, strict=True):
        wcs = claimed_wcs(image)
        header, pixels = image_of(wcs, image.shape)
        names.append(image.file_name.replace(".fits", ".cat"))
        place = pixels(*wcs(np.asarray(table["x"]), np.asarray(table["y"])))
        write_image(folder / names[-1], header, place, np.asarray(table["flux"]), CENTROID)
        grids.append(pixels(*wcs(*pixel_grid(image.shape))))
    write_reference(folder / "reference.cat", Table.read(scene.reference))
    start = os.times()
    found, contrasts = run_scamp(folder, names)
    end = os.times()
    spent = end.children_user + end.children_system - start.children_user - start.children_system
    outcome = Outcome(seconds=spent, doubted=sum(one < LEAST_CONTRAST for one in contrasts))
    for wcs, grid, image in zip(found, grids, scene.truth, strict=True):
        if wcs is None:
            outcome.refused += 1
        else:
            true = true_wcs(image)(*pixel_grid(image.shape))
            outcome.errors.append(judge(wcs, grid, *true))
    return outcome


def jhat(scene: Field, folder: Path) -> Outcome:
    """Align by JHAT, image by image."""
    reference, jobs = Table.read(scene.reference)["RA", "DEC", "MAG"], []
    reference["MAGERR"] = 0.02
    reference.write(folder / "reference.txt", format="ascii")
    for path, table in zip(scene.files, scene.catalogs, strict=True):
        image, catalog = folder / path.name, folder / path.with_suffix(".txt").name
        with datamodels.open(path) as model:  # what JHAT asks of a file, beside its WCS
            model.area = np.ones_like(model.data)
            model.meta.aperture.name = "NRCA5_FULL"
            model.save(image)
        given = table["x", "y", "mag"]
        for name, value in (("dmag", 0.02), ("sharpness", 0.7), ("roundness1", 0.0)):
            given[name] = value
        given.write(catalog, format="ascii")
        words = {"image": image, "catalog": catalog, "reference": folder / "reference.txt"}
        jobs.append({name: str(one) for name, one in (words | {"output": folder / "out"}).items()})
    job = folder / "jobs.json"
    job.write_text(json.dumps(jobs))
    outcome = Outcome(seconds=run("JHAT", ["peers_jhat.py"], job))
    for number, path in enumerate(scene.files):
        # with the newest packages its last table fails, after the image is written
        written = folder / "out" / path.name.replace("_cal", "_jhat")
        outcome.judge(scene, number, written, aligned=status_of(written) == "COMPLETE")
    return outcome


TOOLS: dict[str, dict[str, Any]] = {
    "JWST": {
        "this step": ours,
        "this step, general": lambda scene, folder: ours(scene, folder, fitgeometry="general"),
        "jwst": lambda scene, folder: stock(scene, folder, "jwst"),
        "JHAT": jhat,
        "SCAMP": scamp,
    },
    "Roman": {
        "this step": ours,
        "this step, general": lambda scene, folder: ours(scene, folder, fitgeometry="general"),
        "romancal": lambda scene, folder: stock(scene, folder, "romancal"),
    },
    "HST": {"this step": ours, "TweakReg": tweakreg},
}
"""What takes part for each mission."""

KEYS = [(mission, scene, tool) for mission in MISSIONS for scene in SCENES
        for tool in TOOLS[mission]]  # fmt: skip
"""The rows of the table, in its order."""


def is_here(tool: str) -> bool:
    """Whether a tool is installed."""
    return bool(SCAMP) if tool == "SCAMP" else bool(PYTHONS.get(tool, tool))


def add(total: Outcome, one: Outcome) -> None:
    """Count what became of one more scene."""
    total.errors += one.errors
    total.doubted += one.doubted
    total.refused += one.refused
    total.seconds += one.seconds


def row_of(outcome: Outcome, bound: float, seeds: int, ours: float) -> tuple[str, ...]:
    """The numbers of a row of the table; `ours` is the time of this step."""
    errors = np.array(outcome.errors)
    right = errors[errors < RIGHT_MAS]
    rms = float(np.sqrt(np.mean(right**2))) if len(right) else float("nan")
    known = f"{rms:.2f}", f"{rms / bound:.2f}"
    return (
        *(known if len(right) else ("-", "-")),
        f"{len(right)}",
        f"{len(errors) - len(right)}",
        f"{outcome.doubted}",
        f"{outcome.refused}",
        f"{outcome.seconds / seeds:.1f}",
        f"{outcome.seconds / ours:.1f}",
        commit(),
    )


def rows_of(mission: str, scene: str, seeds: int) -> dict[str, tuple[str, ...]]:
    """The numbers of each tool that is here."""
    used = {name: tool for name, tool in TOOLS[mission].items() if is_here(name)}
    outcomes, bounds = {name: Outcome() for name in used}, []
    for seed in range(1, seeds + 1):
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            drawn = make(mission, scene, seed, Path(folder) / "field")
            bounds.extend(drawn.bound)
            for number, (name, tool) in enumerate(used.items()):
                own = Path(folder) / f"tool{number}"
                own.mkdir()
                add(outcomes[name], tool(drawn, own))
    bound = float(np.sqrt(np.mean(np.square(bounds))))
    own = outcomes["this step"].seconds
    return {name: row_of(outcome, bound, seeds, own) for name, outcome in outcomes.items()}


def known_rows() -> dict[tuple[str, ...], tuple[str, ...]]:
    """The rows of the table as it is, by mission, scene and tool."""
    if not (TABLES / "peers.rst").exists():
        return {}
    rows = [tuple(row.values()) for row in read_table("peers")]
    return {row[:3]: row[3:] for row in rows}


def main(words: str = "", seeds: int | None = None) -> None:
    """Print and write the rows of all scenes, or of those whose name has some words."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    chosen = [(mission, scene) for mission in MISSIONS for scene in SCENES
              if words in f"{mission}, {scene}"]  # fmt: skip
    missing = sorted(
        {tool for mission, _ in chosen for tool in TOOLS[mission] if not is_here(tool)}
    )
    for tool in missing:
        print(f"{tool} is not installed here, and left out.")
    rows = known_rows()
    for mission, scene in chosen:
        for tool, row in rows_of(mission, scene, seeds or SEEDS[mission]).items():
            rows[mission, scene, tool] = row
        order = [(*key, *rows[key]) for key in KEYS if key in rows]
        publish(__file__, "peers", (HEADER, order), NOTE, write=seeds is None and not missing)


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
