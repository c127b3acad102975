"""chi2 of detections about their sources as a quadratic function of the motions.

Near a fit the problem is linear, so that what simpler motions come to is told by the normal
equations of the most general ones: parameters that a geometry does not have are zero, and their
rows and columns left out. No detection is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.solver.images.own_columns import with_own_columns, without_own_columns
from tweakreg_step.alignment.solver.latents import latents, seen
from tweakreg_step.alignment.solver.links import reserved_links
from tweakreg_step.alignment.solver.normal_equations import normal_equations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tweakreg_step.alignment.solver.hierarchy import Linear
    from tweakreg_step.alignment.solver.iteration import AssociatedFit
    from tweakreg_step.alignment.solver.links import Links
    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = ["Functions", "Quadratic", "functions_of_fit", "quadratic", "whole_of_fit"]


@dataclass(frozen=True, slots=True)
class Quadratic:
    """chi2 = constant - 2 right . d + d' matrix d for motions that are d away from those at `at`.

    Attributes
    ----------
    at
        (P,) parameters of the motions.
    matrix, right
        (P, P), dense or sparse, and (P,).
    constant
        chi2 of the motions at `at`.
    """

    at: FloatArray
    matrix: Any
    right: FloatArray
    constant: float

    def value(self, flat: FloatArray) -> float:
        """chi2 of motions with the parameters (P,)."""
        step = flat - self.at
        return float(self.constant - 2.0 * self.right @ step + step @ (self.matrix @ step))

    def minus(self, part: Quadratic) -> Quadratic:
        """The same without some of the sources, whose function `part` is, of the same motions."""
        right, constant = self.right - part.right, self.constant - part.constant
        whole, less = self.matrix, part.matrix
        if isinstance(whole, np.ndarray) != isinstance(less, np.ndarray):
            # few sources make a sparse matrix where all make a dense one, or the other way round
            whole, less = (_dense(each) for each in (whole, less))
        return Quadratic(self.at, whole - less, right, constant)

    def right_at(self, flat: FloatArray) -> FloatArray:
        """The right side (P,) about other motions, of parameters (P,)."""
        return np.asarray(self.right - self.matrix @ (flat - self.at))

    def restricted(self, place: IntArray, at: FloatArray) -> Quadratic:
        """The function of other parameters, about their values `at` (Q,).

        Parameters
        ----------
        place
            (Q,) which parameter each of them is; -1 for those that move no detection. Parameters
            that none of them is are zero.
        at
            (Q,) their values.
        """
        known = np.flatnonzero(place >= 0)
        shape = len(self.at), len(place)
        chosen = sparse.csr_matrix((np.ones(len(known)), (place[known], known)), shape=shape)
        step = chosen @ at - self.at
        right = chosen.T @ (self.right - self.matrix @ step)
        matrix = chosen.T @ self.matrix @ chosen
        return Quadratic(at, matrix, right, self.value(chosen @ at))


def quadratic(linear: Linear, links: Links, at: FloatArray, weight: FloatArray) -> Quadratic:
    """chi2 of links near the motions at which they were linearised.

    Parameters
    ----------
    linear, links
        The linearised problem and its detections.
    at
        (P,) parameters of the motions it was linearised at.
    weight
        (N, 2, 2) inverse covariances times robust weights.
    """
    matrix, right, spread = normal_equations(linear, links, weight)
    mean = latents(links, spread, weight, linear.position)
    difference = linear.position - seen(links, mean)
    chi2 = float(np.einsum("ni,nij,nj->", difference, weight, difference, optimize=True))
    return Quadratic(at, matrix, right, chi2)


def whole_of_fit(associated: AssociatedFit) -> Quadratic:
    """chi2 of all links of a fit, with its weights and errors."""
    fit, links = associated.fit, associated.links
    return quadratic(fit.linear, links, fit.begun.flat, fit.precision)


@dataclass(frozen=True, slots=True)
class Functions:
    """chi2 of all sources, of those that are fitted, and of those reserved where these are known.

    `occam` is what own motions of images add to -2 ln(likelihood) of all beside chi2.
    """

    every: Quadratic
    fitted: Quadratic
    apart: Quadratic
    occam: float = 0.0


def functions_of_fit(
    associated: AssociatedFit, every: Callable[[], Quadratic], variances: Sequence[float]
) -> list[Functions]:
    """The functions for variances per axis of what images move by beside all levels [arcsec^2].

    What an image moves by is told to the reserved sources by the fitted ones.

    Parameters
    ----------
    associated
        The fit whose weights and errors count.
    every
        That of all sources, see `whole_of_fit`, made when it is asked for.
    variances
        The first is zero; others only where a fit can allow for own motions.
    """
    fit, links = associated.fit, associated.links
    chosen, at = reserved_links(links), fit.begun.flat
    linear, weight = fit.linear, fit.precision
    whole = every()
    apart = quadratic(linear.of_links(links, chosen), links.of_links(chosen), at, weight[chosen])
    found = [Functions(whole, whole.minus(apart), apart)]
    if len(variances) == 1:
        return found
    wide, count = with_own_columns(linear, links), int(linear.index.max(initial=0)) + 1
    begun = np.concatenate([at[:count], np.zeros(wide.parameter_count - count)])
    fitted = np.where(chosen[:, None, None], 0.0, weight)
    both = [quadratic(wide, links, begun, some) for some in (weight, fitted)]
    for variance in variances[1:]:
        (one, occam), (two, _) = (_eliminated(each, at, count, variance) for each in both)
        found.append(Functions(one, two, one.minus(two), occam))
    return found


def _eliminated(
    whole: Quadratic, at: FloatArray, count: int, variance: float
) -> tuple[Quadratic, float]:
    """The function of parameters about `at` (P,), own motions at their best, and their `occam`.

    The first `count` parameters move detections; in `whole` own motions come after them.
    """
    left = without_own_columns(_dense(whole.matrix), whole.right, count, variance)
    more = len(at) - count
    matrix, right = np.pad(left.matrix, (0, more)), np.pad(left.right, (0, more))
    return Quadratic(at, matrix, right, whole.constant - left.less), left.occam


def _dense(matrix: Any) -> FloatArray:
    """A dense or sparse matrix as a dense one."""
    return np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())
