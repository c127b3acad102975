"""Motions of the detectors: recovered where the data determine them, absent where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core import sphere
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import directions, frames_of, from_plane, ra_dec
from tweakreg_step.report.sentences import motion_reason
from tweakreg_step.simulate.image_pulls import image_errors_of
from tweakreg_step.simulate.judge import judge
from tweakreg_step.simulate.sky import Scene, Setup, layout, make_scene

NIRCAM = np.array([[x + 33.0 * a, 33.0 * b] for x in (-80, 80) for a in (-1, 1) for b in (-1, 1)])
SIX = np.array([[x, y] for x in (-70.0, 0.0, 70.0) for y in (-35.0, 35.0)])
PLACE = (150.0, 30.0)
OFFSETS = {"motion_shift": 0.015, "motion_roll": 8.0, "motion_scale": 5e-5}


def _setup(**changes) -> Setup:
    usual = {
        "centres": 3.0 * layout("stack", 4),
        "rolls": np.linspace(0.0, 3.0, 4),
        "detectors": NIRCAM,
        "density": 0.015,
        "spurious": 0.2,
    }
    return Setup(**(usual | changes))


def _errors(scene: Scene, solution) -> np.ndarray:
    """Where a mesh (G, K, 25, 2) [arcsec] in each detector is put, less where it truly is."""
    mesh = 30.0 * np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 2), axis=-1).reshape(-1, 2)
    scale = np.exp(scene.motion_scale)
    cosine, sine = scale * np.cos(scene.motion_roll), scale * np.sin(scene.motion_roll)
    own = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    errors = np.empty((scene.group_count, len(NIRCAM), len(mesh), 2))
    detections = scene.detections
    for group in range(scene.group_count):
        frame = sphere.frames_at(*scene.centre[group])
        found = sphere.frames_at(solution.groups.ra[group], solution.groups.dec[group])
        for layer, place in enumerate(NIRCAM):
            turn = detections.unit_to_sky[detections.group == group][0]
            true = (mesh @ own[layer].T + scene.motion_shift[layer] + place) @ turn.T
            moved = mesh @ solution.units.matrix[layer].T + solution.units.shift[layer]
            for xy, out in ((true, "true"), ((moved + place) @ turn.T, "moved")):
                if out == "true":
                    expected = sphere.from_plane(xy, frame)
                    continue
                seen = np.linalg.solve(scene.matrix[group], (xy - scene.shift[group]).T).T
                plane = sphere.to_plane(sphere.from_plane(seen, frame), found)
                plane = plane @ solution.groups.matrix[group].T + solution.groups.shift[group]
                errors[group, layer] = sphere.to_plane(sphere.from_plane(plane, found), frame)
            errors[group, layer] -= sphere.to_plane(expected, frame)
    return errors


def _without_common(scene: Scene, errors: np.ndarray) -> np.ndarray:
    """The errors less a common linear motion of the sky, which nothing determines."""
    mesh = 30.0 * np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 2), axis=-1).reshape(-1, 2)
    centre = sphere.to_plane(sphere.directions(*scene.centre.T), sphere.frames_at(*PLACE))
    turns = [scene.detections.unit_to_sky[scene.detections.group == g][0] for g in range(4)]
    places = np.stack(
        [c + (NIRCAM[:, None] + mesh) @ t.T for c, t in zip(centre, turns, strict=True)]
    ).reshape(-1, 2)
    columns = np.column_stack([np.ones(len(places)), places])
    flat = errors.reshape(-1, 2)
    return flat - columns @ np.linalg.lstsq(columns, flat, rcond=None)[0]


@pytest.mark.parametrize("reference", [0.0, 0.3])
def test_offsets_are_recovered_where_they_are_determined(reference: float) -> None:
    """Detectors 15 mas off are put right on the sky to a fraction of the error of one detection."""
    scene = make_scene(_setup(reference_fraction=reference, **OFFSETS), 1)
    solution = solve_jointly(
        scene.detections, 4, scene.reference, Options(detector_motion="auto", minobj=15)
    )
    assert solution.motion.geometry == "rscale"
    assert (
        solution.motion.reserved_rms_mas["rscale"] < 0.5 * solution.motion.reserved_rms_mas["none"]
    )
    errors = 1e3 * _errors(scene, solution)
    if not reference:
        errors = _without_common(scene, errors)
    assert np.sqrt(np.mean(errors**2)) < (0.5 if reference else 2.0)
    assert solution.groups.chi2.sum() / solution.groups.dof.sum() == pytest.approx(1.0, abs=0.1)


def test_without_motions_the_seams_stay() -> None:
    scene = make_scene(_setup(reference_fraction=0.3, **OFFSETS), 1)
    solution = solve_jointly(scene.detections, 4, scene.reference, Options())
    assert np.sqrt(np.mean(_errors(scene, solution) ** 2)) > 0.008


@pytest.mark.parametrize("roll", [0.0, 8.0])
def test_scales_that_are_not_there_are_not_taken(roll: float) -> None:
    """Rolls may be: what shifts detectors rolls them."""
    for seed in range(2, 5):
        scene = make_scene(
            _setup(reference_fraction=0.3, motion_shift=0.015, motion_roll=roll), seed
        )
        solution = solve_jointly(
            scene.detections, 4, scene.reference, Options(detector_motion="auto")
        )
        assert solution.motion.geometry in (("rshift",) if roll else ("shift", "rshift"))


def _width(seed: int, shift: float, roll: float) -> float:
    """Rms of errors over claims in four exposures of detectors that shift and roll [arcsec]."""
    setup = Setup(
        layout("stack", 4),
        detectors=SIX,
        density=0.01,
        reference_fraction=0.3,
        motion_shift=shift,
        motion_roll=roll,
    )
    options = Options(detector_motion="auto", minobj=6, abs_minobj=6)
    scene = make_scene(setup, seed)
    solution = solve_jointly(scene.detections, 4, scene.reference, options)
    errors, sigma = image_errors_of(scene, setup, solution, relative=False)
    return float(np.sqrt(np.mean((errors / sigma) ** 2)))


@pytest.mark.parametrize("roll", [0.0, 5.0])
def test_rolls_of_detectors_that_shift_are_in_the_claims(roll: float) -> None:
    """Rolls of 0.8 mas at the corners, of scenes where they are not clear, or are not there.

    Taken for zero, errors of the former are 1.8 times those claimed.
    """
    pulls = [_width(seed, 0.005, roll) for seed in (0, 1, 3, 13, 20, 23, 28, 29)]
    # a scene's mean square has 18 degrees of freedom, or more: p < 1e-3 for eight of them
    assert 0.8 < np.sqrt(np.mean(np.square(pulls))) < 1.2


@pytest.mark.parametrize("reference", [0.0, 0.3])
def test_auto_costs_nothing_where_there_is_none(reference: float) -> None:
    for seed in range(4):
        scene = make_scene(_setup(reference_fraction=reference), seed)
        plain = solve_jointly(scene.detections, 4, scene.reference, Options())
        auto = solve_jointly(scene.detections, 4, scene.reference, Options(detector_motion="auto"))
        assert auto.motion.geometry == "none"
        # the same fit from other weights: to 1e-3 mas, also an arcminute away, the same
        np.testing.assert_allclose(auto.groups.matrix, plain.groups.matrix, rtol=0, atol=1.6e-8)
        np.testing.assert_allclose(auto.groups.shift, plain.groups.shift, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", [9, 16])
def test_reserved_sources_that_tell_nothing_do_not_decide(seed: int) -> None:
    """Scales that a few stars tell: the others, dithered by an arcsecond, see nothing of them."""
    moved = {"motion_shift": 0.02, "motion_roll": 20.0, "motion_scale": 8e-5}
    scene = make_scene(
        Setup(
            layout("stack", 4),
            density=0.02,
            detectors=SIX,
            reference_fraction=0.02,
            reference_sigma=0.002,
            **moved,
        ),
        seed,
    )
    options = Options(minobj=6, abs_minobj=6, detector_motion="auto")
    motion = solve_jointly(scene.detections, 4, scene.reference, options).motion
    assert motion.evidence["rscale"] > motion.evidence["rshift"] + 15.0
    assert motion.geometry == "rscale"


def test_reserved_sources_refuse_what_outliers_alone_ask_for() -> None:
    """Rolled detectors, every seventh position off by some errors, which scales would suit."""
    moved = {"motion_shift": 0.02, "motion_roll": 20.0, "reference_fraction": 0.1}
    setup = Setup(layout("stack", 2), density=0.01, detectors=SIX, **moved)
    scene, rng = make_scene(setup, 12), np.random.default_rng(12)
    given = scene.detections
    off = rng.random(len(given)) < 0.15
    step = np.where(off, rng.normal(0.0, 5.0 * setup.sigma, (2, len(given))), 0.0).T
    frames = sphere.frames_of(sphere.directions(given.ra, given.dec))
    ra, dec = sphere.ra_dec(sphere.from_plane(step, frames))
    options = Options(minobj=6, abs_minobj=6, detector_motion="auto")
    motion = solve_jointly(replace(given, ra=ra, dec=dec), 2, scene.reference, options).motion
    assert motion.evidence["rscale"] > motion.evidence["rshift"] + 10.0
    assert motion.geometry == "rshift"


def test_what_nothing_determines_stays_at_zero() -> None:
    """Exposures at one pointing see each star with the same detector, whose motion cancels."""
    setup = _setup(centres=np.zeros((3, 2)), rolls=np.zeros(3), shift=1e-4, roll=0.1, **OFFSETS)
    scene = make_scene(setup, 3)
    solution = solve_jointly(scene.detections, 3, None, Options(detector_motion="rshift"))
    assert set(solution.groups.status) == {Code.ALIGNED}
    assert np.abs(solution.units.shift).max() < 0.002
    sigma = np.sqrt(solution.units.covariance[:, 0, 0])
    assert (sigma > 0.015).all()  # the prior's 20 mas, hardly changed


def test_motions_that_are_asked_for_lose_no_efficiency() -> None:
    plain, moving = [], []
    for seed in range(6):
        scene = make_scene(_setup(reference_fraction=0.3, reference_sigma=0.002), seed)
        for values, motion in ((plain, "none"), (moving, "rshift")):
            options = Options(detector_motion=motion)
            values.append(
                _errors(scene, solve_jointly(scene.detections, 4, scene.reference, options))
            )
    assert np.mean(np.square(moving)) < (1e-3 * 1.0) ** 2
    assert np.mean(np.square(plain)) <= np.mean(np.square(moving))


def test_small_motions_are_in_the_claims() -> None:
    """Motions of 0.6 mas and 4 arcsec, whose evidence is 5 to 10 in these scenes."""
    for seed in (18, 20):
        assert _width(seed, 6e-4, 4.0) < 1.5


def test_one_detector_has_nothing_to_move_against() -> None:
    scene = make_scene(Setup(layout("stack", 3)), 1)
    solution = solve_jointly(scene.detections, 3, None, Options(detector_motion="auto"))
    assert solution.motion.geometry == "none"
    assert "not two detectors" in motion_reason(solution.motion)
    assert judge(scene, solution).rms_mas < 1.0


def test_images_that_move_by_themselves_are_not_taken_for_detectors() -> None:
    """Half a mas of each image, where two dithers of an arcsecond could be rolls of detectors.

    Without knowing of it the evidence takes it for these in seven of the twelve scenes.
    """
    taken = 0
    for seed in range(12):
        scene = make_scene(Setup(layout("stack", 2), detectors=SIX, density=0.01), seed)
        found, rng = scene.detections, np.random.default_rng(seed)
        moved = rng.normal(0.0, 5e-4, (int(found.image.max()) + 1, 2))[found.image]
        ra, dec = ra_dec(from_plane(moved, frames_of(directions(found.ra, found.dec))))
        found = replace(found, ra=ra, dec=dec)
        solution = solve_jointly(found, 2, None, Options(detector_motion="auto"))
        taken += solution.motion.geometry != "none"
    assert taken <= 4


def test_detectors_that_move_are_not_taken_for_images_that_do() -> None:
    """Motions of some mas, as detectors have, in two exposures that images could imitate."""
    found = 0
    for seed in range(6):
        setup = Setup(
            10.0 * layout("stack", 2),
            np.array([0.0, 20.0]),
            detectors=np.array([[-35.0, 0.0], [35.0, 0.0]]),
            density=0.01,
            motion_shift=0.004,
            motion_roll=10.0,
        )
        scene = make_scene(setup, seed)
        solution = solve_jointly(scene.detections, 2, None, Options(detector_motion="auto"))
        found += solution.motion.geometry != "none"
    assert found >= 4
