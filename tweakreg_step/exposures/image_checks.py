"""What would spoil an alignment is found when an image is read: its box, its angles, its WCS."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox
    from tweakreg_step.telescopes import View

    ToSky = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

__all__ = ["check_view"]

LARGEST = 1e5
"""No image has more pixels along an axis."""

LARGEST_ANGLE = 1e6
"""No detector is farther off [arcsec], no roll larger [degrees]."""

SCALES = 1e-5, 3600.0
"""Sides of a pixel on the sky [arcsec]."""

_REMEDY = "Run the step 'assign_wcs' on it again, or fetch it again if it is damaged."


def check_view(view: View, box: BoundingBox, to_sky: ToSky, name: str) -> None:
    """Refuse an image whose WCS, or what belongs to it, can't be that of an image.

    Parameters
    ----------
    view
        Of the image.
    box
        ((xmin, xmax), (ymin, ymax)) [pixels].
    to_sky
        RA and DEC [deg] of pixels, beyond the box as well.
    name
        Of the image, for errors.

    Raises
    ------
    InputError
        If it can't.
    """
    _check_box(box, name)
    for angle, value in view.angles.items():
        if not _is_number(value) or not abs(float(value)) < LARGEST_ANGLE:
            raise InputError(
                f"'{name}' has {value!r} as '{angle}', but a finite angle is needed. {_REMEDY}"
            )
    _check_sky(to_sky, box, name)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_box(box: BoundingBox, name: str) -> None:
    limits = np.array(box, float)
    if not (np.abs(limits) < LARGEST).all() or not (limits[:, 0] < limits[:, 1]).all():
        raise InputError(
            f"The bounding box of '{name}' is {limits.tolist()} pixels, but each axis needs a "
            f"lower and a higher limit of less than {LARGEST:g}. {_REMEDY}"
        )


def _check_sky(to_sky: ToSky, box: BoundingBox, name: str) -> None:
    """The corners and the middle must be on the sky, and pixels of a size that can be."""
    (x0, x1), (y0, y1) = box
    middle = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    x = np.array([x0, x1, x1, x0, middle[0], middle[0] + 1.0, middle[0]])
    y = np.array([y0, y0, y1, y1, middle[1], middle[1], middle[1] + 1.0])
    sky = np.array(to_sky(x, y), float)
    if not np.isfinite(sky).all() or np.abs(sky[1]).max() > 90.0 + 1e-6:
        raise InputError(
            f"The WCS of '{name}' takes its corners and its middle to {sky.T.round(6).tolist()}, "
            f"but all must be on the sky. {_REMEDY}"
        )
    ra, dec = sky
    east = ((ra[5:] - ra[4] + 180.0) % 360.0 - 180.0) * np.cos(np.radians(dec[4]))
    scales = 3600.0 * np.hypot(east, dec[5:] - dec[4])
    if not ((scales > SCALES[0]) & (scales < SCALES[1])).all():
        raise InputError(
            f"The WCS of '{name}' has pixels of {scales.tolist()} arcsec, but {SCALES[0]:g} to "
            f"{SCALES[1]:g} can be. {_REMEDY}"
        )
