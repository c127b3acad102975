r"""Widths of sources: stars, extended sources, and sources sharper than a star.

The second moments M of a source in a Gaussian window of variance W are those of a Gaussian source
of moments S = (1 / M - 1 / W)^-1. S, the width without the effect of the window, is compared with
that of a star on pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .psf import FWHM_OF_SIGMA, PIXEL_VARIANCE

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray

    from .centroid import Centroids
    from .cutouts import Stamps
    from .psf import Profile

__all__ = ["Widths", "extended", "sharp", "stellar_fwhm", "widths"]

WIDEST = 25.0
"""Largest second moment that can be measured in a window, in units of the window's variance."""

SIGNIFICANT = 3.0
"""Errors by which a second moment must exceed that of a star for an extended source."""

WIDER = 0.35
"""Relative excess of a second moment that is no star: that of a space telescope varies by
less over a field."""

THINNEST = 0.5
"""Second moment along the minor axis below which a source is too sharp for a star, relative to that
of a star."""

LEAST_STARS, STARS_AGREE, LOCUS = 10, 0.5, 0.1
"""The width of the stars is measured if at least this number, and this share, of the sources agree
in width within this relative range, as galaxies do not."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Second moments of n sources [pixels^2].

    Attributes
    ----------
    major, minor
        (n,) along the major and the minor axis.
    error
        (n,) standard deviation of their mean.
    """

    major: FloatArray
    minor: FloatArray
    error: FloatArray

    @property
    def mean(self) -> FloatArray:
        """(n,) mean of the two axes."""
        return np.asarray((self.major + self.minor) / 2.0)


def widths(stamps: Stamps, found: Centroids, profile: Profile, window: FloatArray) -> Widths:
    """Second moments of the sources; bad pixels are replaced by the model of a star.

    Parameters
    ----------
    stamps, found, profile
        Pixels and positions of n sources, and the model PSF of each.
    window
        (n,) standard deviation of each window [pixels].
    """
    dx, dy = stamps.offsets(found.x, found.y)
    weight = np.exp(-0.5 * (dx[:, None, :] ** 2 + dy[:, :, None] ** 2) / window[:, None, None] ** 2)
    star = found.flux[:, None, None] * profile(dx, dy)
    light = weight * np.where(stamps.good, stamps.data, star)
    variance = weight**2 * stamps.variance
    total = np.where(light.sum(axis=(1, 2)) > 0, light.sum(axis=(1, 2)), np.nan)
    xx = np.einsum("nij,nj->n", light, dx**2) / total
    yy = np.einsum("nij,ni->n", light, dy**2) / total
    xy = np.einsum("nij,ni,nj->n", light, dy, dx) / total
    mean, spread = (xx + yy) / 2.0, np.hypot((xx - yy) / 2.0, xy)
    radius2 = (dx[:, None, :] ** 2 + dy[:, :, None] ** 2) / 2.0
    noise = np.sqrt(np.sum(variance * (radius2 - mean[:, None, None]) ** 2, axis=(1, 2))) / total
    major, minor = (_unwindowed(m, window**2) for m in (mean + spread, mean - spread))
    measured = np.maximum(mean, 0.01)  # pixels^2: narrower than a pixel is one pixel
    slope = (_unwindowed(measured, window**2) / measured) ** 2
    return Widths(major=major, minor=minor, error=noise * slope)


def _unwindowed(moment: FloatArray, window: FloatArray) -> FloatArray:
    """Second moment (n,) without the effect of the window of variance `window` (n,) [pixels^2]."""
    least = WIDEST / (1.0 + WIDEST)
    part = np.clip(moment / window, 0.0, least)
    return np.asarray(window * part / (1.0 - part))


def star_moment(fwhm: float) -> float:
    """Second moment on pixels [pixels^2] of a star of a FWHM [pixels]."""
    return (fwhm / FWHM_OF_SIGMA) ** 2 + PIXEL_VARIANCE


def extended(shape: Widths, fwhm: float) -> BoolArray:
    """Mask (n,) of sources wider than a star of ``fwhm`` [pixels]."""
    star = star_moment(fwhm)
    excess = shape.mean - star
    return np.asarray(excess > np.maximum(WIDER * star, SIGNIFICANT * shape.error))


def sharp(shape: Widths, fwhm: float) -> BoolArray:
    """Mask (n,) of sources sharper than a star of ``fwhm`` [pixels] along their minor axis."""
    star = star_moment(fwhm)
    thin = shape.minor < THINNEST * star - 2.0 * shape.error
    # the track of a particle is as thin as its pixels, but long
    track = (shape.minor < 0.7 * star - 2.0 * shape.error) & (shape.major > 2.0 * star)
    return np.asarray(thin | track)


def stellar_fwhm(shape: Widths, usable: BoolArray) -> float | None:
    """FWHM [pixels] of the stars among the sources, None if they can't be identified.

    From the mode of the widths, the half-sample mode (Robertson & Cryer 1974, JASA 69, 1012).

    Parameters
    ----------
    shape, usable
        Widths of n sources, and a mask (n,) of those that are bright and undisturbed.
    """
    known = usable & np.isfinite(shape.mean) & (shape.mean > PIXEL_VARIANCE)
    moments = np.sort(shape.mean[known])
    if len(moments) < LEAST_STARS:
        return None
    mode = _half_sample_mode(np.log(moments))
    near = np.abs(np.log(moments) - mode) < 2.0 * LOCUS  # the square of a width
    if near.sum() < max(LEAST_STARS, STARS_AGREE * len(moments)):
        return None
    return float(FWHM_OF_SIGMA * np.sqrt(np.median(moments[near]) - PIXEL_VARIANCE))


def _half_sample_mode(values: FloatArray) -> float:
    """Mode of sorted values (n,): the densest half of the sample, repeatedly."""
    while len(values) > 3:
        half = (len(values) + 1) // 2
        first = int(np.argmin(values[half - 1 :] - values[: len(values) - half + 1]))
        values = values[first : first + half]
    return float(np.median(values))
