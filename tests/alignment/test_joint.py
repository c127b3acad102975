"""The whole alignment: at the bound, invariant, and with a name for everything that goes wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import affine, design, move
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import Solution
from tweakreg_step.simulate.judge import judge
from tweakreg_step.simulate.sky import Scene, Setup, displacement_errors, joined, layout, make_scene

# True motions as wide as the prior expects them, so that the bound, prior included, is exact.
EXPECTED = {"shift": 0.3, "roll": 100.0, "scale": 1e-4}
SCENES = {
    "stack": (layout("stack", 5), 0.04),
    "mosaic, 20 %": (layout("mosaic", 3, 0.2), 0.05),
    "mosaic, 50 %": (layout("mosaic", 3, 0.5), 0.03),
    "strip": (layout("strip", 5, 0.25), 0.08),
}
# With more groups, as many independent errors cost half as much, and fewer stars make none less
# certain: errors are told in units of the bound. Last, the number of scenes.
LARGE = {
    "stack": (layout("stack", 12), 0.015, 19),
    "mosaic, 20 %": (layout("mosaic", 6, 0.2), 0.018, 12),
    "mosaic, 50 %": (layout("mosaic", 6, 0.5), 0.01, 12),
    "strip": (layout("strip", 20, 0.25), 0.027, 11),
}


def _setup(name: str, geometry: str = "rshift", **changes) -> Setup:
    return _of(*SCENES[name], geometry, **changes)


def _of(centres: np.ndarray, density: float, geometry: str, **changes) -> Setup:
    return Setup(centres, density=density, geometry=geometry, spread=0.5, **(EXPECTED | changes))


def _solve(scene: Scene, geometry: str = "rshift", **options) -> Solution:
    wanted = Options(fitgeometry=geometry, **({"minobj": 6} | options))
    return solve_jointly(scene.detections, scene.group_count, scene.reference, wanted)


def _codes(solution) -> list[str]:
    return [status.value for status in solution.groups.status]


@pytest.mark.parametrize("geometry", ["shift", "rshift", "rscale", "general"])
@pytest.mark.parametrize("name", LARGE)
def test_it_reaches_the_bound(name: str, geometry: str) -> None:
    """Errors' square in units of the bound's covariance: 1, known to 3 to 6 per cent here."""
    centres, density, count = LARGE[name]
    scenes = [make_scene(_of(centres, density, geometry), seed) for seed in range(count)]
    solutions = [_solve(scene, geometry) for scene in scenes]
    assert all(set(solution.groups.status) == {Code.ALIGNED} for solution in solutions)
    judged = [judge(scene, solution) for scene, solution in zip(scenes, solutions, strict=True)]
    allowed = 0.05 + 2.5 * np.sqrt(2.0 / sum(j.rank for j in judged))
    assert np.mean([j.normalised for j in judged]) == pytest.approx(1.0, abs=allowed)
    ratio = sum(s.groups.chi2.sum() for s in solutions) / sum(s.groups.dof.sum() for s in solutions)
    assert 0.97 < ratio < 1.03


@pytest.mark.parametrize("name", SCENES)
def test_spurious_detections_cost_little(name: str) -> None:
    scenes = [make_scene(_setup(name, spurious=0.25), seed) for seed in range(100, 115)]
    judged = [judge(scene, _solve(scene)) for scene in scenes]
    rms = np.sqrt(np.mean([j.rms_mas**2 for j in judged]))
    best = np.sqrt(np.mean([j.bound_mas**2 for j in judged]))
    assert rms <= 1.25 * best


def test_a_reference_is_used_jointly_and_at_the_bound() -> None:
    changes = {"reference_fraction": 0.3, "reference_sigma": 0.003, "spurious": 0.2}
    centres, density, _ = LARGE["mosaic, 20 %"]
    scenes = [make_scene(_of(centres, density, "rshift", **changes), seed) for seed in range(7)]
    solutions = [_solve(scene) for scene in scenes]
    assert all(solution.groups.anchored.all() for solution in solutions)
    judged = [judge(scene, s) for scene, s in zip(scenes, solutions, strict=True)]
    assert np.mean([j.normalised for j in judged]) == pytest.approx(1.0, abs=0.12)


def test_pulls() -> None:
    """The errors of anchored groups have the covariance that is claimed: whitened, the width 1."""
    pulls, (centres, density, _) = [], LARGE["mosaic, 50 %"]
    for seed in range(28):
        scene = make_scene(_of(centres, density, "rshift", reference_fraction=0.5), seed)
        groups = _solve(scene).groups
        found = groups.ra, groups.dec
        errors = displacement_errors(scene, found, groups.matrix, groups.shift)
        frames = sphere.frames_at(*found)[:, None]
        place = sphere.to_plane(sphere.directions(*np.moveaxis(scene.grid_true, 2, 0)), frames)
        for error, xy, covariance in zip(errors, place, groups.covariance, strict=True):
            slope = design("rshift", np.zeros((len(xy), 3)), xy).reshape(-1, 3)
            own = np.linalg.lstsq(slope, error.ravel())[0]
            pulls.append(np.linalg.solve(np.linalg.cholesky(covariance), own))
    # 3000 values, correlated within a scene; the scatter of their width is below 2 per cent
    assert np.std(pulls) == pytest.approx(1.0, abs=0.05)


def test_joint_beats_the_relative_solution_moved_as_a_whole() -> None:
    joint, whole = [], []
    for seed in range(8):
        changes = {"reference_fraction": 0.4, "reference_sigma": 0.002}
        scene = make_scene(_setup("strip", **changes), seed)
        joint.append(judge(scene, _solve(scene)).rms_mas)
        moved = _solve(scene, joint=False)
        assert moved.groups.anchored.all()
        whole.append(judge(scene, moved).rms_mas)
    assert np.mean(joint) < 0.8 * np.mean(whole)
    assert np.mean(whole) < 30.0


def test_aligned_data_stay() -> None:
    scene = make_scene(_setup("mosaic, 50 %", shift=1e-9, roll=1e-9, scale=1e-12), 3)
    solution = _solve(scene)
    sigma = np.sqrt(np.einsum("gii->gi", solution.groups.covariance))
    assert np.abs(solution.groups.parameters / sigma).max() < 5.0


# Invariance


@pytest.mark.parametrize("name", ["stack", "mosaic, 20 %"])
def test_the_order_of_the_inputs_changes_no_bit(name: str) -> None:
    scene = make_scene(_setup(name, spurious=0.2, reference_fraction=0.2), 5)
    first = _solve(scene)
    rng = np.random.default_rng(6)
    order = rng.permutation(len(scene.detections))
    rename = rng.permutation(scene.group_count)
    shuffled = scene.detections.take(order)
    shuffled = replace(shuffled, group=rename[shuffled.group], image=rename[shuffled.image])
    stars = rng.permutation(len(scene.reference))
    old = scene.reference
    reference = Reference(old.ra[stars], old.dec[stars], old.covariance[stars])
    options = Options(minobj=6)
    second = solve_jointly(shuffled, scene.group_count, reference, options)
    np.testing.assert_array_equal(second.groups.matrix[rename], first.groups.matrix)
    np.testing.assert_array_equal(second.groups.shift[rename], first.groups.shift)
    np.testing.assert_array_equal(second.groups.covariance[rename], first.groups.covariance)
    np.testing.assert_array_equal(second.detections.used, first.detections.used[order])


POLES = [(0.0, 0.0), (359.999, -35.0), (12.0, 90.0), (77.0, -89.995)]


@pytest.mark.parametrize("pole", POLES)
def test_a_rotation_of_the_whole_sky_changes_nothing(pole: tuple[float, float]) -> None:
    scene = make_scene(_setup("mosaic, 20 %", spurious=0.1, reference_fraction=0.2), 7)
    turn = sphere.frames_at(*pole).T @ sphere.frames_at(150.0, 30.0)

    def turned(catalog: Detections | Reference) -> Detections | Reference:
        vectors = sphere.directions(catalog.ra, catalog.dec) @ turn.T
        ra, dec = sphere.ra_dec(vectors)
        return replace(catalog, ra=ra, dec=dec)

    def moved(catalog: Detections, solution) -> np.ndarray:
        frames = sphere.frames_at(solution.groups.ra, solution.groups.dec)[catalog.group]
        xy = sphere.to_plane(sphere.directions(catalog.ra, catalog.dec), frames)
        xy = np.einsum("nij,nj->ni", solution.groups.matrix[catalog.group], xy)
        return sphere.from_plane(xy + solution.groups.shift[catalog.group], frames)

    here, there = scene.detections, turned(scene.detections)
    options = Options(minobj=6)
    one = solve_jointly(here, 9, scene.reference, options)
    other = solve_jointly(there, 9, turned(scene.reference), options)
    distance = sphere.angular_distance(moved(here, one) @ turn.T, moved(there, other))
    # the weights settle to 1e-4, which leaves 0.01 mas of 0.6
    assert distance.max() < 1e-5


def test_the_gauge_moves_all_groups_together() -> None:
    scene = make_scene(_setup("mosaic, 50 %"), 8)
    mean, fixed = _solve(scene), _solve(scene, refgroup=4)
    np.testing.assert_allclose(fixed.groups.shift[4], 0.0, atol=1e-7)
    np.testing.assert_allclose(fixed.groups.matrix[4], np.eye(2), atol=1e-9)
    assert (
        np.abs(np.diag(fixed.groups.covariance[4])).max()
        < 1e-8 * np.diag(mean.groups.covariance[4]).max()
    )
    # 1e-3 mas: the common motion that the judge removes is linear
    assert judge(scene, fixed).rms_mas == pytest.approx(judge(scene, mean).rms_mas, abs=1e-3)
    first, second = mean.pairs.covariance, fixed.pairs.covariance
    # the planes' origins move with the gauge; 2e-9 is (0.05 mas)^2, a per cent here
    np.testing.assert_allclose(first, second, rtol=5e-3, atol=2e-9)


# Bad input


def _shifted(scene: Scene, group: int, shift: tuple[float, float], roll: float) -> Detections:
    detections = scene.detections
    own = detections.group == group
    matrix, _ = affine("rshift", np.array([0.0, 0.0, np.deg2rad(roll)]))
    centre = float(scene.centre[group, 0]), float(scene.centre[group, 1])
    ra, dec = detections.ra.copy(), detections.dec.copy()
    ra[own], dec[own] = move(ra[own], dec[own], centre, matrix, np.array(shift))
    return replace(detections, ra=ra, dec=dec)


def _disagreement(scene: Scene, detections: Detections, solution, pair) -> float:
    """Median distance [arcsec] of the true stars that two groups share, after the corrections."""
    places = []
    for group in pair:
        own = (detections.group == group) & (scene.star >= 0)
        centre = float(solution.groups.ra[group]), float(solution.groups.dec[group])
        moved = move(
            detections.ra[own],
            detections.dec[own],
            centre,
            solution.groups.matrix[group],
            solution.groups.shift[group],
        )
        places.append(dict(zip(scene.star[own], sphere.directions(*moved), strict=True)))
    common = sorted(set(places[0]) & set(places[1]))
    one, other = (np.array([place[star] for star in common]) for place in places)
    return float(np.median(sphere.angular_distance(one, other)))


@pytest.mark.parametrize(
    ("shift", "roll", "searchrad"),
    [((14.0, 14.0), 0.0, 25.0), ((14.0, -14.0), 2.0, 25.0), ((0.5, 0.2), -2.0, 2.0)],
)
def test_large_offsets_and_rolls_are_found_if_searched_for(shift, roll, searchrad) -> None:
    for seed in range(3):
        scene = make_scene(Setup(layout("stack", 3), shift=0.05, roll=5.0, spurious=0.3), seed)
        moved = _shifted(scene, 1, shift, roll)
        solution = solve_jointly(moved, 3, None, Options(searchrad=searchrad))
        assert _codes(solution) == ["aligned"] * 3
        # two positions of 1.5 mas per axis differ by 2.5 mas in the median
        assert _disagreement(scene, moved, solution, (0, 1)) < 0.003


@pytest.mark.parametrize(("shift", "roll"), [((3.0, 0.0), 0.0), ((14.0, 14.0), 2.0)])
def test_offsets_beyond_searchrad_are_refused(shift, roll) -> None:
    scene = make_scene(Setup(layout("stack", 3), shift=0.05, roll=5.0, spurious=0.3), 1)
    solution = solve_jointly(_shifted(scene, 1, shift, roll), 3, None, Options(searchrad=1.5))
    assert _codes(solution) == ["aligned", "no_match", "aligned"]
    np.testing.assert_array_equal(solution.groups.matrix[1], np.eye(2))
    np.testing.assert_array_equal(solution.groups.shift[1], 0.0)


NIRCAM = np.array([[x + 33.0 * a, 33.0 * b] for x in (-80, 80) for a in (-1, 1) for b in (-1, 1)])


@pytest.fixture(scope="module")
def unrelated() -> list[Scene]:
    """Exposures of eight detectors, as dense as NIRCam's, of fields that have nothing in common."""
    setup = Setup(np.zeros((1, 2)), detectors=NIRCAM, density=0.01, reference_fraction=1.0)
    return [make_scene(setup, seed) for seed in range(51)]


@pytest.mark.parametrize("absolute", [False, True])
def test_unrelated_catalogs_are_never_aligned(unrelated: list[Scene], absolute: bool) -> None:
    """50 pairs each: of two exposures, and of an exposure and the stars of another field.

    The table of verdicts has thousands.
    """
    for one, other in pairwise(unrelated):
        if absolute:
            solution = solve_jointly(one.detections, 1, other.reference, Options())
        else:
            own = other.detections
            second = replace(own, group=own.group + 1, image=own.image + 8)
            solution = solve_jointly(joined([one.detections, second]), 2, None, Options())
        assert set(_codes(solution)) == {"no_match"}


def test_groups_apart_are_components_of_their_own() -> None:
    centres = np.concatenate([layout("stack", 3), layout("stack", 3) + np.array([500.0, 0.0])])
    scene = make_scene(Setup(centres), 2)
    solution = _solve(scene)
    assert solution.groups.component.tolist() == [0, 0, 0, 1, 1, 1]
    assert not solution.groups.anchored.any()


def test_an_isolated_group_is_left_alone() -> None:
    centres = np.concatenate([layout("stack", 3), [[500.0, 0.0]]])
    solution = _solve(make_scene(Setup(centres), 2))
    assert _codes(solution) == ["aligned"] * 3 + ["not_connected"]
    assert np.isnan(solution.groups.parameters[3]).all()


def test_a_strip_is_all_bridges_and_a_mosaic_has_none() -> None:
    strip = _solve(make_scene(_setup("strip"), 1))
    assert strip.pairs.groups[strip.pairs.bridge].tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
    assert len(_solve(make_scene(_setup("mosaic, 50 %"), 1)).pairs.bridges) == 0


def test_duplicate_groups_agree() -> None:
    scene = make_scene(Setup(layout("stack", 2)), 4)
    twice = joined(
        [
            scene.detections,
            replace(
                scene.detections, group=scene.detections.group + 2, image=scene.detections.image + 2
            ),
        ]
    )
    solution = solve_jointly(twice, 4, None, Options())
    assert _codes(solution) == ["aligned"] * 4
    assert (
        _disagreement(replace(scene, star=np.tile(scene.star, 2)), twice, solution, (0, 2)) < 1e-7
    )


def test_stars_move_between_epochs() -> None:
    """Proper motions of 50 mas between the groups' epochs would else spoil the reference."""
    scene = make_scene(Setup(layout("stack", 3), reference_fraction=1.0, missing=0.1), 4)
    old, rng = scene.reference, np.random.default_rng(3)
    path = 0.02 * rng.normal(size=(len(old), 2))
    place = sphere.frames_at(old.ra, old.dec)
    later = [sphere.ra_dec(sphere.from_plane(path * t, place)) for t in (0.0, 0.0, 1.0)]
    moving = np.zeros((len(scene.detections), 2))
    entry = np.full(int(max(scene.star.max(), scene.reference_star.max())) + 1, -1)
    entry[scene.reference_star] = np.arange(len(old))
    own = (scene.detections.group == 2) & (scene.star >= 0)
    moving[own] = path[entry[scene.star[own]]]
    frames = sphere.frames_at(scene.detections.ra, scene.detections.dec)
    ra, dec = sphere.ra_dec(sphere.from_plane(moving, frames))
    detections = replace(scene.detections, ra=ra, dec=dec)
    epochs = np.array([e[0] for e in later]), np.array([e[1] for e in later])
    solution = solve_jointly(
        detections, 3, Reference(old.ra, old.dec, old.covariance, *epochs), Options()
    )
    errors = displacement_errors(
        scene,
        (solution.groups.ra, solution.groups.dec),
        solution.groups.matrix,
        solution.groups.shift,
    )
    assert _codes(solution) == ["aligned"] * 3
    assert np.sqrt(np.mean(errors**2)) < 0.001
