"""A mask in a FITS file, in the place of a region file: where it is 0, no source is taken."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.open_fits import open_fits
from tweakreg_step.files.whole_files import content_of

if TYPE_CHECKING:
    from pathlib import Path

    from tweakreg_step.core.arrays import BoolArray, FloatArray

__all__ = ["Mask", "read_mask"]

LARGEST = 1_000_000_000
"""Bytes of the largest mask that is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Pixels that can be used.

    Attributes
    ----------
    good
        (ny, nx)
    checksum
        Of the file.
    """

    good: BoolArray
    checksum: int

    def allowed(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Mask (N,) of positions [pixels, from 0] in good pixels; outside of it none is."""
        ny, nx = self.good.shape
        column, row = (np.floor(axis + 0.5).astype(int) for axis in (x, y))
        inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
        good = self.good[np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1)]
        return np.asarray(inside & good)


def read_mask(path: Path) -> Mask:
    """Read a mask: the first image of a FITS file.

    Raises
    ------
    InputError
        If the file can't be read, or has no image.
    """
    try:
        content = content_of(path, LARGEST)
        with open_fits(io.BytesIO(content)) as hdus:
            arrays = [hdu.data for hdu in hdus if hdu.is_image and np.ndim(hdu.data) == 2]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"The mask '{path}' can't be read: {error}. It must be a FITS file with an image that "
            "is 0 where no source is to be taken. Check 'exclusions': paths in it start at its "
            "folder."
        ) from error
    if not arrays:
        raise InputError(
            f"The mask '{path}' has no image, but one is needed that is 0 where no source is to be "
            "taken. Write it into the first HDU, of the shape of the image."
        )
    return Mask(np.asarray(arrays[0] != 0), zlib.crc32(content))
