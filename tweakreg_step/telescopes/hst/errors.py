"""Standard deviations of pixels: those of the file, else from what is known of the noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .exposure import Chip, HstExposure

__all__ = ["errors_of"]

SIGMA_OF_MAD = 1.4826


def errors_of(exposure: HstExposure, chip: Chip, data: Any, weight: Any) -> Any:
    """One standard deviation of each pixel, NaN where it is not known.

    Parameters
    ----------
    exposure, chip
        The image.
    data
        (ny, nx) its pixels.
    weight
        (ny, nx) weights of a drizzled image, None for others.
    """
    if chip.error is not None:
        given = np.asarray(exposure.array(chip.error), np.float32)
        if given.shape == data.shape:
            return np.where(given > 0, given, np.float32(np.nan))
    if weight is not None:
        return _of_drizzled(exposure, chip, data, weight)
    return _of_ccd(exposure, chip, data)


def _of_drizzled(exposure: HstExposure, chip: Chip, data: Any, weight: Any) -> Any:
    """The noise of the sky, which is as the weights say, and that of the light.

    Weights are exposure times where the unit is a rate.
    """
    used = (weight > 0) & np.isfinite(data)
    if not used.any():
        return np.full(data.shape, np.float32(np.nan))
    usual = np.median(weight[used])
    middle = np.median(data[used])
    sky = SIGMA_OF_MAD * np.median(np.abs(data[used] - middle))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sky**2 * usual / weight
        if str(exposure.header(chip.science).get("BUNIT") or "").upper().endswith("/S"):
            variance = variance + np.maximum(data - middle, 0.0) / weight
        return np.where(used, np.sqrt(variance), np.nan).astype(np.float32)


def _of_ccd(exposure: HstExposure, chip: Chip, data: Any) -> Any:
    """Read noise and that of the light, from the keywords of noise and gain."""
    own, primary = exposure.header(chip.science), exposure.header()
    gain, noise = (
        next((h[w] for h in (own, primary) for w in words if _is_positive(h.get(w))), None)
        for words in (("ATODGAIN", "CCDGAIN"), ("READNSE", "READNSEA"))
    )
    if gain is None:
        return np.full(data.shape, np.float32(np.nan))
    if str(own.get("BUNIT") or "").upper().startswith("ELECTRON"):
        gain = 1.0
    electrons = noise or 5.0  # of the cameras of HST
    return np.sqrt((electrons / gain) ** 2 + np.maximum(data, 0.0) / gain).astype(np.float32)


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0
