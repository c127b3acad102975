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

from tweakreg_step.alignment.solver.latents import latents, seen
from tweakreg_step.alignment.solver.normal_equations import normal_equations

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.hierarchy import Linear
    from tweakreg_step.alignment.solver.links import Links
    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = ["Quadratic", "quadratic"]


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
        return Quadratic(self.at, self.matrix - part.matrix, right, constant)

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
