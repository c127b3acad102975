"""What the pictures are made of, against the scenes' truth and against numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_results import changed, early_result, make_result, sequential_result

from tweakreg_step.core.evidence import Diagnosis
from tweakreg_step.core.outcome import Code, Standing, Verdict
from tweakreg_step.core.sphere import directions, frames_at, from_plane, ra_dec, to_plane
from tweakreg_step.report.group_outcome import headline, reasons, standings
from tweakreg_step.report.result import RunResult
from tweakreg_step.report.statistics.corrections import corrections_of
from tweakreg_step.report.statistics.needs_attention import hints
from tweakreg_step.report.statistics.offset_histogram import REFERENCE, differences_of
from tweakreg_step.report.statistics.pair_ties import shared_matches
from tweakreg_step.report.statistics.residuals import residuals_of
from tweakreg_step.report.statistics.short_names import shortened
from tweakreg_step.report.statistics.sky_map import Field, field_of, group_centres
from tweakreg_step.report.statistics.worst_first import groups_by_need, pairs_by_need


@pytest.fixture(scope="module")
def mosaic() -> RunResult:
    return make_result("mosaic", 9, lost=(4,), doubtful=(2,))


def _with_verdicts(result: RunResult, relative: str, absolute: str) -> RunResult:
    kinds = {"a": Code.ALIGNED, "d": Code.FAR_OFF, "l": Code.NO_MATCH}
    made = [tuple(Verdict(kinds[k], "Why.") for k in text) for text in (relative, absolute)]
    return changed(result, relative=made[0], absolute=made[1])


# ---- standing


def test_the_headline_counts_both_phases(mosaic: RunResult) -> None:
    assert headline(mosaic) == (
        "8 of 9 groups aligned to each other (1 of them doubtful), 1 left alone; "
        "8 of 9 groups tied to gaia.ecsv, 1 left alone."
    )


def test_the_headline_says_that_a_dry_run_changed_nothing(mosaic: RunResult) -> None:
    start = headline(changed(mosaic, dry_run=True))
    assert start.startswith("Dry run, no image was changed: 8 of 9")


def test_a_run_without_verdicts_is_counted_by_its_images(mosaic: RunResult) -> None:
    bare = changed(mosaic, relative=None, absolute=None)
    assert headline(bare) == "8 of 9 groups aligned."
    assert standings(bare)[4] is Standing.LEFT
    assert reasons(bare, 4) == mosaic.images.outcomes[4].reason


@pytest.mark.parametrize(
    ("relative", "absolute", "expected"),
    [
        ("a", "a", Standing.ALIGNED),
        ("a", "d", Standing.DOUBTFUL),
        ("a", "l", Standing.RELATIVE),
        ("l", "a", Standing.ALIGNED),
        ("d", "l", Standing.DOUBTFUL),
        ("l", "l", Standing.LEFT),
    ],
)
def test_the_worse_phase_counts(
    mosaic: RunResult, relative: str, absolute: str, expected: Standing
) -> None:
    assert standings(_with_verdicts(mosaic, 9 * relative, 9 * absolute)) == (expected,) * 9


def test_one_reason_is_said_once_and_two_are_told_apart(mosaic: RunResult) -> None:
    assert reasons(mosaic, 4) == mosaic.groups.relative[4].reason
    assert reasons(mosaic, 2) == f"Relative: {mosaic.groups.relative[2].reason} Absolute: Aligned."


# ---- attention


def test_the_gravest_comes_first(mosaic: RunResult) -> None:
    found = hints(mosaic)
    assert [hint.group for hint in found[:2]] == [4, 2]
    assert found[0].text.startswith("jw01345001001_02101_00005: left alone.")


def test_many_failures_are_counted_not_listed() -> None:
    result = make_result("mosaic", 9, lost=(0, 1, 2, 3, 4, 5, 6))
    texts = [hint.text for hint in hints(result)]
    assert "2 more groups need a look: the table begins with them." in texts


def test_what_nothing_checks_is_named() -> None:
    texts = [hint.text for hint in hints(make_result("strip", 3, reference=False))]
    assert any(text.startswith("Nothing checks the tie between") for text in texts)


def test_misfit_and_lost_precision_are_named(mosaic: RunResult) -> None:
    chi2 = mosaic.solution.groups.chi2.copy()
    chi2[7] = 4.5 * mosaic.solution.groups.dof[7]
    bound = mosaic.groups.bound_mas.copy()
    bound[3] = 0.4 * mosaic.groups.achieved_mas[3]
    groups = replace(mosaic.solution.groups, chi2=chi2)
    result = changed(mosaic, solution=replace(mosaic.solution, groups=groups), bound_mas=bound)
    found = {hint.group: hint.text for hint in hints(result)}
    assert "chi2/dof is 4.5 for jw01345001001_02101_00008" in found[7]
    assert "less precise than their stars allow" in found[3]


# ---- corrections


def test_corrections_are_those_of_the_solution(mosaic: RunResult) -> None:
    found, solution = corrections_of(mosaic), mosaic.solution
    assert found.east[0] == pytest.approx(1000.0 * solution.groups.shift[0, 0])
    assert found.roll[0] == pytest.approx(3600.0 * np.rad2deg(solution.groups.parameters[0, 2]))
    assert found.pixels[0] == pytest.approx(np.hypot(*solution.groups.shift[0]) / 0.031)
    assert np.isnan([found.east[4], found.sigma_centre[4], found.chi2_dof[4]]).all()


def test_sigma_at_the_corner_by_hand(mosaic: RunResult) -> None:
    """var(s + g_x x + g_y y) per axis, from the covariance of the six coefficients."""
    found, images, group = corrections_of(mosaic), mosaic.solution.images, 0
    corners = mosaic.images.corners_before[group]
    frame = frames_at(images.ra[group], images.dec[group])
    x, y = to_plane(directions(corners[:, 0], corners[:, 1]), frame).T
    c = images.claimed[group]
    variance = 0.0
    for axis in (0, 1):
        s, gx, gy = axis, 2 + axis, 4 + axis
        variance = variance + c[s, s] + 2.0 * x * c[s, gx] + 2.0 * y * c[s, gy]
        variance = variance + x * x * c[gx, gx] + 2.0 * x * y * c[gx, gy] + y * y * c[gy, gy]
    assert found.sigma_corner[group] == pytest.approx(1000.0 * np.sqrt(0.5 * variance.max()))
    assert found.sigma_centre[group] == pytest.approx(1000.0 * np.sqrt(0.5 * (c[0, 0] + c[1, 1])))


def test_corrections_of_a_sequential_run_and_of_none() -> None:
    found = corrections_of(sequential_result(4))
    assert found.east[:3] == pytest.approx([0.0, 100.0, 200.0])
    assert found.scale_ppm[0] == pytest.approx(10.0)
    assert np.isnan(found.east[3])
    assert np.isnan(corrections_of(early_result(3)).rms).all()


# ---- differences


def test_the_peak_is_where_the_corrections_say(mosaic: RunResult) -> None:
    found = differences_of(mosaic, 1, 2)
    assert found.significant
    assert found.count >= 10
    # 14 stars of some 2 mas, turned by up to 100" over 20" from the middle of the overlap
    assert found.peak == pytest.approx(found.expected, abs=0.005)
    assert not found.beyond


def test_the_reference_has_its_peak_where_the_group_must_go(mosaic: RunResult) -> None:
    found = differences_of(mosaic, REFERENCE, 0)
    assert found.radius == 6.0
    assert found.significant
    assert found.peak == pytest.approx(mosaic.solution.groups.shift[0], abs=0.01)


def test_detections_that_mean_nothing_have_no_peak(mosaic: RunResult) -> None:
    found = differences_of(mosaic, 1, 4)
    assert not found.significant
    assert np.isnan(found.expected).all()


def test_a_peak_beyond_the_search_radius_is_seen() -> None:
    """The reason for a histogram wider than the search: what to raise 'searchrad' to."""
    result = make_result("stack", 2, reference=False)
    before = differences_of(result, 0, 1).peak
    detections = result.catalogs.detections
    moved = np.where(detections.group == 1, 2.5 / 3600.0, 0.0)
    result = changed(result, detections=replace(detections, dec=detections.dec + moved))
    found = differences_of(result, 0, 1)
    assert found.significant
    assert found.beyond
    assert found.peak == pytest.approx(before + np.array([0.0, -2.5]), abs=1e-3)


def test_the_search_radius_is_that_of_the_run(mosaic: RunResult) -> None:
    result = changed(mosaic, options=replace(mosaic.run.options, searchrad=1.0))
    assert differences_of(result, 0, 1).radius == 1.0


def test_each_epoch_of_the_reference_is_its_own(mosaic: RunResult) -> None:
    """A reference 0.3" farther north at the second group's epoch moves that group's peak."""
    old, count = mosaic.catalogs.reference, len(mosaic.groups.names)
    ra, dec = np.tile(old.ra, (count, 1)), np.tile(old.dec, (count, 1))
    dec[1] += 0.3 / 3600.0
    result = changed(mosaic, reference=replace(old, epoch_ra=ra, epoch_dec=dec))
    steps = [
        differences_of(result, REFERENCE, g).peak - differences_of(mosaic, REFERENCE, g).peak
        for g in (0, 1)
    ]
    assert steps[0] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert steps[1] == pytest.approx([0.0, 0.3], abs=1e-3)


def test_nothing_to_compare(mosaic: RunResult) -> None:
    nothing = changed(mosaic, detections=mosaic.catalogs.detections.take(np.zeros(0, np.int64)))
    assert differences_of(nothing, 0, 1) is None
    assert differences_of(changed(mosaic, reference=None), REFERENCE, 0) is None
    assert differences_of(early_result(2), 0, 1) is None


def test_huge_catalogs_are_thinned_to_the_brightest() -> None:
    result = make_result("stack", 2, reference=False, density=1.2)
    flux = np.arange(len(result.catalogs.detections), dtype=float)
    result = changed(result, detections=replace(result.catalogs.detections, flux=flux))
    found = differences_of(result, 0, 1)
    assert found.size[0][0] <= 3000 < found.size[0][1]
    assert found.significant


# ---- choice


def test_groups_that_need_a_look_come_first(mosaic: RunResult) -> None:
    order = groups_by_need(mosaic)
    assert order[:2] == [4, 2]
    assert sorted(order) == list(range(9))
    assert order[2:] == [0, 1, 3, 5, 6, 7, 8]  # nothing is wrong with these
    chi2 = mosaic.solution.groups.chi2.copy()
    chi2[[5, 7]] = np.array([3.0, 4.0]) * mosaic.solution.groups.dof[[5, 7]]
    groups = replace(mosaic.solution.groups, chi2=chi2)
    misfit = replace(mosaic, solution=replace(mosaic.solution, groups=groups))
    assert groups_by_need(misfit) == [4, 2, 7, 5, 0, 1, 3, 6, 8]


def test_pairs_of_groups_that_need_a_look_come_first(mosaic: RunResult) -> None:
    pairs = pairs_by_need(mosaic)
    assert all(4 in pair for pair in pairs[:2])
    # two pairs for each, so that one bad group does not take all the room
    assert 4 not in pairs[2]
    assert set(shared_matches(mosaic)) <= set(pairs)
    assert len(set(pairs)) == len(pairs)


def test_overlaps_without_a_solution_are_found() -> None:
    assert pairs_by_need(sequential_result(4))[0] == (1, 3)
    assert pairs_by_need(early_result(3)) == []


# ---- residuals


def test_residuals_follow_the_detector_axes() -> None:
    """A residual to the east is a residual along -x where the detector is turned by 180 deg."""
    result = make_result("stack", 3, reference=False, rolls=np.array([0.0, 90.0, 180.0]))
    found = residuals_of(result)
    for group, turn in enumerate(([[1, 0], [0, 1]], [[0, 1], [-1, 0]], [[-1, 0], [0, -1]])):
        own = found.take(found.group == group)
        # pointing errors of 60" and the sources' positions blur the axes by some 3e-4
        assert own.detector == pytest.approx(own.sky @ np.array(turn).T, rel=5e-3, abs=5e-3)


def test_normalised_residuals_have_unit_spread() -> None:
    result = make_result("stack", 8, reference=True, spurious=0.0, density=0.1)
    values = residuals_of(result).normalised
    # 8 groups' 24 parameters take under 1 per cent of the degrees of freedom of 2000 detections;
    # the spread of N values is known to 1 / sqrt(2 N), here 1.6 per cent
    assert len(values) > 1500
    assert values.std() == pytest.approx(1.0, abs=0.05)


def test_a_source_seen_once_and_a_line_of_stars_are_said_to_be_unknown() -> None:
    result = make_result("stack", 2, reference=False)
    flat = changed(result, y=np.zeros_like(result.catalogs.y), x=result.catalogs.x)
    assert np.isfinite(residuals_of(flat).detector).all()
    few = result.catalogs.detections.take(np.arange(len(result.catalogs.detections)))
    line = replace(few, ra=np.full(len(few), 150.0))
    assert np.isnan(residuals_of(changed(result, detections=line)).detector).all()


def test_no_residuals() -> None:
    assert residuals_of(sequential_result(3)) is None
    assert residuals_of(early_result(3)) is None
    result = make_result("stack", 2, reference=False, lost=(0, 1))
    assert residuals_of(result) is None


# ---- field


@pytest.mark.parametrize(("ra", "dec"), [(150.0, 30.0), (0.0, 0.0), (12.0, 90.0), (7.0, -89.9)])
def test_offsets_are_true_to_distance_and_direction(ra: float, dec: float) -> None:
    plane = np.array([[10.0, 0.0], [0.0, 10.0], [-300.0, 400.0]])
    places = ra_dec(from_plane(plane, frames_at(ra, dec)))
    # gnomonic and equidistant differ by 500" x (500" in radians)^2 / 3 at 500" from the middle
    assert Field(ra, dec).offsets(*places) == pytest.approx(plane, abs=1e-3)


def test_fields_far_apart_share_a_map() -> None:
    offsets = Field(0.0, 0.0).offsets(np.array([0.0, 100.0]), np.array([0.0, 0.0]))
    assert offsets[:, 0] == pytest.approx([0.0, 360000.0])


def test_a_field_across_ra_zero_and_one_of_nothing() -> None:
    field = field_of(np.array([359.9, 0.1, np.nan]), np.array([5.0, 5.0, 5.0]))
    assert abs((field.ra + 180.0) % 360.0 - 180.0) < 1e-9
    nothing = field_of(np.full(2, np.nan), np.full(2, np.nan))
    assert (nothing.ra, nothing.dec) == (0.0, 0.0)


def test_corners_that_are_not_numbers_are_left_out(mosaic: RunResult) -> None:
    corners = mosaic.images.corners_before.copy()
    corners[3] = np.nan
    centres = group_centres(changed(mosaic, corners_before=corners))
    assert np.isnan(centres[3]).all()
    assert np.isfinite(np.delete(centres, 3, axis=0)).all()


@pytest.mark.parametrize(
    ("names", "short", "start"),
    [
        (("a_0001", "a_0002"), ("0001", "0002"), "a_"),
        (("a_0001", "b_0002"), ("a_0001", "b_0002"), ""),
        (("alone_0001",), ("alone_0001",), ""),
        (("x_", "x_1"), ("x_", "1"), "x_"),
        ((), (), ""),
    ],
)
def test_names_lose_what_all_share(
    names: tuple[str, ...], short: tuple[str, ...], start: str
) -> None:
    assert shortened(names) == (short, start)


def test_a_general_correction_has_a_roll_and_a_scale() -> None:
    result = make_result("stack", 3, geometry="general", options={"fitgeometry": "general"})
    found = corrections_of(result)
    assert np.isfinite(found.scale_ppm).all()
    assert (found.sigma_corner >= found.sigma_centre).all()


def test_a_clean_run_needs_no_look() -> None:
    assert hints(make_result("mosaic", 4, spurious=0.1, density=0.1)) == []


def test_the_peak_that_a_verdict_names_is_in_the_histogram(mosaic: RunResult) -> None:
    far = Diagnosis(
        status=Code.NO_MATCH,
        absolute=True,
        sources=40,
        matches=0,
        most=0,
        needed=6,
        size=(0.0, 0.0, 1.0),
        gap=0.1,
        peak=21.7,
        radius=6.0,
        reach=30.0,
        searched=True,
        stars=30,
    )
    found = list(mosaic.solution.absolute)
    found[4] = replace(found[4], diagnosis=far)
    lost = [*mosaic.groups.absolute]
    lost[4] = Verdict(Code.NO_REFERENCE_MATCH, "Raise it.")
    result = changed(
        replace(mosaic, solution=replace(mosaic.solution, absolute=tuple(found))),
        absolute=tuple(lost),
    )
    shown = differences_of(result, REFERENCE, 4)
    assert shown.reach > 21.7
    assert shown.radius == pytest.approx(differences_of(result, REFERENCE, 0).radius)
    assert np.isnan(shown.expected).all()  # it was not tied: nothing is to be expected


def test_groups_that_the_first_phase_aligned_are_not_called_left_alone(mosaic: RunResult) -> None:
    result = _with_verdicts(mosaic, "aaaaaaaal", "aaaaallll")
    assert headline(result) == (
        "8 of 9 groups aligned to each other, 1 left alone; "
        "5 of 9 groups tied to gaia.ecsv, 3 relative only, 1 left alone."
    )
