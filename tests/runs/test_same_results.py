"""What a fixed scene came to once, and comes to today: the step and the two functions.

The numbers are in ``tests/data/same_results.json``. ``python tests/runs/test_same_results.py``
writes them anew, which is right only where a change is meant to change results; the commit says
why.

On the machine that wrote them they hold to the last bit (``SAME_BITS=1``, as ``make same-bits``
sets it). Elsewhere sums have other last bits, and what follows from them: positions hold within
1e-6 arcsec, statuses and counts of matches as they are.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from stdatamodels.jwst import datamodels
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import TweakRegStep, absolute_align, relative_align
from tweakreg_step.simulate import Truth, load_truth, pixel_of, simulate_mosaic, true_wcs

SAVED = Path(__file__).parents[1] / "data" / "same_results.json"
TO_THE_BIT = os.environ.get("SAME_BITS") == "1"
GRID = np.array([(x, y) for x in (0.0, 170.0, 511.0) for y in (0.0, 340.0, 511.0)]).T
POSITION = 1e-6 / 3600.0  # degrees
NOISE = "jw00001002001_02101_00002"  # the exposure whose catalogs are of stars that are not there
BROKEN = "jw00001001001_02101_00002_nrcalong"  # the image whose file is cut off
NOT_RESULTS = ("start", "stages", "versions", "parameters")
NOT_SIP = ("SIMPLE", "DATE", "FILENAME", "CHECKSUM", "DATASUM", "CAL_VER", "TWK")


def simulated(folder: Path) -> Truth:
    """Two overlapping tiles, two dithers each, two detectors, 512 x 512 pixels."""
    return simulate_mosaic(
        folder,
        seed=20261126,
        tiles=(1, 2),
        dithers=2,
        detectors=("NRCALONG", "NRCBLONG"),
        shape=(512, 512),
        stars_per_image=45,
        overlap=0.94,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.4,
    )


def spoiled(truth: Truth) -> Path:
    """The list of catalogs that are noise; one more image's file is cut off."""
    lines = []
    for number, image in enumerate(truth.images):
        path = truth.folder / image.file_name
        if image.file_name.startswith(BROKEN):
            path.write_bytes(path.read_bytes()[:100_000])
        if image.file_name.startswith(NOISE):
            place = np.random.default_rng(number).uniform(5.0, 505.0, (60, 2))
            Table(place, names=["x", "y"]).write(truth.folder / f"noise{number}.ecsv")
            lines.append(f"{image.file_name} noise{number}.ecsv")
    assert len(lines) == 2
    catfile = truth.folder / "catfile.txt"
    catfile.write_text("\n".join(lines) + "\n")
    return catfile


def report_of_run(folder: Path) -> dict[str, Any]:
    report = json.loads(next(folder.glob("*_tweakreg.json")).read_text())
    report["totals"].pop("seconds")
    return {key: value for key, value in report.items() if key not in NOT_RESULTS}


def image_results(path: Path) -> dict[str, Any]:
    """The corrected WCS on a grid, the status and the keywords of SIP."""
    with datamodels.open(path) as model:
        sky = [list(map(float, axis)) for axis in model.meta.wcs(*GRID, with_bounding_box=False)]
        info = {k: v for k, v in model.meta.wcsinfo.instance.items() if not isinstance(v, list)}
        return {
            "sky": sky,
            "frames": list(model.meta.wcs.available_frames),
            "name": model.meta.wcs.name,
            "status": model.meta.cal_step.tweakreg,
            "wcsinfo": info,
        }


def through_the_step(truth: Truth, output: Path, **options: Any) -> dict[str, Any]:
    """What the step makes of the scene from files to files."""
    TweakRegStep.call(
        str(truth.association),
        abs_refcat=str(truth.catalog),
        save_results=True,
        output_dir=str(output),
        use_custom_catalogs=True,
        catfile=str(truth.folder / "catfile.txt"),
        **options,
    )
    results = {p.name: image_results(p) for p in sorted(output.glob("*_tweakreg.fits"))}
    return {"images": results, "report": report_of_run(output)}


def correctors_of(truth: Truth) -> list[Any]:
    """Correctors with catalogs of the catalog's stars and noise, one exposure's catalogs wrong."""
    stars = Table.read(truth.catalog)
    correctors = []
    for number, image in enumerate(truth.images):
        rng = np.random.default_rng(number)
        if image.file_name.startswith(BROKEN):
            continue
        x, y = pixel_of(true_wcs(image), np.asarray(stars["RA"]), np.asarray(stars["DEC"]))
        inside = (x > 0) & (x < 511) & (y > 0) & (y < 511)
        place = np.stack([x[inside], y[inside]]) + rng.normal(0.0, 0.05, (2, inside.sum()))
        if image.file_name.startswith(NOISE):
            place = rng.uniform(0.0, 511.0, place.shape)
        with datamodels.open(truth.folder / image.file_name) as model:
            wcs, info = model.meta.wcs, model.meta.wcsinfo.instance
        angles = {key: info[key] for key in ("v2_ref", "v3_ref", "roll_ref")}
        meta = {
            "catalog": Table(place.T, names=["x", "y"]),
            "name": image.file_name,
            "group_id": image.group,
            "detector": image.detector,
        }
        correctors.append(JWSTWCSCorrector(wcs, angles, meta=meta))
    return correctors


def corrector_results(correctors: list[Any]) -> list[dict[str, Any]]:
    """The WCS of each corrector on a grid, and what it says of its fit."""
    results = []
    for corrector in correctors:
        fit = corrector.meta["fit_info"]
        absolute = fit.get("absolute")
        results.append(
            {
                "name": corrector.meta["name"],
                "sky": [list(map(float, a)) for a in corrector.wcs.forward_transform(*GRID)],
                "status": fit["status"],
                "nmatches": None if fit.get("nmatches") is None else int(fit["nmatches"]),
                "reason": fit.get("reason"),
                "absolute": None if absolute is None else absolute.code,
            }
        )
    return results


def through_the_functions(truth: Truth) -> dict[str, Any]:
    found: dict[str, Any] = {}
    relative = relative_align(correctors_of(truth))
    found["relative"] = corrector_results(relative)
    both = absolute_align(relative, Table.read(truth.catalog))
    found["relative and absolute"] = corrector_results(both)
    absolute = absolute_align(correctors_of(truth), Table.read(truth.catalog))
    found["absolute"] = corrector_results(absolute)
    sequential = relative_align(correctors_of(truth), align_method="sequential")
    found["sequential"] = corrector_results(sequential)
    return found


def all_results(folder: Path) -> dict[str, Any]:
    """Everything that is held, as JSON's own kinds."""
    truth = simulated(folder / "input")
    functions = through_the_functions(truth)
    spoiled(truth)
    truth = load_truth(truth.folder / "truth.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as outside of pytest: the broken file warns first
        found = {
            "functions": functions,
            "step, global": through_the_step(truth, folder / "global"),
            "step, sequential": through_the_step(
                truth, folder / "sequential", align_method="sequential"
            ),
        }
    plain = json.loads(json.dumps(found, default=float).replace(str(folder), "FOLDER"))
    assert isinstance(plain, dict)
    return plain


def differences(saved: Any, found: Any, place: str = "") -> list[str]:
    """Where two trees differ: to the bit, or in what must hold between machines."""
    if isinstance(saved, dict) and isinstance(found, dict):
        keys = sorted(set(saved) | set(found))
        return [d for k in keys for d in differences(saved.get(k), found.get(k), f"{place}/{k}")]
    if isinstance(saved, list) and isinstance(found, list) and len(saved) == len(found):
        pairs = enumerate(zip(saved, found, strict=True))
        return [d for i, (one, two) in pairs for d in differences(one, two, f"{place}/{i}")]
    if saved == found or (not TO_THE_BIT and _near(saved, found, place)):
        return []
    return [f"{place}: {saved!r} -> {found!r}"]


def _near(saved: Any, found: Any, place: str) -> bool:
    """Whether two leaves are the same but for the last bits of sums."""
    if isinstance(saved, str) and isinstance(found, str):
        # sentences have numbers in them, rounded: their words hold
        return _words(saved) == _words(found)
    if isinstance(saved, float) and isinstance(found, float):
        if "/sky/" in place or "corners" in place:
            return abs(saved - found) < POSITION
        return bool(np.isclose(found, saved, rtol=2e-2, atol=1e-3))
    return False


def _words(sentence: str) -> list[str]:
    return [word for word in sentence.split() if not any(c.isdigit() for c in word)]


def test_results_are_what_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = all_results(tmp_path)
    statuses = [one["status"] for one in found["step, global"]["images"].values()]
    assert (statuses.count("COMPLETE"), statuses.count("FAILED")) == (5, 2)
    assert not differences(json.loads(SAVED.read_text()), found)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        SAVED.write_text(json.dumps(all_results(Path(folder)), indent=0) + "\n")
    sys.stdout.write(f"{SAVED}: {SAVED.stat().st_size} bytes\n")
