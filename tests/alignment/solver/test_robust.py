"""Weights, leverage and floors."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.solver import robust, weights
from tweakreg_step.alignment.solver.cramer_rao import bound
from tweakreg_step.alignment.solver.hierarchy import Model, Motions
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec
from tweakreg_step.simulate.judge import true_sources
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def test_the_taper_is_one_then_all_but_vanishes() -> None:
    found = weights.taper(np.array([0.0, 3.0, 4.5, 6.0, 50.0]), 3.0)
    np.testing.assert_allclose(found, [1.0, 1.0, 0.5625, 1e-6, 1e-6])


def test_medians_by_label() -> None:
    values = np.array([3.0, 1.0, 2.0, 10.0, 20.0])
    found = weights.grouped_median(values, np.array([0, 0, 0, 2, 2]), 3)
    np.testing.assert_array_equal(found, [2.0, np.nan, 15.0])


def _stack(outliers: int, scale: float = 1.0):
    scene = make_scene(Setup(layout("stack", 4), geometry="rshift", missing=0.1), 11)
    source, star = true_sources(scene)
    links, _ = link(scene.detections, source, None, star)
    centre = scene.centre[:, 0], scene.centre[:, 1]
    model = bound(scene.detections, source, centre, "rshift").model
    rng = np.random.default_rng(12)
    bad = rng.choice(len(links.source), outliers, replace=False)
    push = np.zeros((len(links.source), 3))
    push[bad] = rng.normal(size=(outliers, 3)) * 1e-7  # 20 mas, 14 sigma
    vectors = links.vectors + push
    moved = type(links)(
        **{name: getattr(links, name) for name in links.__slots__}
        | {"vectors": vectors, "covariance": links.covariance * scale}
    )
    zero = Motions(np.zeros(model.prior.shape))
    return robust.fit(moved, model, robust.Start(zero)), bad, moved


def test_squares_have_their_expectation() -> None:
    result, _, _ = _stack(0)
    seen = result.square[result.square > 0.0]
    # the mean of some 2000 values of chi2 with 2 degrees of freedom
    assert seen.mean() == pytest.approx(2.0, abs=0.15)
    assert result.weight.mean() > 0.99


def test_outliers_lose_their_weight() -> None:
    result, bad, links = _stack(60)
    size = np.bincount(links.source)[links.source[bad]]
    far = np.linalg.norm(result.residual[bad], axis=1) > 0.015
    assert (result.weight[bad][far & (size > 2)] < 0.05).all()
    good = np.setdiff1d(np.arange(len(links.source)), bad)
    untouched = ~np.isin(links.source[good], links.source[bad])
    assert result.weight[good][untouched].mean() > 0.98


def test_a_source_seen_twice_loses_both() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(-30.0, 30.0, (30, 2))
    second = places + 0.001 * rng.normal(size=places.shape)
    second[7] += (0.02, 0.0)
    frame = frames_at(10.0, 10.0)
    ra, dec = ra_dec(from_plane(np.concatenate([places, second]), frame))
    detections = Detections.simple(ra, dec, np.repeat([0, 1], 30), 0.001)
    links, _ = link(detections, np.tile(np.arange(30), 2), None, np.full(30, -1))
    frames = frames_at(np.full(2, 10.0), np.full(2, 10.0))
    model = Model(frames, "shift", np.ones((2, 2)))
    result = robust.fit(links, model, robust.Start(Motions(np.zeros((2, 2)))))
    assert (result.weight[links.source == 7] < 1e-3).all()
    assert result.weight[links.source != 7].mean() > 0.95


def _estimated(found: robust.Fit) -> float:
    """Rms error per axis of the detections, as estimated [arcsec]."""
    return float(np.sqrt(np.mean(found.components.variance)))


def test_errors_that_are_too_small_are_raised_and_true_ones_kept() -> None:
    honest, _, _ = _stack(0)
    assert _estimated(honest) == pytest.approx(0.0015, rel=0.05)
    modest, _, _ = _stack(0, scale=0.1)
    # a tenth of the variance of 1.5 mas is given, the rest is estimated
    assert _estimated(modest) == pytest.approx(0.0015, rel=0.05)


def test_squares_beside_a_star_are_those_from_the_mean_of_their_own_weights() -> None:
    """Of a star known ten times better than two detections of it, whatever fit came before."""
    rng, count = np.random.default_rng(5), 2000
    places = np.tile(rng.uniform(-30.0, 30.0, (count, 2)), (3, 1))
    ra, dec = ra_dec(from_plane(places, frames_at(10.0, 10.0)))
    detections = Detections.simple(ra, dec, np.repeat([0, 1, 2], count), 0.001)
    links, _ = link(detections, np.tile(np.arange(count), 3), None, np.full(count, -1))
    image = links.image
    error = np.array([1e-4, 1e-3, 1e-3])[image]
    position = rng.standard_normal((len(image), 2)) * error[:, None]
    covariance = error[:, None, None] ** 2 * np.eye(2)
    square = weights.standardised(position, covariance, np.ones(len(image)), links)
    means = [square[image == number].mean() for number in range(3)]
    assert means == pytest.approx([2.0, 2.0, 2.0], rel=0.1)


def test_a_fit_keeps_the_linear_problem_that_its_last_step_solved() -> None:
    """What is asked of a fit later is worked out from where its last step began."""
    found, _, _ = _stack(3)
    linear, delta = found.linear, found.step.delta
    moved = linear.position + np.einsum("nik,nk->ni", linear.columns, delta[linear.index])
    np.testing.assert_allclose(found.step.position, moved, rtol=0.0, atol=1e-12)
