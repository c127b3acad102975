"""Which pixels have other bits of data quality than those that a user allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray

__all__ = ["has_other_bits"]


def has_other_bits(quality: Any, usable: int) -> BoolArray:
    """Mask of the pixels that have a bit beside those that can be used.

    Parameters
    ----------
    quality
        Data quality (ny, nx), of any type of integers.
    usable
        The bits of pixels that can be used.
    """
    quality = np.asarray(quality)
    # the last bit of 16 is no sign
    unsigned = quality.astype(f"u{quality.dtype.itemsize}").astype(np.int64)
    return np.asarray((unsigned & ~usable) != 0)
