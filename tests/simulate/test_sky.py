"""The scenes are what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.core import sphere
from tweakreg_step.core.correction import move
from tweakreg_step.simulate.judge import true_sources
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def test_layouts_overlap_as_asked() -> None:
    strip = layout("strip", 4, 0.3)
    np.testing.assert_allclose(np.diff(strip[:, 0]), 64.0 * 0.7)
    mosaic = layout("mosaic", 3, 0.2)
    assert len(mosaic) == 9
    np.testing.assert_allclose(np.unique(np.diff(np.unique(mosaic[:, 0]))), 64.0 * 0.8)
    assert np.hypot(*layout("stack", 30).T).max() < 6.4
    with pytest.raises(ValueError, match="'ring', but"):
        layout("ring", 3)


def test_the_truth_undoes_the_displacement() -> None:
    setup = Setup(layout("mosaic", 2, 0.5), geometry="general", scale=1e-4, reference_fraction=1.0)
    scene = make_scene(setup, 1)
    detections, reference = scene.detections, scene.reference
    entry = np.full(int(max(scene.star.max(), scene.reference_star.max())) + 1, -1)
    entry[scene.reference_star] = np.arange(len(reference))
    true = sphere.directions(reference.ra, reference.dec)
    for group in range(4):
        own = (detections.group == group) & (scene.star >= 0)
        moved = move(
            detections.ra[own],
            detections.dec[own],
            tuple(scene.centre[group]),
            scene.matrix[group],
            scene.shift[group],
        )
        distance = sphere.angular_distance(sphere.directions(*moved), true[entry[scene.star[own]]])
        # 1.5 mas and 1 mas per axis in quadrature
        assert np.sqrt(np.mean(distance**2) / 2.0) == pytest.approx(0.0018, rel=0.1)


def test_fractions_and_errors() -> None:
    setup = Setup(layout("stack", 6), missing=0.3, spurious=0.5, spread=1.0, density=0.1)
    scene = make_scene(setup, 2)
    real = scene.star >= 0
    assert (~real).sum() / real.sum() == pytest.approx(0.5, rel=0.1)
    sigma = np.sqrt(scene.detections.covariance[:, 0, 0])
    assert sigma.min() >= 0.0015
    assert sigma.max() <= 0.0150001
    assert real.sum() == pytest.approx(6 * 0.1 * 64.0**2 * 0.7, rel=0.1)


def test_one_seed_one_scene() -> None:
    one, other = (make_scene(Setup(layout("stack", 2)), 5) for _ in range(2))
    np.testing.assert_array_equal(one.detections.ra, other.detections.ra)


def test_true_sources_are_seen_twice_or_known() -> None:
    scene = make_scene(Setup(layout("stack", 3), reference_fraction=0.3, spurious=0.2), 3)
    source, star = true_sources(scene)
    size = np.bincount(source[source >= 0])
    assert len(size) == len(star)
    assert (size[star < 0] >= 2).all()
    assert (size[star >= 0] >= 1).all()
    assert (source[scene.star < 0] == -1).all()
