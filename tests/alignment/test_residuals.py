"""Matches seen from their sources: against the residuals of the solution and against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_results import make_result

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.residuals import corrected_directions, matched_of
from tweakreg_step.core.detections import Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import angular_distance, directions


def _matched(result):
    return matched_of(result.catalogs.detections, result.catalogs.reference, result.solution)


def _spread(position: np.ndarray, source: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted rms distance [arcsec] from the weighted mean of each source."""
    total = np.bincount(source, weight)
    mean = np.stack([np.bincount(source, weight * axis) / total for axis in position.T], axis=1)
    square = np.sum((position - mean[source]) ** 2, axis=1)
    return np.sqrt(np.sum(weight * square) / np.sum(weight))


def test_all_matches_are_there_once_and_sorted() -> None:
    result = make_result(lost=(4,))
    matched = _matched(result)
    assert len(matched) == np.sum(result.solution.detections.source >= 0)
    assert len(np.unique(matched.index)) == len(matched)
    assert (np.diff(matched.source) >= 0).all()
    np.testing.assert_array_equal(matched.source, result.solution.detections.source[matched.index])


def test_before_is_after_and_the_correction() -> None:
    """The change is what the correction moves the detection by, computed on the sphere."""
    result = make_result(kind="stack", count=4, spurious=0.0)
    matched, catalog = _matched(result), result.catalogs.detections
    seen = directions(catalog.ra, catalog.dec)[matched.index]
    moved = corrected_directions(catalog, result.solution)[matched.index]
    step = np.hypot(*(matched.after - matched.before).T)
    # 1e-6 arcsec: the plane is tangent at most 1" from either place
    np.testing.assert_allclose(step, angular_distance(seen, moved), atol=1e-6)
    assert step.min() > 0.01


def test_one_source_is_one_place_after_the_correction() -> None:
    """Positions before scatter by the pointing errors, those after by the noise alone."""
    result = make_result(reference=False, shift=0.3)
    matched = _matched(result)
    good = np.flatnonzero(matched.used)
    parts = matched.source[good], matched.weight[good]
    assert _spread(matched.before[good], *parts) > 0.1
    # the noise is 1.5 to 3 mas
    assert _spread(matched.after[good], *parts) < 0.004


def test_the_path_of_a_star_is_no_error_of_the_wcs() -> None:
    """Stars that moved 4 mas since the epoch of the reference: 'before' does not show it."""
    result = make_result(kind="stack", count=2, shift=1e-6, roll=1e-6, spurious=0.0)
    old = result.catalogs.reference
    moved = replace(
        old,
        dec=old.dec - 0.004 / 3600.0,
        epoch_ra=np.stack([old.ra] * 2),
        epoch_dec=np.stack([old.dec] * 2),
    )
    assert isinstance(moved, Reference)
    options = Options(minobj=6, abs_minobj=6)
    solution = solve_jointly(result.catalogs.detections, 2, moved, options)
    assert solution.groups.anchored.all()
    matched = matched_of(result.catalogs.detections, moved, solution)
    tied = matched.used & (matched.star >= 0)
    assert tied.sum() > 20
    # the mean of that many is known to 0.4 mas; 4 mas would show
    np.testing.assert_allclose(matched.before[tied].mean(axis=0), 0.0, atol=0.0015)


def test_detector_motions_take_part() -> None:
    result = make_result(
        kind="stack",
        count=6,
        detectors=np.array([[-35.0, 0.0], [35.0, 0.0]]),
        rolls=np.arange(6) * 40.0,
        motion_shift=0.05,
        density=0.06,
        options={"detector_motion": "shift"},
    )
    assert np.abs(result.solution.units.shift).max() > 0.01
    matched = _matched(result)
    good = np.flatnonzero(matched.used)
    corrected = corrected_directions(result.catalogs.detections, result.solution)[
        matched.index[good]
    ]
    mean = np.stack([np.bincount(matched.source[good], axis) for axis in corrected.T], axis=1)
    distance = angular_distance(corrected, mean[matched.source[good]])
    assert np.median(distance) < 0.005


def test_errors_that_were_estimated_are_part_of_the_covariance() -> None:
    result = make_result(kind="stack", count=3)
    given, solution = result.catalogs.detections, result.solution
    inflation = np.where(given.group == 1, 4.0, 1.0)
    raised = replace(solution, detections=replace(solution.detections, inflation=inflation))
    matched = matched_of(given, result.catalogs.reference, raised)
    ratio = matched.covariance[:, 0, 0] / given.covariance[matched.index, 0, 0]
    np.testing.assert_allclose(ratio, np.where(matched.group == 1, 4.0, 1.0))


def test_without_a_reference_no_source_has_a_star() -> None:
    result = make_result(kind="stack", count=3)
    matched = matched_of(result.catalogs.detections, None, result.solution)
    assert (matched.star == -1).all()


@pytest.mark.parametrize("joint", [True, False])
def test_a_solution_moved_as_a_whole(joint: bool) -> None:
    result = make_result(options={"joint": joint})
    matched = _matched(result)
    good = np.flatnonzero(matched.used)
    parts = matched.source[good], matched.weight[good]
    assert _spread(matched.after[good], *parts) < 0.004
