"""The figures of a group, against the solution and the scene."""

from __future__ import annotations

import numpy as np
import pytest
from made_results import early_result, make_result, sequential_result

from tweakreg_step.report.key_figures import Figures, figures_of


def test_of_a_solution() -> None:
    result = make_result("mosaic", 4)
    solution, found = result.solution, figures_of(result, 2)
    assert (found.matches, found.reference_matches) == (
        solution.groups.matches[2],
        solution.groups.reference_matches[2],
    )
    assert found.shift_mas == pytest.approx(tuple(1e3 * solution.groups.shift[2]))
    assert found.roll_arcsec == pytest.approx(np.rad2deg(solution.groups.parameters[2, 2]) * 3600.0)
    assert found.sigma_mas == pytest.approx(result.groups.achieved_mas[2], rel=1e-5)
    assert found.ratio == pytest.approx(1.0 / 0.93)
    assert found.chi2_per_dof == pytest.approx(solution.groups.chi2[2] / solution.groups.dof[2])


def test_what_was_left_has_matches_alone() -> None:
    result = make_result("mosaic", 9, lost=(4,))
    assert figures_of(result, 4) == Figures(matches=0, reference_matches=0)


def test_of_the_sequential_method() -> None:
    result = sequential_result(3)
    found = figures_of(result, 1)
    assert (found.shift_mas, found.roll_arcsec, found.matches) == ((100.0, -200.0), 3.0, 41)
    assert found.sigma_mas is None
    assert figures_of(result, 2) == Figures()


def test_nothing_known() -> None:
    assert figures_of(early_result(), 0) == Figures()
