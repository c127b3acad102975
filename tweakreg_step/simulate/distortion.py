"""Optical distortion as a polynomial, with the approximate inverse that real files have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from astropy.modeling.models import Mapping, Polynomial2D

if TYPE_CHECKING:
    from astropy.modeling import Model

HALF_WIDTH = 1024.0
"""Half the width of a full array in pixels: the unit of length of the distortion polynomials."""

POWERS = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
"""Exponents (i, j) of the distortion terms p^i q^j, in the order in which they are listed."""

INVERSE_DEGREE = 3
"""Degree of the approximate inverse; the error that it leaves is about that of real files."""


@dataclass(frozen=True, slots=True)
class Distortion:
    """Departure from a linear field, as a cubic polynomial in the pixel offset.

    With p = (x - x_ref) / 1024, q = (y - y_ref) / 1024, the ideal coordinates are
    ``x_idl = s (x - x_ref + sum_k x[k] p^i q^j)`` and likewise for y, s being the pixel scale
    and (i, j) = ``POWERS[k]``.

    Parameters
    ----------
    x, y : tuple of float
        Nine coefficients each, in pixels: the displacement at the edge of a full array.
    """

    x: tuple[float, ...] = (0.0,) * len(POWERS)
    y: tuple[float, ...] = (0.0,) * len(POWERS)

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.y) == len(POWERS):
            raise ValueError(
                f"A distortion has {len(self.x)} and {len(self.y)} coefficients, "
                f"{len(POWERS)} are needed for each axis. Fill missing terms with 0."
            )


@cache
def distortion_model(distortion: Distortion, scale: float) -> Model:
    """Build the transform from pixel offsets to ideal angles.

    Parameters
    ----------
    distortion : Distortion
        Its polynomials.
    scale : float
        Arcsec per pixel in the middle.

    Returns
    -------
    astropy.modeling.Model
        (x - x_ref, y - y_ref) in pixels to (x_idl, y_idl) in arcsec.  Its inverse is a fitted
        polynomial, hence approximate, as it is in the reference files of JWST. All images of a
        detector share it: nobody may change it.
    """
    forward = _polynomials(
        _coefficients(distortion.x, "c1_0", scale),
        _coefficients(distortion.y, "c0_1", scale),
        degree=3,
    )
    grid = np.linspace(-HALF_WIDTH, HALF_WIDTH, 33)
    dx, dy = (a.ravel() for a in np.meshgrid(grid, grid))
    x_idl, y_idl = forward(dx, dy)
    # Angles in units of the half width keep the design matrix well conditioned.
    unit = scale * HALF_WIDTH
    powers = [(i, j) for i in range(INVERSE_DEGREE + 1) for j in range(INVERSE_DEGREE + 1 - i)]
    design = np.stack([(x_idl / unit) ** i * (y_idl / unit) ** j for i, j in powers], axis=1)
    fit = np.linalg.lstsq(design, np.stack([dx, dy], axis=1), rcond=None)[0]
    fitted = [
        {f"c{i}_{j}": float(c) / unit ** (i + j) for (i, j), c in zip(powers, column, strict=True)}
        for column in fit.T
    ]
    forward.inverse = _polynomials(*fitted, degree=INVERSE_DEGREE)
    return forward


def _coefficients(terms: tuple[float, ...], linear: str, scale: float) -> dict[str, float]:
    """Coefficients of one axis, arcsec per pixel^(i+j), with the linear term of the scale."""
    values = {
        f"c{i}_{j}": scale * term / HALF_WIDTH ** (i + j)
        for (i, j), term in zip(POWERS, terms, strict=True)
    }
    return values | {linear: values[linear] + scale}


def _polynomials(x: dict[str, float], y: dict[str, float], *, degree: int) -> Model:
    """Compound of two polynomials of the same two inputs."""
    return Mapping((0, 1, 0, 1)) | Polynomial2D(degree, **x) & Polynomial2D(degree, **y)
