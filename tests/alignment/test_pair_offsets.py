"""Offsets of pairs: against the scene's truth, and what closes against what can't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_results import make_result

from tweakreg_step.alignment.pair_offsets import pair_offsets_of
from tweakreg_step.alignment.residuals import matched_of


def _offsets(result, chosen=None):
    solution = result.solution
    chosen = np.arange(len(solution.pairs.groups)) if chosen is None else chosen
    matched = matched_of(result.catalogs.detections, result.catalogs.reference, solution)
    return pair_offsets_of(matched, result.catalogs.detections, solution, chosen, 2.0)


def test_before_is_the_difference_of_the_pointing_errors() -> None:
    """Pure shifts, known: what remains is noise that the covariance describes."""
    pulls = []
    for seed in range(20):
        result = make_result(
            "stack",
            3,
            seed,
            geometry="shift",
            spurious=0.0,
            density=0.02,
            options={"fitgeometry": "shift"},
        )
        found = _offsets(result)
        # the scene's own shifts: those of the corners, which are seen through the input WCS
        true = np.stack([result.images.corners_before[g, 0] for g in range(3)])
        corner = result.images.corners_after
        centres = np.stack([corner[g, 0] for g in range(3)])
        scale = np.array([np.cos(np.deg2rad(centres[0, 1])), 1.0]) * 3600.0
        seen = true - centres  # undoes the layout, leaves minus the correction
        first, second = found.pairs.T
        expected = (seen[second] - seen[first]) * scale
        sigma = np.sqrt(np.einsum("eii->ei", found.covariance))
        pulls.append((found.before - expected) / sigma)
    # the solution has the offsets from the same data: they agree much better than their errors
    assert np.abs(np.array(pulls)).max() < 3.0


def test_the_error_of_an_offset_is_what_it_scatters_by() -> None:
    """Two groups, aligned already: before is pure noise."""
    pulls = []
    for seed in range(55):
        still = {"shift": 1e-7, "roll": 1e-7, "spurious": 0.0, "density": 0.02}
        result = make_result("stack", 2, seed, reference=False, **still)
        found = _offsets(result)
        pulls.append(found.before[0] / np.sqrt(np.diag(found.covariance[0])))
    # 110 values: their width is known to 7 per cent
    assert 0.85 < np.std(pulls) < 1.15


def test_a_tree_closes_by_construction_and_a_cycle_does_not() -> None:
    tree = _offsets(make_result("strip", 4, reference=False, density=0.06))
    assert len(tree.pairs) == 3
    sigma = np.sqrt(np.einsum("eii->ei", tree.covariance))
    assert np.abs(tree.after / sigma).max() < 0.2
    result = make_result("mosaic", 9, reference=False, density=0.06)
    cycle = _offsets(result)
    pulls = cycle.after / np.sqrt(np.einsum("eii->ei", cycle.covariance))
    assert 0.2 < np.std(pulls) < 1.1


def test_a_pair_that_contradicts_the_others_shows_up() -> None:
    """20 mas put on what group 1 has of the sources that it shares with group 0 alone."""
    result = make_result("mosaic", 9, reference=False, density=0.06)
    matched = matched_of(result.catalogs.detections, None, result.solution)
    shared = np.isin(matched.source, matched.source[matched.group == 0]) & (matched.group == 1)
    after = matched.after.copy()
    after[shared, 0] += 0.02
    solution = result.solution
    found = pair_offsets_of(
        replace(matched, after=after),
        result.catalogs.detections,
        solution,
        np.arange(len(solution.pairs.groups)),
        2.0,
    )
    pulls = np.abs(found.after[:, 0]) / np.sqrt(found.covariance[:, 0, 0])
    assert tuple(found.pairs[np.argmax(pulls)]) == (0, 1)
    assert found.after[np.argmax(pulls), 0] > 0.015


def test_matches_are_those_of_the_solution_and_beyond_chance() -> None:
    result = make_result("mosaic", 9)
    found = _offsets(result)
    np.testing.assert_array_equal(found.matches, result.solution.pairs.matches)
    many = found.matches >= 10
    assert many.any()
    assert (found.log10_chance[many] < -10.0).all()
    assert (found.log10_chance <= 0.0).all()


def test_few_loose_matches_may_be_chance() -> None:
    """Residuals blown up to the match radius, as chance makes them: not significant."""
    result = make_result("stack", 2, reference=False, spurious=3.0)
    matched = matched_of(result.catalogs.detections, None, result.solution)
    rng = np.random.default_rng(0)
    keep = np.isin(matched.source, np.unique(matched.source[matched.used])[:4])
    loose = replace(
        matched, after=rng.uniform(-0.7, 0.7, matched.after.shape), used=matched.used & keep
    )
    found = pair_offsets_of(loose, result.catalogs.detections, result.solution, np.array([0]), 2.0)
    assert found.matches[0] == 4
    assert found.log10_chance[0] > -3.0


def test_nothing_chosen_and_nothing_shared() -> None:
    result = make_result("stack", 2)
    found = _offsets(result, np.zeros(0, np.int64))
    assert len(found.pairs) == len(found.before) == len(found.covariance) == 0
    matched = matched_of(result.catalogs.detections, result.catalogs.reference, result.solution)
    none = replace(matched, used=np.zeros(len(matched), bool))
    found = pair_offsets_of(none, result.catalogs.detections, result.solution, np.array([0]), 2.0)
    assert found.matches[0] == 0
    assert np.isnan(found.before).all()
    assert found.log10_chance[0] == 0.0
