"""What keeps exposures of HST from the bound where sources are found in their pixels.

Run as ``python benchmarks/hst_pixels.py [visits]``; needs stwcs. The visits of three dithers of
``hst.py``, with other seeds: aligned from catalogs whose positions have the errors that light
allows, told or not, and from pixels, with an effective PSF and with windowed positions. Bound and
light are those of ``hst.py``: the first counts what cosmic rays have hit.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import os
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from hst import errors_of, scenes, simulated
from hst_bound import MOFFAT, centroid_error, chips_of
from tables import publish

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate.hst import CAMERAS, Scene
from tweakreg_step.simulate.render import Psf

VISITS = 8
FIRST = 101
"""Seed of the first visit."""

CAMERAS_TRIED = ("WFC3/IR", "ACS/WFC")

FOUND = 1.0
"""Distance [pixels] to which a source is a star."""

GIVEN = {"use_custom_catalogs": True, "catfile": "catfile", "xyorigin": 0, "brightest": 100000}
CATALOGS = {
    "given, errors told": lambda light: light,
    "given, errors not told": lambda _: None,
}
"""What catalogs say of the errors, from those by light."""

PIXELS: dict[str, dict[str, Any]] = {
    "pixels": {},
    "pixels, windowed": {"refine_centroids": "window"},
}


@dataclass(frozen=True)
class Seen:
    """A star on a chip: its flux, the error of its place by light, and how far off it was found.

    ``off`` has both axes [pixels], NaN where it was not found.
    """

    flux: np.ndarray
    light: np.ndarray
    off: np.ndarray


def light_of(scene: Scene, stars: Table) -> np.ndarray:
    """Error per axis of the place of each star, as light and noise allow [pixels]."""
    psf = Psf(CAMERAS[scene.camera].fwhm, MOFFAT)
    return centroid_error(psf, np.asarray(stars["FLUX"]), scene.sky + scene.read**2)


def write_given(visit: Any, say: Any) -> None:
    """Catalogs of all stars that chips see, with positions off by the errors of light."""
    stars = Table.read(visit.truth.folder / "sky.ecsv")
    light = light_of(visit.scene, stars)
    rng, lines = np.random.default_rng(visit.scene.seed), []
    for one in visit.truth.exposures:
        words = [one.path.name]
        for number, chip in enumerate(chips_of(one, stars)):
            sigma = light[chip.stars]
            off = sigma * rng.standard_normal((2, len(sigma)))
            table = Table({"x": chip.x + off[0], "y": chip.y + off[1]})
            table["flux"] = stars["FLUX"][chip.stars]
            said = say(sigma)
            if said is not None:
                table["x_err"] = table["y_err"] = said
            words.append(f"{one.path.stem}_{number}.ecsv")
            table.write(words[-1], overwrite=True)
        lines.append(" ".join(words))
    Path("catfile").write_text("\n".join(lines))


def seen_in(visit: Any) -> Seen:
    """What became of all stars on all chips, from the catalogs that a run has saved."""
    stars = Table.read(visit.truth.folder / "sky.ecsv")
    light, parts = light_of(visit.scene, stars), []
    for one in visit.truth.exposures:
        tables = sorted(Path("out").glob(f"{one.path.name.split('_')[0]}*_cat*.ecsv"))
        for chip, path in zip(chips_of(one, stars), tables, strict=True):
            table = Table.read(path)
            places = np.stack([table["x"], table["y"]], 1)[:, None]
            apart = places - np.stack([chip.x, chip.y], 1)
            nearest = np.hypot(*apart.T).T.argmin(axis=0)
            off = apart[nearest, np.arange(len(chip.x))]
            off[np.hypot(*off.T) > FOUND] = np.nan
            parts.append((np.asarray(stars["FLUX"])[chip.stars], light[chip.stars], off))
    return Seen(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def run(visit: Any, options: dict[str, Any]) -> np.ndarray:
    """Errors of the exposures after a run [mas]."""
    TweakRegStep.call(
        [str(path) for path in visit.truth.files], abs_refcat=str(visit.truth.catalog),
        output_dir="out", save_results=True, save_catalogs=True, **options,
    )  # fmt: skip
    return errors_of(Path("out"), visit.truth)


def figures(camera: str, hits: str, visits: int) -> list[tuple[str, ...]]:
    """Rows of the table: of one kind of visits, each aligned in all ways."""
    ways = [*(CATALOGS if hits == "0 %" else ()), *PIXELS]
    after: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    seen: dict[str, list[Seen]] = {way: [] for way in ways}
    best, light, home = [], [], Path.cwd()
    for seed in range(FIRST, FIRST + visits):
        scene = replace(scenes(camera)["3 dithers", hits], seed=seed)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.chdir(folder)
            try:
                visit = simulated(scene, Path("in"))
                best.append(visit.bound["pixels"])
                light.append(visit.bound["light"])
                for way in ways:
                    if way in CATALOGS:
                        write_given(visit, CATALOGS[way])
                    after[way].append(run(visit, GIVEN if way in CATALOGS else PIXELS[way]))
                    if way in PIXELS:
                        seen[way].append(seen_in(visit))
                    shutil.rmtree("out")
            finally:
                os.chdir(home)
    return [
        (camera, hits, way, *ratios(after[way], best, light), *positions(seen[way])) for way in ways
    ]


def ratios(
    after: list[np.ndarray], best: list[np.ndarray], light: list[np.ndarray]
) -> tuple[str, str]:
    """Rms over the bound, with its error, and over that by light."""
    squares, bound = np.square(after), np.square(best)
    ratio = np.sqrt(squares.mean() / bound.mean())
    spread = np.mean(squares - ratio**2 * bound, axis=1).std(ddof=1)
    error = spread / np.sqrt(len(after)) / (2.0 * ratio * bound.mean())
    over_light = np.sqrt(squares.mean() / np.mean(np.square(light)))
    return f"{ratio:.2f} ± {error:.2f}", f"{over_light:.2f}"


def positions(seen: list[Seen]) -> tuple[str, str, str, str]:
    """Part of the faintest and of all stars that were found; errors over those by light.

    Errors are those of the faintest and of the brightest quarter, by the median of what is off.
    """
    if not seen:
        return ("", "", "", "")
    flux, light, off = (
        np.concatenate([getattr(one, name) for one in seen]) for name in ("flux", "light", "off")
    )
    found = np.isfinite(off[:, 0])
    faint, bright = flux < np.quantile(flux, 0.25), flux > np.quantile(flux, 0.75)
    over = [
        1.4826 * np.median(np.abs(off[part & found] / light[part & found, None]))
        for part in (faint, bright)
    ]
    parts = (found[faint].mean(), found.mean())
    return (
        *(f"{100 * part:.0f} %" for part in parts),
        *(f"{value:.2f}" for value in over),
    )


def main(visits: int) -> None:
    """Print the table, and write it if it is that of the documentation."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    rows = []
    for camera, hits in itertools.product(CAMERAS_TRIED, ("0 %", "95 %")):
        rows += (new := figures(camera, hits, visits))
        print(*("  ".join(one) for one in new), sep="\n", flush=True)
    header = ("camera", "cosmic rays", "sources", "rms / bound", "rms / light")
    header = (*header, "faint found", "found", "faint error", "bright error")
    note = (
        f"Of {visits} visits of three dithers. Errors of positions are over those that light "
        "allows; faint and bright are the outer quarters of the stars."
    )
    publish(__file__, "hst_pixels", (header, rows), note, write=visits == VISITS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else VISITS)
