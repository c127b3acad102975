"""Artefacts that stay on the detector, told from stars by where the WCS says that they moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import SIGMA, catalogs, field, noisy, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.matching.false_matches.detector_artefacts import (
    DetectorPositions,
    pinned_pairs,
)
from tweakreg_step.alignment.matching.offset_histogram import disjoint_from, make_pairs
from tweakreg_step.core.options import Options
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import directions
from tweakreg_step.report.sentences import reason_of

DITHER = np.array([1.5, 0.4])


def seen(
    rng: np.random.Generator, sky: np.ndarray, hot: np.ndarray, step: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the header puts stars and hot pixels, and their pixels [arcsec].

    The header says that the telescope is at `step`; it is at `step` less `error`.
    """
    pixels = noisy(rng, np.concatenate([sky + error - step, hot]))
    return pixels + step, pixels


def solved(
    seed: int,
    hot: int,
    steps: tuple[np.ndarray, ...],
    errors: tuple[np.ndarray, ...],
    *,
    known: bool = True,
    reference: bool = False,
) -> Solution:
    """The alignment of one exposure per step of 60 stars and some hot pixels."""
    rng = np.random.default_rng(seed)
    sky, pixels = field(rng, 60), field(rng, hot)
    parts = [seen(rng, sky, pixels, *pair) for pair in zip(steps, errors, strict=True)]
    given = catalogs(*(place for place, _ in parts))
    if known:
        unit = np.zeros(len(given), int)
        given = replace(given, unit=unit, unit_xy=np.concatenate([p for _, p in parts]))
    return solve_jointly(given, len(steps), stars(sky) if reference else None, Options())


def codes(found: Solution) -> list[str]:
    return [verdict.code for verdict in found.relative]


NONE = np.zeros(2)
ERROR = np.array([-0.3, 0.25])


@pytest.mark.parametrize("hot", [30, 60, 100, 150, 240])
@pytest.mark.parametrize("seed", range(4))
def test_dithered_hot_pixels_of_a_known_detector_change_nothing(hot: int, seed: int) -> None:
    found = solved(seed, hot, (NONE, DITHER), (NONE, ERROR))
    assert codes(found) == ["aligned"] * 2
    # what all have in common stays: the difference is the pointing error, to five sigmas
    np.testing.assert_allclose(
        found.groups.shift[1] - found.groups.shift[0],
        -ERROR,
        atol=5.0 * SIGMA * np.sqrt(2.0 / 60.0),
    )


@pytest.mark.parametrize("hot", [110, 150, 240])
def test_of_an_unknown_detector_they_are_a_doubt_with_its_numbers(hot: int) -> None:
    found = solved(5, hot, (NONE, DITHER), (NONE, ERROR), known=False)
    assert codes(found) == ["second_peak"] * 2
    evidence = found.relative[0].evidence
    assert evidence.second_matches == pytest.approx(60, abs=3)  # the stars
    distance = 1e3 * np.hypot(*(DITHER - ERROR))
    assert evidence.second_offset_mas == pytest.approx(distance, abs=5.0)
    assert f"{1e-3 * distance:.2f} arcsec away" in reason_of(found.relative[0])


def test_four_dithers_full_of_hot_pixels() -> None:
    rng = np.random.default_rng(6)
    steps = tuple(np.array(step) for step in ((0.0, 0.0), (0.9, 0.3), (-0.4, 1.1), (-0.7, -0.8)))
    errors = tuple(rng.normal(0.0, 0.1, (4, 2)))
    found = solved(7, 200, steps, errors)
    assert codes(found) == ["aligned"] * 4
    moved = found.groups.shift + np.array(errors)
    assert np.abs(moved - moved.mean(axis=0)).max() < 5.0 * SIGMA / np.sqrt(60.0)


def test_one_pointing_is_no_artefact() -> None:
    """What is at the same pixels where nothing moved: the stars, as far as can be known."""
    found = solved(8, 0, (NONE, NONE), (NONE, NONE))
    assert codes(found) == ["aligned"] * 2


def test_stars_at_the_same_pixels_are_believed_with_a_doubt() -> None:
    """A header that is off by what it calls a dither, or a field of hot pixels alone."""
    found = solved(9, 0, (NONE, DITHER), (NONE, DITHER))
    assert codes(found) == ["same_pixels"] * 2
    assert found.relative[0].evidence.pinned_matches == pytest.approx(60, abs=2)
    np.testing.assert_allclose(found.groups.shift[1] - found.groups.shift[0], -DITHER, atol=0.005)


def test_a_reference_vouches_for_them() -> None:
    found = solved(9, 0, (NONE, DITHER), (NONE, DITHER), reference=True)
    assert codes(found) == ["aligned"] * 2
    assert [verdict.code for verdict in found.absolute] == ["aligned"] * 2


def _pairs(rng: np.random.Generator, count: int, shift: np.ndarray):
    from scipy.spatial import cKDTree

    place = field(rng, count)
    given = catalogs(place, place + shift)
    own = [given.take(given.group == group) for group in (0, 1)]
    trees = [cKDTree(directions(part.ra, part.dec)) for part in own]
    return place, make_pairs([(trees[0], trees[1])], 2.0)


def test_pairs_at_one_pixel_are_counted_where_the_wcs_moved() -> None:
    rng = np.random.default_rng(10)
    noise = np.full(1, 2.0 * SIGMA**2)
    for shift, expected in ((DITHER, 50), (0.05 * DITHER, 0)):
        place, pairs = _pairs(rng, 50, shift)
        unit = np.zeros(50, int)
        plate = DetectorPositions(unit, place)
        pinned = pinned_pairs(pairs, [(plate, plate)], noise, 0.12)
        assert pinned.sum() == expected
        assert (pairs.first_index[pinned] == pairs.second_index[pinned]).all()
        # none of another detector, of an unknown one, or of nothing
        for other in (DetectorPositions(unit + 1, place), DetectorPositions(unit - 1, place), None):
            assert not pinned_pairs(pairs, [(other, plate)], noise, 0.12).any()
    # all pairs of the pinned detections go, those of others stay
    free = disjoint_from(pairs, pairs.first_index == 3)
    assert (
        free == ((pairs.first_index != 3) & ~np.isin(pairs.second_index, _with(pairs, 3)))
    ).all()


def _with(pairs, index: int) -> np.ndarray:
    return pairs.second_index[pairs.first_index == index]


def test_chance_pins_nothing() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        _, pairs = _pairs(rng, 400, DITHER)
        plates = [DetectorPositions(np.zeros(400, int), field(rng, 400)) for _ in range(2)]
        assert not pinned_pairs(pairs, [tuple(plates)], np.full(1, 8e-6), 0.12).any()
