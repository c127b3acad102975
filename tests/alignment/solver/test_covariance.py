"""The covariance that is kept whole and the one on the pattern of the factor are the same."""

from __future__ import annotations

import numpy as np
import pytest
from normal_matrices import DETECTORS, both_factors, islands, normal_of

from tweakreg_step.alignment import assemble_solution as outcome
from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.linalg.factorisation import factorise
from tweakreg_step.alignment.solver.covariance import Covariance, covariance_of, gauged
from tweakreg_step.alignment.solver.gauge import common_basis, projector
from tweakreg_step.alignment.solver.precision import pair_covariance, weak_modes
from tweakreg_step.core.correction import prior_precision
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Setup, layout, make_scene

GROUPS = np.arange(22)
COMPONENT = np.repeat([4, 1, 2], [9, 4, 9])
ANCHORED = COMPONENT == 2


def _both(motion: str, refgroup: int | None):
    """The two covariances after the gauge, and what they were made of."""
    model, matrix = normal_of(islands(detectors=DETECTORS, density=0.004), "rshift", motion)
    weight = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (22, 1))
    if refgroup is not None:
        weight[refgroup] *= 1e12
    theta = np.random.default_rng(1).normal(size=(22, 3)) * (0.3, 0.3, 5e-4)
    ties = COMPONENT, ANCHORED
    inflation = np.ones(len(model.precision))
    inflation[:66] = np.repeat(np.linspace(1.0, 2.0, 22), 3)
    found = [
        gauged(covariance_of(factor, 3), model, ties, weight, theta).inflated(inflation)
        for factor in both_factors(model, matrix)
    ]
    return model, weight, theta, inflation, found


def _transformed(model, weight, theta, inflation, whole: np.ndarray) -> np.ndarray:
    """F S C S' F by its definition, with matrices of all parameters."""
    change = np.eye(len(whole))
    for value in (4, 1):
        member = np.flatnonzero(np.equal(COMPONENT, value))
        basis = common_basis(model.frames[member], "rshift", theta[member])
        index = (member[:, None] * 3 + np.arange(3)).ravel()
        change[np.ix_(index, index)] -= basis.reshape(-1, 3) @ projector(basis, weight[member])
    return inflation[:, None] * (change @ whole @ change.T) * inflation


def _errors(model, plain: Covariance) -> np.ndarray:
    """What is lost to rounding is so many times smaller than the errors before the gauge."""
    return np.sqrt(plain.diagonal())


@pytest.mark.parametrize("motion", ["none", "rshift"])
@pytest.mark.parametrize("refgroup", [None, 3, 10])
def test_both_are_the_s_transformation(motion: str, refgroup: int | None) -> None:
    model, weight, theta, inflation, both = _both(motion, refgroup)
    plain = both[0].inverse.matrix
    expected = _transformed(model, weight, theta, inflation, plain)
    sigma = 2.0 * np.sqrt(np.diag(plain))  # rounding is relative to what the gauge takes off
    vector = np.random.default_rng(2).normal(size=(len(plain), 2)) / sigma[:, None]
    near = np.repeat(COMPONENT, 3)
    for found in both:
        row, column = np.nonzero(near[:, None] == near)
        difference = found.entries(row, column) - expected[row, column]
        assert np.abs(difference / (sigma[row] * sigma[column])).max() < 1e-9
        product = found.product(vector)
        assert np.abs((product - expected @ vector) / sigma[:, None]).max() < 1e-8
        np.testing.assert_array_equal(found.product(vector[:, 0]).shape, (len(plain),))
        assert np.abs((found.dense() - expected) / np.outer(sigma, sigma)).max() < 1e-9


def test_what_is_reported_is_the_same() -> None:
    """Blocks of groups, pairs and units, and modes, of the two."""
    model, *_, (whole, thin) = _both("rshift", None)
    scale = np.abs(whole.blocks(GROUPS, GROUPS)).max(axis=0)
    # a common motion of 0.1" leaves 1e-9 of its square, of a mas the square is 1e-4 of that
    difference = np.abs(whole.blocks(GROUPS, GROUPS) - thin.blocks(GROUPS, GROUPS))
    assert (difference / scale).max() < 1e-6
    units = [found.summed_blocks([66 + np.arange(6).reshape(2, 3)]) for found in (whole, thin)]
    np.testing.assert_allclose(*units, rtol=1e-7, atol=1e-9 * np.abs(units[0]).max())
    pairs = np.array([[0, 1], [3, 4], [9, 10], [13, 14]])
    np.testing.assert_allclose(
        *(pair_covariance(model, found, pairs) for found in (whole, thin)), rtol=1e-5, atol=1e-13
    )
    modes = [weak_modes(found, np.full(22, 30.0), GROUPS) for found in (whole, thin)]
    assert [mode.groups for mode in modes[0]] == [mode.groups for mode in modes[1]]
    np.testing.assert_allclose(*([mode.sigma_mas for mode in found] for found in modes), rtol=1e-6)


def test_blocks_across_components_are_refused() -> None:
    *_, (whole, _) = _both("none", None)
    with pytest.raises(ValueError, match="two components"):
        whole.blocks(np.array([0]), np.array([10]))


@pytest.mark.parametrize("options", [Options(), Options(refgroup=60)])
def test_a_mosaic_reports_what_the_whole_inverse_gives(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """121 groups are solved with a sparse factor; here its inverse is made whole."""
    scene = make_scene(Setup(layout("mosaic", 11), density=0.03), 3)
    thin = solve_jointly(scene.detections, 121, None, options)

    def whole(factor, width: int) -> Covariance:
        assert factor.sparse is not None
        matrix = factor.sparse.L @ factor.sparse.U
        place = factor.sparse.perm_c
        matrix = matrix.toarray()[np.ix_(place, place)] / np.outer(factor.scale, factor.scale)
        return covariance_of(factorise(matrix, np.zeros(len(matrix))), width)

    monkeypatch.setattr(outcome, "covariance_of", whole)
    dense = solve_jointly(scene.detections, 121, None, options)
    sigma = np.sqrt(np.einsum("gii->gi", dense.groups.covariance)) + 1e-6
    difference = np.abs(thin.groups.covariance - dense.groups.covariance)
    # 1e-12 of the common motion's variance of 0.1 arcsec^2 / G, against 0.1 mas^2
    assert (difference / (sigma[:, :, None] * sigma[:, None, :])).max() < 1e-6
    np.testing.assert_allclose(thin.pairs.covariance, dense.pairs.covariance, rtol=1e-5, atol=1e-14)
    np.testing.assert_allclose(thin.groups.dof, dense.groups.dof, rtol=1e-10)
    np.testing.assert_allclose(
        [mode.sigma_mas for mode in thin.modes], [mode.sigma_mas for mode in dense.modes], rtol=1e-3
    )
    np.testing.assert_array_equal(thin.groups.parameters, dense.groups.parameters)
