"""What images move by beside all levels, in the fit and in what residuals show of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unknown_errors import fitted

from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.alignment.solver.hierarchy import Motions, linearise
from tweakreg_step.alignment.solver.images.own_motions import OwnResiduals, usual_variances
from tweakreg_step.alignment.solver.links import reserved_links
from tweakreg_step.alignment.solver.motions.levels import Level
from tweakreg_step.alignment.solver.normal_equations import solve_step

OWN = 0.002


@pytest.mark.parametrize("reserved", [False, True])
def test_eliminated_motions_are_those_of_a_level_of_images(reserved: bool) -> None:
    fit = fitted(2)
    links, model, motions = fit.links, fit.step.model, Motions(fit.motions.theta)
    weight = fit.weight[:, None, None] * inverse_2x2(fit.covariance)
    allowing = replace(model, own=OWN**2)
    if reserved:
        weight[reserved_links(links)] = 0.0
    linear = linearise(links, allowing, motions)
    step = solve_step(linear, links, allowing, motions, weight)
    assert step.allowing
    images, count = int(links.image.max()) + 1, int(links.detection.max()) + 1
    unit = np.full(count, -1)
    own = links.image >= 0
    unit[links.detection[own]] = links.image[own]
    turn, prior = np.tile(np.eye(2), (count, 1, 1)), np.full((images, 2), OWN**-2)
    level = Level("image", unit, np.zeros((count, 2)), turn, "shift", prior)
    whole = replace(model, levels=(level,))
    every = Motions(motions.theta, (np.zeros((images, 2)),))
    other = solve_step(linearise(links, whole, every), links, whole, every, weight)
    some = len(step.delta)
    np.testing.assert_allclose(step.delta, other.delta[:some], atol=1e-7)
    found, explicit = step.factor.inverse(), other.factor.inverse()[:some, :some]
    scale = np.sqrt(np.diagonal(explicit))
    np.testing.assert_allclose(
        found / np.outer(scale, scale), explicit / np.outer(scale, scale), atol=1e-4
    )


@pytest.mark.parametrize("own", [0.0, OWN])
def test_variances_are_found_from_squares(own: float) -> None:
    """Of 30 images with noise of 1 mas in means and slopes, half of what they move by seen."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        variance = np.full((30, 6), 1e-6)
        variance[:, :2] += 0.5 * own**2
        square = variance * rng.normal(size=(30, 6)) ** 2
        share = np.zeros((30, 6, 2))
        share[:, :2, 0], share[:, 2:, 1] = 0.5, 0.5
        each = OwnResiduals(square, np.full((30, 6), 1e-6), share)
        found.append(usual_variances(each, np.ones(30, bool)))
    # the median of 30 squares scatters by a quarter
    whole, away = np.median(found, axis=0)
    assert whole == pytest.approx(own**2, rel=0.25, abs=1e-8)
    assert away < 1e-8
