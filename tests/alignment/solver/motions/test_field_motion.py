"""Sources that move between epochs: stars of known motion tie these, all others follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from moving_fields import Sky, moving_field

from tweakreg_step.alignment.solver.cramer_rao import achieved_and_achievable
from tweakreg_step.alignment.solver.motions.field_motion import DISPERSION, field_motion
from tweakreg_step.core.outcome import Code

THREE = (2022.5, 2024.0, 2025.5)


@pytest.mark.parametrize(
    "world",
    [
        Sky(-5.0, 0.0),
        Sky(-5.0, 3.0),
        Sky(-2.0, 0.3),
        Sky(0.0, 5.0),
        Sky(-5.0, 1.0, galaxies=0.5),
        Sky(-5.0, 1.0, reference=60, known=0.5),
        Sky(-5.0, 2.0, epochs=THREE),
    ],
)
def test_epochs_are_tied_by_stars_of_known_motion(world: Sky) -> None:
    """30 of 120 sources at 0.3 mas, exposures at 1 mas: as good as each epoch by itself."""
    errors, sigma = [], []
    for seed in range(2):
        scene = moving_field(seed, world)
        found = scene.solved()
        assert {one.code for one in found.absolute} == {Code.ALIGNED}
        errors.append(scene.errors(found))
        sigma.append(np.sqrt(found.groups.covariance[:, 0, 0]))
    pulls = np.concatenate(errors) / np.concatenate(sigma)[:, None]
    assert 1e3 * np.sqrt(np.mean(np.square(errors))) < 0.3
    assert np.sqrt(np.mean(pulls**2)) < 1.6


def test_what_the_field_does_is_found() -> None:
    found = moving_field(3, Sky(-5.0, 1.0)).solved().levels.field
    np.testing.assert_allclose(found.mean_mas, [-5.0, -2.5], atol=4.0 * np.max(found.sigma_mas))
    assert found.told
    assert 0.5 < found.scatter_mas < 2.0
    assert np.max(found.sigma_mas) < 0.5


def test_without_known_motions_nothing_is_taken_for_the_field() -> None:
    scene = moving_field(1, Sky(-5.0, 1.0, reference=0))
    found = scene.solved()
    np.testing.assert_array_equal(found.levels.field.mean_mas, 0.0)
    assert not found.levels.field.told
    # what the groups follow is known no better than faint stars move
    (tie,) = found.levels.ties
    assert tie.sigma_mas == pytest.approx(3e3 * DISPERSION, rel=0.05)


def test_a_reference_without_motions_is_not_believed_in_silence() -> None:
    scene = moving_field(2, Sky(-5.0, 1.0, known=0.0))
    found = scene.solved()
    assert np.abs(scene.errors(found)).max() > 0.010
    assert {one.code for one in found.absolute} <= {Code.POORLY_DETERMINED, Code.IMAGE_OFF}
    sigma = np.sqrt(found.groups.covariance[:, 0, 0])
    assert np.all(np.abs(scene.errors(found)) < 3.0 * sigma[:, None])


def test_ties_say_how_well_epochs_are_tied() -> None:
    """30 stars of 1 mas seen twice at each epoch: 0.2 mas."""
    (tie,) = moving_field(4, Sky(-5.0, 3.0)).solved().levels.ties
    assert tie.epochs == pytest.approx((2022.5, 2025.5))
    assert 0.1 < tie.sigma_mas < 0.4


def test_the_bound_knows_of_motions() -> None:
    scene = moving_field(4, Sky(-5.0, 3.0))
    found = scene.solved()
    achieved, least = achieved_and_achievable(found, scene.detections, scene.reference)
    # 30 stars at 1 mas place a group to 0.18 mas, and turn it; 120 that stood still would to 0.1
    assert np.all((least > 0.15) & (least < 0.3))
    assert np.all(achieved > 0.95 * least)


def test_groups_of_one_epoch_have_no_motions() -> None:
    scene = moving_field(5, Sky(-5.0, 3.0, epochs=(2025.5,), exposures=4))
    found = scene.solved()
    assert found.levels.field is None
    assert found.levels.ties == ()
    unknown = replace(scene.detections, epoch=np.full(len(scene.detections), np.nan))
    same = replace(scene, detections=unknown).solved()
    np.testing.assert_array_equal(same.groups.parameters, found.groups.parameters)


def test_epochs_that_hardly_differ_are_one() -> None:
    scene = moving_field(5, Sky(epochs=(2025.5, 2025.51)))
    every = np.ones(4, bool)
    assert field_motion(scene.detections, every) is None
    assert field_motion(moving_field(5, Sky()).detections, every) is not None
    assert (
        field_motion(moving_field(5, Sky()).detections, np.array([True, True, False, False]))
        is None
    )
