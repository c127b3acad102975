"""The variance of fitted positions due to the motions, computed and sampled."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from unknown_errors import fitted

module = import_module("tweakreg_step.alignment.solver.motion_variance")


def test_sampled_variances_of_fitted_positions_are_the_computed_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = fitted(2)
    monkeypatch.setattr(module, "_EXACT", 0)
    monkeypatch.setattr(module, "_ROUNDS_OF_SAMPLES", 1000)
    monkeypatch.setattr(module, "_ENOUGH", 1e6)
    np.testing.assert_allclose(
        fitted(2).components.log_factor, exact.components.log_factor, atol=0.01
    )


def test_dense_matrices_are_the_sparse_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = [fitted(3, bad=60)]
    monkeypatch.setattr(module, "_DENSE", 0)
    fits.append(fitted(3, bad=60))
    made = []
    for fit in fits:
        shares = fit.weight / np.bincount(fit.links.source, fit.weight)[fit.links.source]
        made.append(module._differences(fit.linear, fit.links, shares))
        monkeypatch.setattr(module, "_DENSE", 200_000)
    assert isinstance(made[1], np.ndarray)
    assert not isinstance(made[0], np.ndarray)
    np.testing.assert_allclose(made[0].toarray(), made[1], atol=1e-9)
    dense, sparse = (fit.components.log_factor for fit in fits)
    np.testing.assert_allclose(sparse, dense, atol=1e-10)


def test_displacements_of_some_detections_after_another_are_those_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = fitted(2)
    weight = fit.weight / fit.components.variance
    monkeypatch.setattr(module, "_EXACT", 0)
    whole = module.motion_variance(fit.linear, fit.links, fit.step, weight)
    monkeypatch.setattr(module, "_AT_ONCE", 50)
    assert len(list(fit.links.pieces(50))) > 5
    parts = module.motion_variance(fit.linear, fit.links, fit.step, weight)
    np.testing.assert_allclose(parts, whole, rtol=1e-9)


def test_where_detections_are_many_four_samples_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their mean is that of many samples; here, of few motions, to a third."""
    monkeypatch.setattr(module, "_EXACT", 0)
    fit = fitted(2)
    weight = fit.weight / fit.components.variance
    monkeypatch.setattr(module, "_ENOUGH", 1e6)
    some = module.motion_variance(fit.linear, fit.links, fit.step, weight)
    monkeypatch.setattr(module, "_ENOUGH", 0.0)
    few = module.motion_variance(fit.linear, fit.links, fit.step, weight)
    assert not np.array_equal(few, some)
    assert few.mean() == pytest.approx(some.mean(), rel=0.3)


def test_motions_drawn_from_the_factor_are_those_drawn_from_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both have the covariance of the fit."""
    fit = fitted(2)
    weight = fit.weight / fit.components.variance
    exact = module.motion_variance(fit.linear, fit.links, fit.step, weight)
    monkeypatch.setattr(module, "_EXACT", 0)
    monkeypatch.setattr(module, "_ROUNDS_OF_SAMPLES", 1000)
    monkeypatch.setattr(module, "_ENOUGH", 1e6)
    drawn = module.motion_variance(fit.linear, fit.links, fit.step, weight)
    np.testing.assert_allclose(drawn, exact, rtol=0.15)
    share = weight / np.bincount(fit.links.source, weight)[fit.links.source]
    square = module._sampled(fit.linear, fit.links, fit.step, weight, share)
    np.testing.assert_allclose(0.5 * (square[::2] + square[1::2]), exact, rtol=0.15)


def test_some_sources_of_an_image_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where motions are next to nothing beside the detections' errors."""
    fit = fitted(2)
    weight, links = fit.weight / fit.components.variance, fit.links
    exact = module.motion_variance(fit.linear, links, fit.step, weight)
    monkeypatch.setattr(module, "_EXACT", 0)
    monkeypatch.setattr(module, "_SMALL", 0.0)
    monkeypatch.setattr(module, "_ENOUGH", 1e6)
    monkeypatch.setattr(module, "_ROUNDS_OF_SAMPLES", 250)
    monkeypatch.setattr(module, "_OF_IMAGE", 20)
    found = module.motion_variance(fit.linear, links, fit.step, weight)
    label = links.image + 1
    for image in np.unique(label):
        own = label == image
        assert len(np.unique(found[own])) == 1
        assert found[own].mean() == pytest.approx(exact[own].mean(), rel=0.3)
