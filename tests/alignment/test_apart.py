"""Images of a group that do not move as one: which is named, and which group is a doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import POLE, SIGMA, field, noisy, sky, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import ARCSEC, directions, frames_at, to_plane
from tweakreg_step.report.sentences import motion_reason, reason_of

CENTRES = np.array([[x, y] for x in (-62.0, 0.0, 62.0) for y in (-31.0, 31.0)])
DITHERS = np.array([[0.0, 0.0], [4.0, 2.0], [-3.0, 5.0], [1.0, -4.0]])


def exposures(
    seed: int,
    off: dict[tuple[int, int], tuple[float, float]],
    count: int = 4,
    sigma: float = SIGMA,
) -> tuple[Detections, Reference]:
    """Exposures of six detectors, some images of which are off, by exposure and detector."""
    rng = np.random.default_rng(seed)
    places = field(rng, 1200, 220.0)
    parts = []
    for exposure in range(count):
        pointing = rng.normal(0.0, 0.2, 2)
        for detector, centre in enumerate(CENTRES):
            middle = centre + DITHERS[exposure]
            true = places[np.abs(places - middle).max(axis=1) < 30.0]
            true = true[rng.random(len(true)) < 0.8]
            false = middle + field(rng, len(true) // 4, 60.0)
            seen = np.concatenate([noisy(rng, true, sigma), false]) - pointing
            seen = seen + np.array(off.get((exposure, detector), (0.0, 0.0)))
            label = exposure, detector + 6 * exposure, detector
            parts.append(np.column_stack([seen, seen - middle, np.tile(label, (len(seen), 1))]))
    table = np.concatenate(parts)
    group, image, detector = table[:, 4:].astype(int).T
    given = Detections.simple(*sky(table[:, :2]), group, sigma, image)
    given = replace(given, unit=detector, detector=detector, unit_xy=table[:, 2:4])
    chosen = places[rng.random(len(places)) < 0.2]
    return given, stars(noisy(rng, chosen))


def solved(given: Detections, reference: Reference | None = None, **options: object) -> Solution:
    return solve_jointly(given, int(given.group.max()) + 1, reference, Options(**options))


def codes(solution: Solution) -> list[Code]:
    return [finding.code for finding in solution.relative]


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("off", [(0.06, 0.0), (-0.08, 0.3), (0.9, -1.2)])
def test_one_image_that_is_off_is_left_out_and_named(
    off: tuple[float, float], with_reference: bool
) -> None:
    given, reference = exposures(1, {(2, 3): off})
    solution = solved(given, reference if with_reference else None)
    assert [one.image for one in solution.apart] == [15]
    assert solution.apart[0].offset_mas == pytest.approx([1e3 * v for v in off], abs=15.0)
    assert solution.apart[0].matches >= 12
    assert codes(solution) == [Code.ALIGNED] * 4
    assert not solution.detections.used[given.image == 15].any()
    assert solution.groups.rms_mas.max() < 3.0


def test_images_that_move_as_one_are_not_named() -> None:
    given, reference = exposures(2, {})
    for catalog in (None, reference):
        solution = solved(given, catalog)
        assert solution.apart == ()
        assert codes(solution) == [Code.ALIGNED] * 4


def test_of_two_exposures_it_is_not_known_which_is_off() -> None:
    given, reference = exposures(3, {(1, 4): (0.1, 0.0)}, count=2)
    solution = solved(given)
    assert solution.apart == ()
    assert codes(solution) == [Code.IMAGE_OFF] * 2
    known = solved(given, reference)
    assert [one.image for one in known.apart] == [10]
    assert codes(known) == [Code.ALIGNED] * 2


def test_halves_of_a_group_are_a_doubt() -> None:
    given, reference = exposures(4, {(1, detector): (0.06, 0.0) for detector in range(3)}, count=3)
    for catalog in (None, reference):
        solution = solved(given, catalog)
        assert solution.apart == ()
        assert codes(solution)[1] is Code.IMAGE_OFF


def test_an_exposure_that_has_the_group_of_another_is_a_doubt() -> None:
    """Four dithers, one of which is 0.1 arcsec off and is called a part of another."""
    given, _ = exposures(5, {(3, detector): (0.1, 0.0) for detector in range(6)})
    torn = replace(given, group=np.where(given.group == 3, 2, given.group))
    solution = solved(torn)
    assert solution.apart == ()
    assert codes(solution)[2] in {Code.IMAGE_OFF, Code.AMBIGUOUS}


def test_groups_that_each_mix_two_pointings_are_a_doubt() -> None:
    """Each image finds its partner where it is, and as many of the other pointing elsewhere."""
    off = {(exposure, detector): (0.63, 0.0) for exposure in (1, 3) for detector in range(6)}
    given, _ = exposures(6, off)
    mixed = replace(given, group=given.group // 2)
    solution = solved(mixed)
    assert set(codes(solution)) <= {Code.IMAGE_OFF, Code.SECOND_PEAK, Code.AMBIGUOUS}


@pytest.mark.parametrize("motion", ["none", "auto"])
def test_what_a_detector_is_off_in_all_exposures_is_no_fault_of_the_group(motion: str) -> None:
    off = {(exposure, 2): (0.04, -0.02) for exposure in range(4)}
    given, reference = exposures(7, off)
    for catalog in (None, reference):
        solution = solved(given, catalog, detector_motion=motion)
        assert solution.apart == ()
        assert Code.IMAGE_OFF not in codes(solution)
        assert Code.IMAGE_OFF not in {finding.code for finding in solution.absolute}


def rolled(given: Detections, image: int, roll: float) -> Detections:
    """The same, with an image rolled about its own middle, from east to north [arcsec]."""
    own, axes = given.image == image, frames_at(*POLE)
    place = to_plane(directions(given.ra, given.dec), axes)
    middle, angle = place[own].mean(axis=0), roll / ARCSEC
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    place[own] = middle + (place[own] - middle) @ turn.T
    ra, dec = sky(place)
    return replace(given, ra=ra, dec=dec)


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("roll", [-25.0, 60.0, 1200.0])
def test_one_image_that_is_rolled_is_left_out_and_named(roll: float, with_reference: bool) -> None:
    """From where its matches have large residuals to where hardly any are left."""
    given, reference = exposures(2, {})
    solution = solved(rolled(given, 9, roll), reference if with_reference else None)
    assert [one.image for one in solution.apart] == [9]
    one = solution.apart[0]
    assert one.roll_arcsec == pytest.approx(roll, abs=4.0 * one.roll_sigma_arcsec)
    assert one.roll_sigma_arcsec < 5.0
    assert np.hypot(*one.offset_mas) < 4.0 * one.offset_sigma_mas < 3.0
    assert one.matches >= 40
    assert codes(solution) == [Code.ALIGNED] * 4
    assert not solution.detections.used[given.image == 9].any()


def test_small_rolls_are_found_among_bright_stars() -> None:
    given, _ = exposures(2, {}, sigma=0.0002)
    solution = solved(rolled(given, 9, 3.0))
    assert [one.image for one in solution.apart] == [9]
    assert solution.apart[0].roll_arcsec == pytest.approx(3.0, abs=0.8)


def test_of_two_exposures_it_is_not_known_which_is_rolled() -> None:
    given, _ = exposures(3, {}, count=2)
    solution = solved(rolled(given, 9, 60.0))
    assert solution.apart == ()
    assert codes(solution) == [Code.IMAGE_OFF] * 2
    evidence = solution.relative[1].evidence
    assert evidence.images_off == 1
    assert evidence.image_roll_arcsec == pytest.approx(60.0, abs=15.0)
    assert "arcsec of roll" in reason_of(solution.relative[1])


def test_halves_of_a_group_that_are_rolled_are_a_doubt() -> None:
    given, _ = exposures(4, {}, count=3)
    for image in (6, 7, 8):
        given = rolled(given, image, 60.0)
    solution = solved(given)
    assert solution.apart == ()
    assert codes(solution)[1] is Code.IMAGE_OFF


@pytest.mark.parametrize("motion", ["none", "auto"])
def test_what_a_detector_is_rolled_in_all_exposures_is_no_fault_of_the_group(motion: str) -> None:
    given, reference = exposures(7, {})
    for exposure in range(4):
        given = rolled(given, 6 * exposure + 2, 30.0)
    for catalog in (None, reference):
        solution = solved(given, catalog, detector_motion=motion)
        assert solution.apart == ()
        assert Code.IMAGE_OFF not in {*codes(solution), *(f.code for f in solution.absolute)}


@pytest.mark.parametrize("seed", [1, 5])
def test_detectors_are_not_moved_in_all_exposures_to_where_one_image_is(seed: int) -> None:
    """Half of a group, of which a detector alone matches, moved in all exposures."""
    off = {(3, detector): (0.072, 0.005) for detector in range(3)}
    given, _ = exposures(seed, off)
    solution = solved(given, detector_motion="auto")
    assert codes(solution) == [Code.ALIGNED] * 3 + [Code.IMAGE_OFF]
    assert np.abs(solution.units.shift).max(initial=0.0) < 0.01
    assert "hide that images do not move" in motion_reason(solution.motion)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_detectors_that_are_far_off_in_all_exposures_are_moved(seed: int) -> None:
    """Neighbours that lie 120 mas apart: their pairs are looked for, and no image is blamed."""
    true = 0.06 * np.array([[-1.0, 0.5], [1.0, -0.5], [0.5, 1.0], [-1.0, -1.0], [0.0, 0.5], [0, 0]])
    off = {(exposure, d): tuple(true[d]) for exposure in range(4) for d in range(6)}
    given, _ = exposures(seed, off)
    solution = solved(given, detector_motion="auto")
    assert codes(solution) == [Code.ALIGNED] * 4
    assert solution.apart == ()
    found = solution.units.shift - solution.units.shift.mean(axis=0)
    # without a reference the groups' roll and the detectors' places are told apart by priors alone
    assert np.abs(found - (true.mean(axis=0) - true)).max() < 0.015
