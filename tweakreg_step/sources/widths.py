r"""Widths of sources: which are stars, which are wider and which are too sharp.

The second moments M of a source in a Gaussian window of variance W are those of a Gaussian source
of moments S = (1 / M - 1 / W)^-1; S is the width that the window has not cut, and is compared with
that of a star, which holds the extent of the pixel as well.
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
"""Greatest moment that a window of this multiple of its own variance can tell [of the window's]."""

SIGNIFICANT = 3.0
"""Errors by which a width must differ to count."""

WIDER = 0.35
"""Relative excess of a second moment that is no star: that of a space telescope varies by
less over a field."""

THINNEST = 0.5
"""Second moment across of what is sharper than any star, relative to that of a star."""

LEAST_STARS, STARS_AGREE, LOCUS = 10, 0.5, 0.1
"""The width of the stars is known if this many sources, and this part of all of them, agree in
width within this relative range: galaxies don't."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Second moments of n sources [pixels^2].

    Attributes
    ----------
    major, minor
        (n,) along the long and the short axis.
    error
        (n,) one standard deviation of their mean.
    """

    major: FloatArray
    minor: FloatArray
    error: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Of the two axes (n,)."""
        return np.asarray((self.major + self.minor) / 2.0)


def widths(stamps: Stamps, found: Centroids, profile: Profile, window: FloatArray) -> Widths:
    """Second moments of the sources, bad pixels replaced by what a star would have there.

    Parameters
    ----------
    stamps, found, profile
        n sources, where they are and how a star looks like there.
    window
        (n,) sigma [pixels].
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
    """What a windowed second moment (n,) was before the window of variance (n,) [pixels^2]."""
    least = WIDEST / (1.0 + WIDEST)
    part = np.clip(moment / window, 0.0, least)
    return np.asarray(window * part / (1.0 - part))


def star_moment(fwhm: float) -> float:
    """Second moment [pixels^2] on pixels of a star of width ``fwhm`` [pixels]."""
    return (fwhm / FWHM_OF_SIGMA) ** 2 + PIXEL_VARIANCE


def extended(shape: Widths, fwhm: float) -> BoolArray:
    """Which sources (n,) are wider than a star of ``fwhm`` [pixels]."""
    star = star_moment(fwhm)
    excess = shape.mean - star
    return np.asarray(excess > np.maximum(WIDER * star, SIGNIFICANT * shape.error))


def sharp(shape: Widths, fwhm: float) -> BoolArray:
    """Which sources (n,) are sharper than a star of ``fwhm`` [pixels], at least across."""
    star = star_moment(fwhm)
    thin = shape.minor < THINNEST * star - 2.0 * shape.error
    # the track of a particle is as thin as its pixels, but long
    track = (shape.minor < 0.7 * star - 2.0 * shape.error) & (shape.major > 2.0 * star)
    return np.asarray(thin | track)


def stellar_fwhm(shape: Widths, usable: BoolArray) -> float | None:
    """FWHM [pixels] of the stars among the sources, None if they can't be told from the rest.

    The mode of the widths: half of the sample that lies closest together, again and again
    (Robertson & Cryer 1974, JASA 69, 1012).

    Parameters
    ----------
    shape, usable
        n sources, and which of them are bright and whole.
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
    """Mode of sorted values (n,)."""
    while len(values) > 3:
        half = (len(values) + 1) // 2
        first = int(np.argmin(values[half - 1 :] - values[: len(values) - half + 1]))
        values = values[first : first + half]
    return float(np.median(values))
