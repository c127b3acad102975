"""What DrizzlePac makes of our results; run in an environment of its own (``make test-hst``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from drizzled import drizzle
from hst_visits import REFINED, align, largest_error, results, visit

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate.hst import Hits, HstTruth

pytestmark = [pytest.mark.hst, pytest.mark.filterwarnings("ignore")]

TOLERANCE_MAS = 1.0
SCENE: dict[str, Any] = {"exposures": 4, "hits": Hits(400.0), "stars": 80}
COSMIC_RAY = 4096
"""Bit of DQ that AstroDrizzle sets."""


@pytest.fixture(scope="module")
def truth() -> HstTruth:
    return visit(**SCENE)


@pytest.fixture(scope="module")
def drizzled(truth: HstTruth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which our results were drizzled, cosmic rays rejected."""
    folder = tmp_path_factory.mktemp("drizzled")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        given = list(map(str, truth.files))
        align(given, truth, **REFINED, save_results=True, output_dir=".")
        drizzle("*_flc.fits", "final", clean=False, driz_cr_corr=True)
    return folder


def correction(folder: Path, given: list[Path], truth: HstTruth) -> list[dict[str, Any]]:
    """The corrections that a dry run finds."""
    TweakRegStep.call(
        list(map(str, given)),
        abs_refcat=str(truth.catalog),
        apply_correction=False,
        save_report=True,
        output_dir=str(folder / "check"),
    )
    report = json.loads(next((folder / "check").glob("*_tweakreg.json")).read_text())
    return [group["correction"] for group in report["groups"]]


def test_as_many_pixels_are_flagged_as_cosmic_rays_have_hit(
    truth: HstTruth, drizzled: Path
) -> None:
    twin = visit(flagged=1.0, **SCENE)
    hit = flagged = both = pixels = 0
    for path, flags in zip(results(truth, drizzled), twin.files, strict=True):
        with fits.open(path) as found, fits.open(flags) as true:
            for chip in (1, 2):
                mark = (found["DQ", chip].data & COSMIC_RAY) != 0
                ray = true["DQ", chip].data == 8192
                hit, flagged = hit + ray.sum(), flagged + mark.sum()
                both, pixels = both + (mark & ray).sum(), pixels + ray.size
    assert 0.001 < hit / pixels < 0.01
    assert 0.6 * hit < flagged < 1.6 * hit
    assert both > 0.6 * hit


def test_stars_of_the_mosaic_are_where_they_are(
    truth: HstTruth, drizzled: Path, tmp_path: Path
) -> None:
    (found,) = correction(tmp_path, [drizzled / "final_drc.fits"], truth)
    assert np.hypot(*found["shift_mas"]) < TOLERANCE_MAS
    assert abs(found["roll_arcsec"]) < 4.0 * found["roll_sigma_arcsec"]


def test_singly_drizzled_images_show_what_is_left(
    truth: HstTruth, drizzled: Path, tmp_path: Path
) -> None:
    singles = sorted(drizzled.glob("*_single_sci.fits"))
    assert len(singles) == 4
    for found in correction(tmp_path, singles, truth):
        assert np.hypot(*found["shift_mas"]) < TOLERANCE_MAS


def test_drizzling_leaves_our_wcs(truth: HstTruth, drizzled: Path) -> None:
    assert largest_error(results(truth, drizzled), truth) < TOLERANCE_MAS
