"""The inverse of a SIP approximation: AP and BP that keep the error that is asked for.

gwcs fits them with linear terms, for which the headers of JWST have no keywords; without these an
inverse is off by more than what its SIPIVERR says. So they are fitted here, by terms of second and
higher order alone, with the lowest degree whose error is within the limit.

References
----------
Shupe et al. 2005, ASP Conf. Ser. 347, 491.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.wcs import WCS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["Inverse", "grid_of", "inverse_within"]

LOWEST = 2
"""Order of the lowest terms that a header has: those of A and B begin with it as well."""

FITTED = 24
"""Points along each axis of the fit."""

CHECKED = 41
"""Points along each axis where its error is looked at; they fall between those of the fit."""

LINEAR = (
    "WCSAXES",
    "CRPIX",
    "CRVAL",
    "CD",
    "PC",
    "CDELT",
    "CUNIT",
    "LONPOLE",
    "LATPOLE",
    "RADESYS",
)
"""How keywords of the linear part of a WCS begin."""


Coefficients = dict[tuple[int, int], tuple[float, float]]
"""Those of AP and BP, by the powers of U and V."""


@dataclass(frozen=True, slots=True)
class Inverse:
    """An inverse.

    Attributes
    ----------
    degree
        Its degree.
    coefficients
        Its coefficients.
    error
        Its largest error [pixels].
    """

    degree: int
    coefficients: Coefficients
    error: float

    @property
    def keywords(self) -> dict[str, float]:
        """AP_ORDER, BP_ORDER, SIPIVERR and the coefficients."""
        words: dict[str, float] = {"AP_ORDER": self.degree, "BP_ORDER": self.degree}
        words["SIPIVERR"] = self.error
        for (p, q), (a, b) in self.coefficients.items():
            words[f"AP_{p}_{q}"], words[f"BP_{p}_{q}"] = a, b
        return words


def inverse_within(
    header: Mapping[str, Any], wcs: Any, box: BoundingBox, limit: float, degrees: Iterable[int]
) -> Inverse:
    """The inverse of a SIP approximation with an error within a limit, as far as there is one.

    Parameters
    ----------
    header
        The approximation, with A_ORDER.
    wcs
        The WCS itself.
    box
        Limits of the image.
    limit
        The largest error [pixels].
    degrees
        Degrees to try, in ascending order, from 2 on.

    Returns
    -------
    Inverse
        The first that is within the limit, or the best one.
    """
    linear = _linear(header)
    fitted, checked = _seen(linear, wcs, box)
    found: list[Inverse] = []
    for degree in degrees:
        coefficients = _fit(degree, *fitted)
        found.append(Inverse(degree, coefficients, _error(coefficients, *checked)))
        if found[-1].error <= limit:
            break
    return min(found, key=lambda inverse: inverse.error)


def _linear(header: Mapping[str, Any]) -> WCS:
    """The WCS without its polynomials."""
    words = {k: v for k, v in header.items() if k.startswith(LINEAR)}
    for axis in ("CTYPE1", "CTYPE2"):
        words[axis] = str(header[axis]).removesuffix("-SIP")
    return WCS(words)


def _seen(linear: WCS, wcs: Any, box: BoundingBox) -> list[tuple[FloatArray, FloatArray]]:
    """Pixels (N, 2) relative to CRPIX, and where the linear WCS has their sky (N, 2).

    Of the grid of the fit, and of the one where its error is looked at.
    """
    grids = [grid_of(box, count) for count in (FITTED, CHECKED)]
    pixels = np.concatenate(grids)
    sky = np.stack(wcs(*pixels.T, with_bounding_box=False), axis=1)
    origin = np.asarray(linear.wcs.crpix)
    both = pixels + 1.0 - origin, linear.wcs_world2pix(sky, 1) - origin
    cut = [len(grids[0])]
    return list(zip(*(np.split(one, cut) for one in both), strict=True))


def grid_of(box: BoundingBox, count: int) -> FloatArray:
    """Pixels (count^2, 2) of a grid over an image."""
    axes = np.meshgrid(*(np.linspace(*limits, count) for limits in box))
    return np.stack([axis.ravel() for axis in axes], axis=1)


def _powers(degree: int) -> list[tuple[int, int]]:
    return [(p, n - p) for n in range(LOWEST, degree + 1) for p in range(n, -1, -1)]


def _fit(degree: int, pixels: FloatArray, linear: FloatArray) -> Coefficients:
    """The least-squares fit of u - U and v - V."""
    scale = float(np.abs(linear).max())
    powers = _powers(degree)
    terms = np.stack([_term(linear / scale, *power) for power in powers], axis=1)
    found = np.linalg.lstsq(terms, pixels - linear, rcond=None)[0]
    return {
        power: (float(a / scale ** sum(power)), float(b / scale ** sum(power)))
        for power, (a, b) in zip(powers, found, strict=True)
    }


def _term(linear: FloatArray, p: int, q: int) -> FloatArray:
    term: FloatArray = linear[:, 0] ** p * linear[:, 1] ** q
    return term


def _error(coefficients: Coefficients, pixels: FloatArray, linear: FloatArray) -> float:
    """The largest distance of a pixel from where the inverse has it."""
    terms = np.stack([_term(linear, *power) for power in coefficients], axis=1)
    off = linear + terms @ np.array(list(coefficients.values())) - pixels
    return float(np.hypot(*off.T).max())
