"""The SIP approximation of a WCS by one least-squares fit on positions that are evaluated at once.

It has the words of gwcs's `to_fits_sip` without the inverse, which evaluates the WCS six times and
solves in quadruple precision. What is not usual is left to gwcs: a WCS that is linear, or errors
above the limit, of which gwcs warns.

References
----------
Shupe et al. 2005, ASP Conf. Ser. 347, 491.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.wcs.utils import celestial_frame_to_wcs

from tweakreg_step.core.sphere import directions, frames_at, to_plane

from .sip_inverse import grid_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["forward_within"]

FEWEST = 8
"""Points along each axis that gwcs needs."""


def forward_within(
    wcs: Any,
    box: BoundingBox,
    limit: float,
    degrees: Iterable[int],
    npoints: int,
    crpix: tuple[float, float] | None,
) -> dict[str, Any] | None:
    """The approximation of the lowest degree whose error is within a limit.

    Parameters
    ----------
    wcs
        A GWCS from pixels to RA and DEC.
    box
        Limits of the image.
    limit
        The largest error [pixels].
    degrees
        Degrees to try, in ascending order.
    npoints
        Points along each axis of the fit; the error is looked at on twice as many.
    crpix
        The reference pixel, counted from 1; None for the middle of the image.

    Returns
    -------
    dict or None
        Keywords and values; None where gwcs shall do it.
    """
    frame = wcs.output_frame
    celestial = getattr(frame, "reference_frame", None)
    if celestial is None or npoints < FEWEST or tuple(frame.axes_order) != (0, 1):
        return None
    middle = [round(float(np.mean(limits)), 1) for limits in box]
    origin = np.array(middle if crpix is None else [crpix[0] - 1.0, crpix[1] - 1.0])
    grids = [grid_of(box, count) for count in (npoints, 2 * npoints)]
    pixels = np.concatenate([origin[None], *grids])
    sky = np.stack(wcs(*pixels.T, with_bounding_box=False), axis=-1)
    if not np.isfinite(sky).all():
        return None
    plane = to_plane(directions(*sky.T), frames_at(*sky[0])) / 3600.0
    offsets, end = pixels - origin, 1 + len(grids[0])
    scale = float(np.abs(offsets).max())
    for degree in degrees:
        powers = [(p, n - p) for n in range(1, degree + 1) for p in range(n, -1, -1)]
        terms = np.stack([np.prod((offsets / scale) ** power, axis=1) for power in powers], axis=1)
        found = np.linalg.lstsq(terms[1:end], plane[1:end], rcond=None)[0]
        off = np.hypot(*(terms @ found - plane).T)
        factor = np.array([scale ** -sum(power) for power in powers])
        coefficients = dict(zip(powers, found * factor[:, None], strict=True))
        cd = np.stack([coefficients[1, 0], coefficients[0, 1]], axis=1)
        error = off / np.sqrt(np.abs(np.linalg.det(cd)))
        if error[1:end].max() <= limit:
            break
    else:
        return None
    if degree < 2 or error.max() > limit:
        return None
    linear = _linear(celestial, origin, sky[0], cd)
    return linear | {"WCSNAME": str(frame.name)} | _polynomials(cd, coefficients, error.max())


def _linear(frame: Any, origin: FloatArray, centre: FloatArray, cd: FloatArray) -> dict[str, Any]:
    """The words of a header without the polynomials, for a reference pixel counted from 0."""
    plain = celestial_frame_to_wcs(frame, projection="TAN")
    plain.wcs.crval, plain.wcs.crpix, plain.wcs.pc = centre, origin + 1.0, cd
    plain.wcs.set()
    header = plain.to_header(relax=True)
    words = {k: v for k, v in header.items() if not k.startswith(("CDELT", "PC"))}
    words |= {f"CD{i + 1}_{j + 1}": float(cd[i, j]) for i in (0, 1) for j in (0, 1)}
    return words | {axis: f"{header[axis].strip()}-SIP" for axis in ("CTYPE1", "CTYPE2")}


def _polynomials(
    cd: FloatArray, coefficients: dict[tuple[int, int], FloatArray], error: float
) -> dict[str, Any]:
    order, turned = max(map(sum, coefficients)), np.linalg.inv(cd)
    words: dict[str, Any] = {"A_ORDER": order, "B_ORDER": order}
    for (p, q), terms in coefficients.items():
        if p + q > 1:
            words[f"A_{p}_{q}"], words[f"B_{p}_{q}"] = map(float, turned @ terms)
    return words | {"SIPMXERR": float(error)}
