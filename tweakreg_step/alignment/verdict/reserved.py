"""Reserved sources: a fifth, which a fit without them predicts, so that they can check it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.alignment.solver import reserved_links, solve_step

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["positions_without"]


def positions_without(problem: Problem, associated: AssociatedFit) -> FloatArray:
    """Positions (L, 2) of the links in the planes tangent at their sources [arcsec].

    They are those after one more step, from where the fit's last one began, without the reserved
    sources.
    """
    links, fit = associated.links, associated.fit
    precision = fit.precision
    precision[reserved_links(links)] = 0.0
    return solve_step(fit.linear, links, problem.model, fit.begun, precision).position
