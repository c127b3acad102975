"""The selected inverse against the whole one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from normal_matrices import DETECTORS, both_factors, islands, normal_of
from scipy import sparse

from tweakreg_step.alignment.linalg.factorisation import factorise
from tweakreg_step.alignment.linalg.selected_inverse import selected_inverse
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def _close(found: np.ndarray, whole: np.ndarray, row: np.ndarray, column: np.ndarray) -> None:
    """Equal to 1e-9 of the errors of row and column: condition 1e6 or so of 1e-16 is lost."""
    sigma = np.sqrt(np.diag(whole))
    np.testing.assert_array_less(
        np.abs(found - whole[row, column]), 1e-9 * sigma[row] * sigma[column]
    )


@pytest.mark.parametrize("geometry", ["shift", "rshift", "general"])
@pytest.mark.parametrize("motion", ["none", "rshift"])
def test_every_entry_is_that_of_the_whole_inverse(geometry: str, motion: str) -> None:
    scene = islands(detectors=DETECTORS, density=0.004)
    dense, thin = both_factors(*normal_of(scene, geometry, motion))
    whole, selected = dense.inverse(), selected_inverse(thin)
    row, column = np.indices(whole.shape)
    _close(selected.entries(row, column), whole, row, column)
    _close(thin.inverse(), whole, row, column)


@pytest.mark.parametrize("side", [2, 7, 15])
def test_the_pattern_holds_what_is_asked_for(side: int) -> None:
    """Blocks of groups and of neighbours need no solution, and there is room for them only."""
    scene = make_scene(Setup(layout("mosaic", side), density=0.01), 1)
    model, matrix = normal_of(scene)
    _, thin = both_factors(model, matrix)
    selected = selected_inverse(thin)
    refused = replace(selected, factor=replace(thin, sparse=None))  # that can solve for nothing
    row, column = matrix.nonzero()
    found = refused.entries(row, column)
    _close(found, thin.inverse(), row, column)
    size = 3 * side**2
    assert len(selected.values) < size**2 / 2 or side < 7
    np.testing.assert_array_equal(found, selected.entries(column, row))  # it is symmetric


def test_random_patterns() -> None:
    """Graphs that are no mosaics: trees, stars, loose ends, full rows, unknowns without any tie."""
    rng = np.random.default_rng(5)
    for size, ties in [(1, 0), (2, 1), (30, 10), (60, 90), (120, 130), (40, 700)]:
        first, second = rng.integers(0, size, (2, ties))
        half = sparse.coo_matrix((rng.normal(size=ties), (first, second)), (size, size)).tocsc()
        half = half + sparse.diags(rng.uniform(0.5, 2.0, size))
        thin = factorise((half @ half.T).tocsc(), np.full(size, 0.01))
        whole = np.linalg.inv((half @ half.T).toarray() + 0.01 * np.eye(size))
        row, column = np.indices(whole.shape)
        _close(selected_inverse(thin).entries(row, column), whole, row, column)


def test_blocks_times_vectors() -> None:
    """Labels in one, in several and across parts of the matrix that nothing ties."""
    scene = islands(density=0.004)
    dense, thin = both_factors(*normal_of(scene))
    whole, selected = dense.inverse(), selected_inverse(thin)
    rng = np.random.default_rng(2)
    right = rng.normal(size=(len(whole), 3))
    for groups in (
        np.repeat([0, 1, 2], [9, 4, 9]),
        np.repeat([0, -1, 1, 2], [9, 4, 4, 5]),
        rng.integers(-1, 3, 22),
    ):
        label = np.repeat(groups, 3)
        inside = (label[:, None] == label) & (label >= 0)
        expected = np.where(inside, whole, 0.0) @ right
        found = selected.within(label, right)
        np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


def test_rows_that_were_exchanged_are_solved_for() -> None:
    """The recursion holds for symmetric pivots alone; without them the numbers stay the same."""
    scene = make_scene(Setup(layout("mosaic", 3), density=0.01), 1)
    dense, thin = both_factors(*normal_of(scene))
    lu = thin.sparse
    turned = SimpleNamespace(solve=lu.solve, perm_c=lu.perm_c, perm_r=np.roll(lu.perm_c, 1))
    slow = selected_inverse(replace(thin, sparse=turned))
    assert len(slow.values) == 0
    row, column = np.indices((27, 27))
    _close(slow.entries(row, column), dense.inverse(), row, column)
    right = np.ones((27, 1))
    np.testing.assert_allclose(
        slow.within(np.zeros(27, np.int64), right), dense.inverse() @ right, atol=1e-9
    )
