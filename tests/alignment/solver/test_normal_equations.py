"""The reduced system against dense least squares with explicit sources, and a case by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.linalg.blocks import inverse_2x2
from tweakreg_step.alignment.linalg.factorisation import factorise
from tweakreg_step.alignment.solver import normal_equations as module
from tweakreg_step.alignment.solver.hierarchy import Model, Motions, linearise
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.alignment.solver.motions.levels import detector_level
from tweakreg_step.alignment.solver.normal_equations import normal_equations, solve_step
from tweakreg_step.core.correction import parameter_count, prior_precision
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.memory import Need, Shortage, ShortageError
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec
from tweakreg_step.simulate.judge import true_sources
from tweakreg_step.simulate.sky import Setup, layout, make_scene

SIGMAS = (0.3, 100.0, 1e-4)


def _problem(geometry: str, motion: str):
    detectors = np.array([[-33.0, 0.0], [33.0, 0.0]])
    scene = make_scene(
        Setup(
            layout("mosaic", 2, 0.4),
            rolls=np.arange(4.0),
            detectors=detectors,
            density=0.004,
            spread=0.7,
            geometry=geometry,
            reference_fraction=0.3,
        ),
        7,
    )
    source, star = true_sources(scene)
    links, _ = link(scene.detections, source, scene.reference, star)
    frames = frames_at(scene.centre[:, 0], scene.centre[:, 1])
    prior = np.broadcast_to(prior_precision(geometry, SIGMAS), (4, parameter_count(geometry)))
    own = prior_precision(motion, (0.02, 20.0, 1e-4))
    units = 0 if motion == "none" else 2
    own = np.broadcast_to(own, (units, len(own)))
    levels = (detector_level(scene.detections, motion, own),) if units else ()
    return links, Model(frames, geometry, prior, levels)


def _dense(linear, links, model, motions, weight):
    """Least squares with the sources as unknowns: rows of whitened residuals and of the prior."""
    total, sources = linear.parameter_count, links.source_count
    count = len(links.source)
    rows = np.zeros((2 * count, total + 2 * sources))
    right = np.zeros(2 * count)
    for i in range(count):
        root = np.linalg.cholesky(weight[i]).T
        block = np.zeros((2, total + 2 * sources))
        for column, k in enumerate(linear.index[i]):
            block[:, k] += linear.columns[i, :, column]
        block[:, total + 2 * links.source[i] : total + 2 * links.source[i] + 2] = -np.eye(2)
        rows[2 * i : 2 * i + 2] = root @ block
        right[2 * i : 2 * i + 2] = -root @ linear.position[i]
    prior = np.zeros((total, total + 2 * sources))
    prior[:, :total] = np.diag(np.sqrt(model.precision))
    rows = np.concatenate([rows, prior])
    right = np.concatenate([right, -np.sqrt(model.precision) * motions.flat])
    size = np.linalg.norm(rows, axis=0)
    solution = np.linalg.lstsq(rows / size, right, rcond=None)[0] / size
    return solution[:total], np.linalg.inv((rows / size).T @ (rows / size))[:total, :total] / (
        size[:total] * size[:total, None]
    )


@pytest.mark.parametrize("motion", ["none", "shift", "rscale"])
@pytest.mark.parametrize("geometry", ["shift", "rshift", "rscale", "general"])
def test_the_reduced_system_is_the_dense_one(geometry: str, motion: str) -> None:
    links, model = _problem(geometry, motion)
    rng = np.random.default_rng(8)
    theta = rng.normal(size=model.prior.shape) / np.sqrt(model.prior)
    phi = tuple(
        0.1 * rng.normal(size=level.prior.shape) / np.sqrt(level.prior) for level in model.levels
    )
    motions = Motions(theta, phi)
    linear = linearise(links, model, motions)
    turned = linear.transform @ links.covariance @ np.swapaxes(linear.transform, 1, 2)
    weight = inverse_2x2(turned) * rng.uniform(0.1, 1.0, len(turned))[:, None, None]
    step = solve_step(linear, links, model, motions, weight)
    expected, covariance = _dense(linear, links, model, motions, weight)
    scale = np.sqrt(np.diag(covariance))
    # 1e-10 of what moves a detection at the edge of the field by about an arcsec
    size = np.where(np.arange(len(expected)) < 0, 1.0, np.maximum(np.abs(expected), scale))
    assert np.abs((step.delta - expected) / size).max() < 1e-7
    path = np.einsum("nik,nk->ni", linear.columns, (step.delta - expected)[linear.index])
    assert np.abs(path).max() < 1e-10
    found = step.factor.inverse()
    np.testing.assert_allclose(
        found / (scale * scale[:, None]), covariance / (scale * scale[:, None]), atol=1e-7
    )


def test_sparse_and_dense_factors_agree() -> None:
    links, model = _problem("rshift", "shift")
    zero = Motions(
        np.zeros(model.prior.shape), tuple(np.zeros(x.prior.shape) for x in model.levels)
    )
    linear = linearise(links, model, zero)
    matrix, right, _ = normal_equations(linear, links, inverse_2x2(links.covariance))
    dense = factorise(matrix, model.precision)
    thin = factorise(sparse.csc_matrix(matrix), model.precision)
    np.testing.assert_allclose(thin.solve(right), dense.solve(right), rtol=1e-9)
    assert thin.log_determinant() == pytest.approx(dense.log_determinant(), rel=1e-12)
    np.testing.assert_allclose(thin.inverse(), dense.inverse(), rtol=1e-6, atol=1e-20)


@pytest.mark.parametrize("motion", ["none", "rscale"])
@pytest.mark.parametrize("mixed", [False, True])
def test_sums_by_image_are_those_by_detection(
    motion: str, *, mixed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where detections of an image are moved by different parameters, which hides no image."""
    links, model = _problem("rshift", motion)
    zero = Motions(
        np.zeros(model.prior.shape), tuple(np.zeros(x.prior.shape) for x in model.levels)
    )
    linear = linearise(links, model, zero)
    if mixed:
        links = replace(links, image=np.where(links.image >= 0, links.image // 2, -1))
    weight = inverse_2x2(links.covariance)
    expected, right, _ = normal_equations(linear, links, weight)
    monkeypatch.setattr(module, "_MANY", 0)
    own, index = module._products(linear, links, weight @ linear.columns, together=True)
    alone = mixed and motion != "none"
    assert len(own) == len(index) == (len(links.image) if alone else len(np.unique(links.image)))
    found, same, _ = normal_equations(linear, links, weight)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_array_equal(same, right)


@pytest.mark.parametrize("dense", [True, False])
def test_pieces_of_the_sources_give_what_the_whole_does(
    *, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    links, model = _problem("rshift", "rscale")
    zero = Motions(
        np.zeros(model.prior.shape), tuple(np.zeros(x.prior.shape) for x in model.levels)
    )
    linear, weight = linearise(links, model, zero), inverse_2x2(links.covariance)
    whole = normal_equations(linear, links, weight)
    monkeypatch.setattr(module, "_is_dense", lambda *_: dense)
    monkeypatch.setattr(module, "_piece", lambda *_, **__: 40)
    assert len(list(links.pieces(40))) == 3
    matrix, right, spread = normal_equations(linear, links, weight)
    scale = np.sqrt(np.diag(whole[0]))
    difference = np.asarray(matrix - whole[0]) / (scale * scale[:, None])
    np.testing.assert_allclose(difference, 0.0, atol=1e-13)
    np.testing.assert_allclose(right, whole[1], rtol=1e-9, atol=1e-9 * np.abs(whole[1]).max())
    np.testing.assert_array_equal(spread, whole[2])


def test_two_images_by_hand() -> None:
    """n stars seen twice: the shift's difference has the variance 2 s^2 / n per axis."""
    rng = np.random.default_rng(9)
    count, sigma = 40, 0.002
    frame = frames_at(0.0, 0.0)
    places = rng.uniform(-30.0, 30.0, (count, 2))
    both = np.concatenate([places, places + np.array([0.1, -0.05])])
    ra, dec = ra_dec(from_plane(both, frame))
    group = np.repeat([0, 1], count)
    detections = Detections.simple(ra, dec, group, sigma)
    links, _ = link(detections, np.tile(np.arange(count), 2), None, np.full(count, -1))
    wide = np.ones((2, 2))
    model = Model(frames_at(np.zeros(2), np.zeros(2)), "shift", wide)
    zero = Motions(np.zeros((2, 2)))
    linear = linearise(links, model, zero)
    step = solve_step(linear, links, model, zero, inverse_2x2(links.covariance))
    np.testing.assert_allclose(step.delta[:2] - step.delta[2:], [0.1, -0.05], atol=1e-9)
    full = step.factor.inverse()
    difference = full[0, 0] + full[2, 2] - 2.0 * full[0, 2]
    assert difference == pytest.approx(2.0 * sigma**2 / count, rel=1e-4)


# ---- the memory that a matrix needs is asked for before it is made


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """For how many parameters it was asked, and for how many there is room."""
    found = SimpleNamespace(asked=[], room=10_000)

    def require(unknowns: int) -> None:
        found.asked.append(unknowns)
        if unknowns > found.room:
            raise ShortageError(Shortage(Need.DENSE, (unknowns,), 2.0, 1.0))

    monkeypatch.setattr(module, "require_dense", require)
    monkeypatch.setattr(module, "DENSE_LIMIT", 30)
    return found


def test_a_stack_asks_for_memory_first(
    memory: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene(Setup(layout("stack", 12), density=0.01), 1)
    solution = solve_jointly(scene.detections, 12, None, Options())
    assert set(memory.asked) == {36}
    memory.room = 35
    with pytest.raises(ShortageError, match="36"):
        solve_jointly(scene.detections, 12, None, Options())
    memory.asked.clear()
    monkeypatch.setattr(module, "DENSE_LIMIT", 36)
    same = solve_jointly(scene.detections, 12, None, Options())
    assert memory.asked == []
    np.testing.assert_array_equal(same.groups.parameters, solution.groups.parameters)


def _of_sources(count: int, sources: int, sights: int) -> Any:
    """The matrix of groups that shift, of sources of which each is seen by a few groups."""
    rng = np.random.default_rng(1)
    source = np.repeat(np.arange(sources), sights)
    group = np.concatenate([rng.permutation(count)[:sights] for _ in range(sources)])
    ra, dec = ra_dec(from_plane(rng.uniform(-30.0, 30.0, (sources, 2)), frames_at(150.0, 30.0)))
    detections = Detections.simple(ra[source], dec[source], group, 0.002)
    links, _ = link(detections, source, None, np.full(sources, -1))
    frames = np.repeat(frames_at(150.0, 30.0)[None], count, axis=0)
    model = Model(frames, "shift", np.ones((count, 2)))
    motions = Motions(np.zeros((count, 2)), np.zeros((0, 0)))
    return normal_equations(linearise(links, model, motions), links, inverse_2x2(links.covariance))[
        0
    ]


def test_a_matrix_that_turns_out_full_is_made_so(
    memory: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few groups see each source, but all pairs of them some: no sparse factor is worth it."""
    full = _of_sources(180, 6000, 6)
    assert isinstance(full, np.ndarray)
    assert memory.asked == [360]
    memory.room = 360
    with pytest.raises(ShortageError, match="400"):
        _of_sources(200, 6000, 6)
    assert sparse.issparse(_of_sources(180, 40, 6))
    monkeypatch.setattr(module, "DENSE_LIMIT", 360)
    thin = _of_sources(180, 6000, 6)
    assert sparse.issparse(thin)
    np.testing.assert_allclose(full, thin.toarray(), rtol=1e-12, atol=1e-12 * np.abs(full).max())
