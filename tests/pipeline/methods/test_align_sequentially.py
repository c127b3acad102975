"""One group after another: what all groups at once would leave out, or doubt, is so here too."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table, vstack
from scenes import make_correctors, make_scene

from tweakreg_step.core.images import Groups
from tweakreg_step.core.outcome import Code
from tweakreg_step.parameters import STAGES, Parameters, ReferenceParameters
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.methods.align_sequentially import (
    SequentialAlignment,
    align_sequentially,
)
from tweakreg_step.pipeline.reference_stars import load_reference, reference_of

PARAMETERS = Parameters(**{stage: kind() for stage, kind in STAGES.items()})
EPOCH = 2025.0


OFF = 7  # second of three detectors in the third exposure


def detectors(seed: int, exposures: int = 3) -> tuple[list[Any], Table]:
    """Dithers of three detectors, and reference stars."""
    scene = make_scene("4 dithers of 5 detectors", seed, stars=60, roll=3.0)
    kept = [number for number in range(5 * exposures) if number % 5 < 3]
    images, catalogs = (tuple(x[n] for n in kept) for x in (scene.images, scene.catalogs))
    some = replace(scene, images=images, catalogs=catalogs)
    return make_correctors(some), scene.reference["RA", "DEC"]


def shifted(corrector: Any, step: float, roll: float = 0.0) -> None:
    """Move a corrector's sources by some pixels along x, and roll them about its middle."""
    catalog = corrector.meta["catalog"]
    place = np.stack([catalog["x"], catalog["y"]])
    middle, angle = place.mean(axis=1, keepdims=True), np.deg2rad(roll / 3600.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    x, y = turn @ (place - middle) + middle + [[step], [0.0]]
    corrector.meta["catalog"] = Table({"x": x, "y": y})


def aligned(correctors: list[Any]) -> SequentialAlignment:
    return align_sequentially(Groups.of(images_of(correctors)), None, PARAMETERS)


@pytest.mark.parametrize(("step", "roll"), [(3.0, 0.0), (0.0, 300.0)])
def test_an_image_that_does_not_move_with_its_group_is_left_out(step: float, roll: float) -> None:
    correctors, _ = detectors(3)
    shifted(correctors[OFF], step, roll)
    before = correctors[OFF].wcs
    found = aligned(correctors)
    assert [one.image for one in found.apart] == [OFF]
    assert found.uncorrected[OFF].code is Code.IMAGE_APART
    assert {verdict.code for verdict in found.relative} == {Code.ALIGNED}
    assert correctors[OFF].wcs is before
    assert not found.moved[OFF]
    assert sum(found.moved) >= 5  # all others but those of the first group
    assert abs(found.apart[0].roll_arcsec) == pytest.approx(roll, abs=10.0)


def test_halves_of_a_group_are_a_doubt() -> None:
    correctors, _ = detectors(4, exposures=4)
    shifted(correctors[OFF], 4.0)
    del correctors[OFF + 1]
    found = aligned(correctors)
    assert found.apart == ()
    assert found.relative[2].code is Code.IMAGE_OFF
    assert found.relative[2].evidence.images_off >= 1


def hot_pixels(seed: int, stars: int, hot: int) -> list[Any]:
    """Four dithers of one detector, with the same hot pixels in each."""
    correctors = make_correctors(make_scene("4 dithers", seed, stars=stars, roll=3.0))
    rng = np.random.default_rng(seed)
    size = [float(np.max(correctors[0].meta["catalog"][axis])) for axis in "xy"]
    pixels = Table(
        {axis: rng.uniform(5.0, n - 5.0, hot) for axis, n in zip("xy", size, strict=True)}
    )
    for number, corrector in enumerate(correctors):
        noise = Table({axis: pixels[axis] + rng.normal(0.0, 0.03, hot) for axis in "xy"})
        corrector.meta["catalog"] = vstack([corrector.meta["catalog"], noise])
        corrector.meta["epoch"] = EPOCH + 1e-5 * number
    return correctors


def test_detections_that_stay_on_the_detector_take_no_part(
    caplog: pytest.LogCaptureFixture,
) -> None:
    correctors = hot_pixels(5, 40, 120)
    clean = make_correctors(make_scene("4 dithers", 5, stars=40, roll=3.0))
    with caplog.at_level(logging.INFO):
        found = aligned(correctors)
    assert "they are taken for hot pixels or persistence" in caplog.text
    assert {verdict.code for verdict in found.relative} == {Code.ALIGNED}
    assert all(len(corrector.meta["catalog"]) < 100 for corrector in correctors[1:])
    aligned(clean)
    places = [np.array(c.wcs(500.0, 500.0)) for c in correctors]
    without = [np.array(c.wcs(500.0, 500.0)) for c in clean]
    steps = [3.6e6 * (a - b) for a, b in zip(places, without, strict=True)]  # mas
    assert np.abs(np.array(steps) - steps[0]).max() < 20.0


def test_what_is_at_the_same_pixels_everywhere_is_a_doubt() -> None:
    """Nothing but hot pixels: they are given back, and said to be."""
    correctors = hot_pixels(6, 1, 80)
    found = aligned(correctors)
    assert {v.code for v in found.relative if v.applied} <= {Code.SAME_PIXELS}


def test_where_nothing_is_wrong_nothing_is_left_out() -> None:
    correctors, _ = detectors(7)
    sizes = [len(corrector.meta["catalog"]) for corrector in correctors]
    found = aligned(correctors)
    assert (found.apart, found.uncorrected) == ((), {})
    assert [len(corrector.meta["catalog"]) for corrector in correctors] == sizes


def test_with_a_reference_both_phases_leave_it_out() -> None:
    correctors, stars = detectors(3)
    shifted(correctors[OFF], 3.0)
    groups = Groups.of(images_of(correctors))
    table = load_reference(stars, groups.images, ReferenceParameters(), 6.0)
    few = replace(PARAMETERS, absolute=replace(PARAMETERS.absolute, abs_minobj=8))
    found = align_sequentially(groups, (reference_of(table), table), few)
    assert [one.image for one in found.apart] == [OFF]
    assert {v.code for v in found.relative} == {v.code for v in found.absolute} == {Code.ALIGNED}
    assert found.moved == tuple(number != OFF for number in range(9))
