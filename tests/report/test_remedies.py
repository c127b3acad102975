"""What a failure's sentence says to do works: the value is read from it, and tried."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from star_fields import catalogs, field, noisy, sky, stars

from tweakreg_step.alignment.group_rejection import group_frames
from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.verdict import diagnosis
from tweakreg_step.alignment.verdict.diagnosis import Failures, diagnose
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.evidence import Diagnosis
from tweakreg_step.core.images import Groups
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.core.solution import GroupMotions
from tweakreg_step.core.sphere import angular_distance, directions
from tweakreg_step.parameters.run_parameters import Parameters
from tweakreg_step.pipeline.settings.solver_options import more_sources
from tweakreg_step.report.remedies import MORE_SOURCES, remedy_of
from tweakreg_step.report.sentences import verdicts_of


@dataclass(frozen=True)
class Worded:
    """A solution as its user reads it."""

    groups: GroupMotions
    relative: tuple[Verdict, ...]
    absolute: tuple[Verdict, ...]


def run(
    given: Detections,
    reference: Reference | None = None,
    more: str = MORE_SOURCES,
    groups: int | None = None,
    **options: object,
) -> Worded:
    count = int(given.group.max()) + 1 if groups is None else groups
    found = solve_jointly(given, count, reference, Options(**options))
    return Worded(
        found.groups, verdicts_of(found.relative, more), verdicts_of(found.absolute, more)
    )


def told(reason: str, name: str) -> float:
    """The value that a sentence tells to give to a parameter."""
    found = re.search(rf"(?:raise|lower) '{name}' (?:from [\d.]+ )?to ([\d.]+)", reason)
    assert found, reason
    return float(found[1].rstrip("."))


def remedies_of(
    status: tuple[Code, ...], given: Detections, moved: list[tuple[float, float]]
) -> list[str]:
    """What is said of groups that failed and would move by so many arcsec and degrees."""
    count = np.bincount(given.group)
    size = np.array([(*one, 0.0) for one in moved])
    none = 0 * count
    failures = Failures(status, count, none, none, count < 0, size, none, none)
    frames = group_frames(given, len(count))
    found, _ = diagnose(failures, given, frames, None, Options(searchrad=2.0))
    return [remedy_of(one) for one in found]


def codes(solution: Worded) -> list[str]:
    return [verdict.code for verdict in solution.relative]


@pytest.mark.parametrize("offset", [(4.1, 0.0), (-2.9, 2.9), (0.0, 17.0)])
def test_a_group_beyond_searchrad(offset: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    place = field(rng, 150)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place) + np.array(offset))
    first = run(given, searchrad=2.0)
    assert codes(first) == ["aligned", "aligned", "no_match"]
    reason = first.relative[2].reason
    size = np.hypot(*offset)
    assert f"significant peak at {size:.1f} arcsec" in reason
    value = told(reason, "searchrad")
    assert size < value < 1.2 * size + 1.0
    second = run(given, searchrad=value)
    assert [v.applied for v in second.relative] == [True] * 3
    np.testing.assert_allclose(
        second.groups.shift[2] - second.groups.shift[0], -np.array(offset), atol=0.01
    )


def test_the_offset_of_a_rolled_group_is_found() -> None:
    rng = np.random.default_rng(2)
    place, roll = field(rng, 150), np.deg2rad(1.0)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    moved = noisy(rng, place) @ turn.T + np.array([6.0, 0.0])
    given = catalogs(noisy(rng, place), noisy(rng, place), moved)
    first = run(given)
    assert codes(first) == ["aligned", "aligned", "no_match"]
    second = run(given, searchrad=told(first.relative[2].reason, "searchrad"))
    assert [v.applied for v in second.relative] == [True] * 3


def test_too_few_sources() -> None:
    rng = np.random.default_rng(3)
    place = field(rng, 60)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place[:9]))
    first = run(given)
    assert codes(first) == ["aligned", "aligned", "too_few_sources"]
    assert "it has 9 sources, 15 are needed" in first.relative[2].reason
    minobj = int(told(first.relative[2].reason, "minobj"))
    assert minobj == 9
    assert run(given, minobj=minobj).relative[2].applied


def test_too_few_matches() -> None:
    rng = np.random.default_rng(4)
    place = field(rng, 60)
    other = np.concatenate([noisy(rng, place[:10]), field(rng, 30)])
    given = catalogs(noisy(rng, place), noisy(rng, place), other)
    first = run(given)
    assert codes(first) == ["aligned", "aligned", "too_few_matches"]
    assert "it has 10 matches, 15 are needed" in first.relative[2].reason
    assert run(given, minobj=int(told(first.relative[2].reason, "minobj"))).relative[2].applied


@pytest.mark.parametrize("count", [0, 2])
def test_a_catalog_with_hardly_a_source_needs_more_not_less(count: int) -> None:
    rng = np.random.default_rng(5)
    place = field(rng, 60)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place[:count]))
    reason = run(given, groups=3).relative[2].reason
    assert "lower 'snr_threshold'" in reason
    assert "'minobj' to" not in reason


def test_a_reference_beyond_abs_searchrad() -> None:
    rng = np.random.default_rng(6)
    place = field(rng, 150)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    reference = stars(place + np.array([9.0, 0.0]))
    first = run(given, reference)
    assert codes(first) == ["aligned"] * 2
    assert [v.code for v in first.absolute] == ["no_reference_match"] * 2
    assert "significant peak at 9.0 arcsec" in first.absolute[0].reason
    value = told(first.absolute[0].reason, "abs_searchrad")
    assert all(v.applied for v in run(given, reference, abs_searchrad=value).absolute)


def test_too_few_reference_stars() -> None:
    rng = np.random.default_rng(7)
    place = field(rng, 150)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    reference = stars(noisy(rng, place[:6], 0.001), 0.001)
    first = run(given, reference)
    assert codes(first) == ["aligned"] * 2
    assert not any(v.applied for v in first.absolute)
    value = int(told(first.absolute[0].reason, "abs_minobj"))
    assert all(v.applied for v in run(given, reference, abs_minobj=value).absolute)


def test_a_reference_elsewhere() -> None:
    rng = np.random.default_rng(8)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    ra, dec = sky(place)
    reference = replace(stars(place), ra=ra, dec=dec - 1.0)
    reason = run(given, reference).absolute[0].reason
    distance = float(re.search(r"is ([\d.]+) degrees away", reason)[1])
    assert distance == pytest.approx(1.0 - 110.0 / 3600.0, abs=0.02)
    assert "reference catalog that covers it" in reason


def test_a_group_apart_is_told_the_gap() -> None:
    rng = np.random.default_rng(9)
    place = field(rng, 100, 60.0)
    apart = field(rng, 100, 60.0) + np.array([200.0, 0.0])
    found = run(catalogs(noisy(rng, place), noisy(rng, place), apart))
    assert found.relative[2].code == "not_connected"
    gap = float(re.search(r"is ([\d.]+) arcsec away", found.relative[2].reason)[1])
    assert gap == pytest.approx(140.0, abs=8.0)


def test_a_grid_is_ambiguous_and_a_smaller_search_is_advised() -> None:
    rng = np.random.default_rng(10)
    axis = np.arange(-30.0, 30.0, 1.5)
    place = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    given = catalogs(noisy(rng, place), noisy(rng, place) + np.array([0.1, 0.0]))
    first = run(given)
    assert codes(first) == ["ambiguous"] * 2
    value = told(first.relative[0].reason, "searchrad")
    second = run(given, searchrad=value)
    assert [v.applied for v in second.relative] == [True] * 2
    np.testing.assert_allclose(
        second.groups.shift[1] - second.groups.shift[0], [-0.1, 0.0], atol=0.001
    )


def test_noise_has_no_peak_anywhere() -> None:
    rng = np.random.default_rng(11)
    place = field(rng, 150)
    found = run(catalogs(noisy(rng, place), noisy(rng, place), field(rng, 150)))
    assert codes(found) == ["aligned", "aligned", "no_match"]
    assert "no significant peak up to 30 arcsec" in found.relative[2].reason


def test_many_failures_cost_no_more_than_twenty_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    peaks = diagnosis.peak_offsets

    def counting(*arguments, **options):
        searched.append(int(arguments[4][0].sum()))
        return peaks(*arguments, **options)

    monkeypatch.setattr(diagnosis, "peak_offsets", counting)
    rng = np.random.default_rng(12)
    found = run(catalogs(*(field(rng, 30) for _ in range(30))))
    assert not any(verdict.applied for verdict in found.relative)
    assert all(verdict.reason for verdict in found.relative)
    assert max(searched) <= 20


def test_a_correction_that_is_too_large() -> None:
    """The sentence, as it is hard to make the solver move a group farther than it searched."""
    place = field(np.random.default_rng(1), 40)
    status = (Code.IMPLAUSIBLE,) * 2
    shifted, rolled = remedies_of(status, catalogs(place, place), [(7.3, 0.01), (0.3, 9.0)])
    assert told(shifted, "searchrad") == 8.0
    assert "'fitgeometry'" in rolled


def test_an_empty_reference_is_not_infinitely_far() -> None:
    rng = np.random.default_rng(8)
    place = field(rng, 60)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    reason = run(given, stars(place[:0])).absolute[0].reason
    assert "the reference catalog has no star" in reason
    assert "inf" not in reason


@pytest.mark.parametrize(("one", "left"), [(10, 0), (14, 14)])
def test_a_group_whose_neighbours_were_given_up_is_told_so(one: int, left: int) -> None:
    rng = np.random.default_rng(9)
    place = field(rng, 60)
    beside = (place[:10], place[20 : 20 + one])
    others = [
        np.concatenate([noisy(rng, seen), field(rng, 20) + side])
        for seen, side in zip(beside, (200.0, -200.0), strict=True)
    ]
    first = run(catalogs(noisy(rng, place), *others))
    assert codes(first) == ["too_few_matches"] * 3
    fact = f"it had {10 + one} matches, 15 are needed, and {left} are left since groups that it"
    assert fact in first.relative[0].reason
    # its neighbours have lost nobody when they are given up
    assert "it has 10 matches, 15 are needed; lower 'minobj' to 10" in first.relative[1].reason
    assert run(catalogs(noisy(rng, place), *others), minobj=10).relative[0].applied


@pytest.mark.parametrize(
    ("given", "sources", "remedy"),
    [
        ({}, 20, "lower 'snr_threshold' to find more sources"),
        ({}, 200, "raise 'brightest' from 200"),
        ({"brightest": 20}, 20, "raise 'brightest' from 20"),
        (
            {"fluxmin": 5.0, "exclusions": "x.txt"},
            20,
            "loosen the selection ('fluxmin', 'exclusions') or lower 'snr_threshold' to find more "
            "sources",
        ),
        ({"use_custom_catalogs": True}, 20, "give catalogs with more sources"),
        ({"use_custom_catalogs": True}, 200, "give catalogs with more sources"),
        ({"brightest": None}, 200, "lower 'snr_threshold' to find more sources"),
        (
            {"use_custom_catalogs": True, "peakmax": 9.0, "brightest": 5},
            5,
            "raise 'brightest' from 5 or loosen the selection ('peakmax') or give catalogs with "
            "more sources",
        ),
    ],
)
def test_more_sources_come_from_what_limits_them(given: dict, sources: int, remedy: str) -> None:
    none = np.zeros(sources)
    images = [
        SimpleNamespace(
            sources=none[:count],
            group=0,
            detector="",
            bare_detector="",
            band="",
            visit="",
            guide_star="",
        )
        for count in (3, sources)
    ]
    assert more_sources(Groups.of(images), Parameters.of(SimpleNamespace(**given))) == remedy


def test_every_request_for_more_sources_is_that_remedy() -> None:
    rng = np.random.default_rng(13)
    place = field(rng, 60)
    remedy = "give catalogs with more sources"
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place[:2]), field(rng, 60))
    for verdict in run(given, more=remedy).relative[2:]:
        assert remedy in verdict.reason
        assert "snr_threshold" not in verdict.reason


@pytest.mark.parametrize("size", [1, 30, 700])
def test_the_nearest_source_of_another_group(size: int) -> None:
    """Found in a tree of all, or in one of the others where a group has very many."""
    rng = np.random.default_rng(size)
    places = field(rng, size), field(rng, 900 - size) + np.array([400.0, 0.0])
    given = catalogs(*places)
    said = remedies_of((Code.NOT_CONNECTED,) * 2, given, [(0.0, 0.0)] * 2)
    vectors = directions(given.ra, given.dec)
    gap = angular_distance(vectors[:size, None], vectors[size:]).min()
    assert 270.0 < gap < 400.0
    assert [re.findall(r"nearest source of another group is (\S+) arcsec", s) for s in said] == [
        [f"{gap:.1f}"]
    ] * 2


def test_stars_that_are_seen_twice_count_once() -> None:
    """Two detectors of a group see the same 14 stars: 28 matches are not what 15 are needed of."""
    rng = np.random.default_rng(16)
    place = field(rng, 60)
    given = catalogs(*(noisy(rng, place) for _ in range(4)))
    pair = replace(given, group=given.group // 2)
    reference = stars(noisy(rng, place[:14]))
    first = run(pair, reference)
    assert codes(first) == ["aligned"] * 2
    for verdict in first.absolute:
        assert verdict.code is Code.NO_REFERENCE_MATCH
        assert (
            "it has 14 reference stars, 15 are needed; lower 'abs_minobj' to 14" in verdict.reason
        )
    assert all(v.applied for v in run(pair, reference, abs_minobj=14).absolute)


def given_up(**known: object) -> str:
    """What is said of a group with 15 reference stars or matches needed, from a diagnosis."""
    plain = Diagnosis(
        Code.ALIGNED, True, 100, 76, 76, 15, (0.1, 0.0, 0.0), 0.01, np.nan, 6.0, 30.0, True, 80
    )
    return remedy_of(replace(plain, **known))


def test_matches_as_by_chance_are_said_to_be_that() -> None:
    reason = given_up()
    assert "it has 76 matches with reference stars, but chance gives as many, or as close" in reason
    assert "no significant peak up to 30 arcsec" in reason
    assert "needed" not in reason


def test_stars_of_which_few_match_are_counted_as_before() -> None:
    assert "it has 9 reference stars, 15 are needed" in given_up(matches=9, near=12)
    assert "no significant peak" in given_up(matches=3, near=20)


def test_an_implausible_group_is_not_told_of_stars() -> None:
    reason = given_up(status=Code.IMPLAUSIBLE, size=(40.0, 0.1, 0.0))
    assert "it would move by 40.00 arcsec" in reason
    assert "stars" not in reason


def test_stars_that_disagree_are_said_to_do_so() -> None:
    """18 reference stars near, of which 14 agree: the others are 30 to 60 mas off, each its way."""
    rng = np.random.default_rng(17)
    place = field(rng, 200)
    angle, size = rng.uniform(0.0, 2.0 * np.pi, 4), rng.uniform(0.03, 0.06, 4)
    away = size[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    known = np.concatenate([noisy(rng, place[:14], 0.001), place[14:18] + away])
    given = catalogs(*(noisy(rng, place) for _ in range(3)))
    reference = stars(known, 0.001)
    for verdict in run(given, reference).absolute:
        assert "18 reference stars are near its sources, but only 14" in verdict.reason
        assert "agree with one motion, 15 are needed" in verdict.reason
        value = int(told(verdict.reason, "abs_minobj"))
    assert all(verdict.applied for verdict in run(given, reference, abs_minobj=value).absolute)
