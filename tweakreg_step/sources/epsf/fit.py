r"""Positions and fluxes by a fit of the stars' profile, without the pixels that disagree with it.

A pixel that holds more light than star, noise and the error of the profile allow was hit by a
cosmic ray, is bad without being known as such, or belongs to a neighbour. The worst of them are
taken out, the fit is repeated, and so on. Pixels are weighted by the inverse of their variance as
noise and profile have it, so that errors are those that light allows (Cramer-Rao).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.sources.cutouts import noise_law

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.sources.cutouts import Stamps
    from tweakreg_step.sources.psf import Profile

__all__ = ["Fits", "disagreement", "fitted", "free_residuals", "inner"]

ROUNDS, STEPS = 7, 4
"""Largest number of rounds in which pixels are taken out, and Newton steps in each."""

LARGEST_STEP = 0.3
"""Largest step [pixels]."""

HIT, BESIDE = 3.0, 1.0
"""Residual of a pixel, in the errors that residuals have after the fit, above which it is taken
out, alone and next to another. Where one pixel of seven is hit, as in a long exposure, most
residuals above the first are hits; without hits one or two in a thousand pixels are lost."""

SPREAD = 0.1
"""Error of the profile in a pixel relative to the whole, for a relative error of 1 in the pixel."""

MISMATCHES = (0.003, 0.005, 0.007, 0.01, 0.014, 0.02, 0.03, 0.04, 0.06, 0.08)
"""Relative errors of a profile in a pixel that are tried."""

PARTS, WITHIN_ERRORS = (0.5, 0.9), (0.674, 1.645)
"""Parts of Gaussian numbers that are smaller than so many standard deviations. The second sees
errors of the profile in few pixels, as at its peak, which would be taken for hits."""

WORST = 0.5
"""Taken out in one round are pixels of at least this part of the largest residual: a hit draws the
star towards it, which leaves residuals elsewhere until it is gone."""

LEAST_FREE = 0.1
"""Least share of a pixel's variance that its residual is taken to have."""

WITHIN = 2.5
"""Radius of the pixels that are fitted [pixels], or 1.5 FWHM where that is more."""

FARTHEST = 1.0
"""Largest distance from the first position [pixels]."""


@dataclass(frozen=True, slots=True)
class Fits:
    """Profiles fitted to n stamps.

    Attributes
    ----------
    x, y, flux
        (n,) positions [pixels] and flux [image unit times pixels].
    covariance
        (n, 2, 2) of x and y [pixels^2], from noise and the error of the profile.
    square
        (n,) mean square of the residuals of pixels that were kept, in units of their errors, which
        contain that of the profile; about 1 for a star.
    lost
        (n,) share of the profile on pixels that are bad or were taken out.
    solved
        (n,) whether the fit has ended near its start.
    kept
        (n, k, k) pixels that were kept, of the inner k x k of the stamps.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    covariance: FloatArray
    square: FloatArray
    lost: FloatArray
    solved: BoolArray
    kept: BoolArray

    def kept_of(self, stamps: Stamps, rows: NDArray[np.int64]) -> Stamps:
        """Some of the stamps that were fitted, in which the pixels that were kept are good."""
        part = inner(stamps[rows], self.kept.shape[1] // 2)
        return replace(part, good=self.kept[rows])


@dataclass(frozen=True, slots=True)
class Law:
    """Errors of the pixels of n stars: variance ``level + slope * light``, and of the profile.

    Attributes
    ----------
    level, slope
        (n, 1, 1), of the noise.
    mismatch
        Error of the profile in a pixel, relative to it.
    """

    level: FloatArray
    slope: FloatArray
    mismatch: float

    def of(self, rows: NDArray[np.int64]) -> Law:
        """That of some stars."""
        return Law(self.level[rows], self.slope[rows], self.mismatch)


def fitted(
    stamps: Stamps, x: FloatArray, y: FloatArray, profile: Profile, fwhm: float, mismatch: float
) -> Fits:
    """Fit a profile to n stars.

    Parameters
    ----------
    stamps
        Their pixels.
    x, y
        (n,) initial positions [pixels].
    profile
        The image of a star.
    fwhm
        Its width [pixels].
    mismatch
        Error of the profile in a pixel, relative to it.
    """
    level, slope = noise_law(stamps)
    law = Law(level[:, None, None], slope[:, None, None], mismatch)
    reach = max(WITHIN, 1.5 * fwhm)
    stamps = inner(stamps, int(np.ceil(reach)))
    dx, dy = stamps.offsets(x, y)
    near = np.hypot(dx[:, None, :], dy[:, :, None]) < reach
    stamps = replace(stamps, good=stamps.good & near)
    good, start, busy = stamps.good.copy(), np.stack([x, y], 1), np.arange(len(x))
    here = start.copy()
    for _ in range(ROUNDS):
        some = replace(stamps[busy], good=good[busy])
        at = law.of(busy)
        here[busy] = _moved(some, here[busy], profile, at)
        excess = _studentised(some, here[busy], profile, at)
        worst = excess.max(axis=(1, 2))
        good[busy] &= ~_beside(excess > np.maximum(HIT, WORST * worst)[:, None, None], excess)
        busy = busy[worst > HIT]
        if len(busy) == 0:
            break
    kept = replace(stamps, good=good)
    excess, star, flux = _residuals(kept, here, profile, law)
    star = np.where(near, star, 0.0)
    share = np.where(good, star, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        square = (excess**2 * share).sum(axis=(1, 2)) / share.sum(axis=(1, 2))
        lost = 1.0 - share.sum(axis=(1, 2)) / star.sum(axis=(1, 2))
    covariance = _inverse(_normal(kept, here, profile, law)[0])[:, 1:, 1:]
    solved = np.isfinite(covariance).all(axis=(1, 2)) & np.isfinite(square) & (flux > 0)
    solved &= (np.hypot(*(here - start).T) < FARTHEST) & (covariance[:, 0, 0] > 0)
    solved &= covariance[:, 1, 1] > 0
    return Fits(here[:, 0], here[:, 1], flux, covariance, square, lost, solved, good)


def inner(stamps: Stamps, half: int) -> Stamps:
    """The inner ``2 half + 1`` pixels of stamps, or all if they are no larger."""
    rim = max(stamps.data.shape[1] // 2 - half, 0)
    part = slice(rim, stamps.data.shape[1] - rim)
    planes = ("data", "variance", "good", "saturated", "outside")
    return replace(stamps, **{name: getattr(stamps, name)[:, part, part] for name in planes})


def disagreement(
    stamps: Stamps, x: FloatArray, y: FloatArray, profile: Profile, fwhm: float
) -> float:
    """Error of a profile in a pixel, relative to it, by the residuals of n stars."""
    dx, dy = stamps.offsets(x, y)
    near = stamps.good & (np.hypot(dx[:, None, :], dy[:, :, None]) < fwhm)
    level, slope = noise_law(stamps)
    for mismatch in MISMATCHES:
        law = Law(level[:, None, None], slope[:, None, None], mismatch)
        left, _, _ = _residuals(stamps, np.stack([x, y], 1), profile, law)
        if (np.quantile(np.abs(left[near]), PARTS) < WITHIN_ERRORS).all():
            return mismatch
    return MISMATCHES[-1]


def free_residuals(
    stamps: Stamps, here: FloatArray, first: Profile, mismatch: float
) -> Callable[[Profile], FloatArray]:
    """What a profile leaves of the good pixels of n stars near (n, 2), at their best.

    Residuals are in the errors that pixels have by the ``first`` profile, whatever the profile.
    """
    level, slope = noise_law(stamps)
    law = Law(level[:, None, None], slope[:, None, None], mismatch)
    star = first(*stamps.offsets(here[:, 0], here[:, 1]))
    _, variance = _best_flux(stamps, star, law)
    root = np.where(stamps.good, 1.0 / np.sqrt(variance), 0.0).reshape(len(here), -1, 1)

    def left(profile: Profile) -> FloatArray:
        design = np.stack(_star_and_slopes(stamps, here, profile), axis=1)
        design = np.swapaxes(design.reshape(len(here), 3, -1), 1, 2) * root
        data = stamps.data.reshape(len(here), -1, 1) * root
        basis, _ = np.linalg.qr(design)
        rest = data - basis @ (np.swapaxes(basis, 1, 2) @ data)
        return np.asarray(rest[root > 0])

    return left


def _beside(out: BoolArray, excess: FloatArray) -> BoolArray:
    """Pixels (n, k, k) that are out, and those next to them that may well be."""
    wide = np.pad(out, ((0, 0), (1, 1), (1, 1)))
    size = out.shape[1]
    shifts = [(i, j) for i in range(3) for j in range(3)]
    touched = np.any([wide[:, i : i + size, j : j + size] for i, j in shifts], axis=0)
    return np.asarray(out | (touched & (excess > BESIDE)))


def _moved(stamps: Stamps, here: FloatArray, profile: Profile, law: Law) -> FloatArray:
    """Positions (n, 2) after some Newton steps."""
    for _ in range(STEPS):
        normal, right = _normal(stamps, here, profile, law)
        step = np.einsum("nij,nj->ni", _inverse(normal), right)[:, 1:]
        step = np.where(np.isfinite(step).all(axis=1)[:, None], step, 0.0)
        here = here + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
    return here


def _normal(
    stamps: Stamps, here: FloatArray, profile: Profile, law: Law
) -> tuple[FloatArray, FloatArray]:
    """Normal matrix (n, 3, 3) of flux, x and y, and its right side (n, 3) at the best flux."""
    star, slope_x, slope_y = _star_and_slopes(stamps, here, profile)
    flux, variance = _best_flux(stamps, star, law)
    scale = flux[:, None, None]
    weight = np.where(stamps.good, 1.0 / variance, 0.0)
    design = np.stack([star, scale * slope_x, scale * slope_y], axis=1).reshape(len(here), 3, -1)
    weighted = design * weight.reshape(len(here), 1, -1)
    rest = (stamps.data - scale * star).reshape(len(here), -1, 1)
    return weighted @ np.swapaxes(design, 1, 2), (weighted @ rest)[:, :, 0]


def _star_and_slopes(
    stamps: Stamps, here: FloatArray, profile: Profile
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Profiles (n, k, k) of stars at (n, 2), and their derivatives by x and y [1 / pixel]."""
    dx, dy = stamps.offsets(here[:, 0], here[:, 1])
    along_x, along_y = profile.along(dx), profile.along(dy)
    star, slope_x, slope_y = (
        np.einsum("c,cni,cnj->nij", profile.amplitude, rows, columns)
        for rows, columns in (
            (along_y, along_x),
            (along_y, profile.slope(dx)),
            (profile.slope(dy), along_x),
        )
    )
    return star, slope_x, slope_y


def _studentised(stamps: Stamps, here: FloatArray, profile: Profile, law: Law) -> FloatArray:
    """Residuals (n, k, k) in the errors that they have after the fit.

    The fit follows the brightest pixels: a hit there leaves less of itself than elsewhere.
    """
    star, slope_x, slope_y = _star_and_slopes(stamps, here, profile)
    flux, variance = _best_flux(stamps, star, law)
    scale = flux[:, None, None]
    design = np.stack([star, scale * slope_x, scale * slope_y], axis=1)
    weight = np.where(stamps.good, 1.0 / variance, 0.0)
    normal = np.einsum("nkij,nij,nlij->nkl", design, weight, design, optimize=True)
    taken = np.einsum("nkij,nkl,nlij->nij", design, _inverse(normal), design, optimize=True)
    free = 1.0 - weight * taken
    free = np.where(np.isfinite(free), np.clip(free, LEAST_FREE, 1.0), 1.0)
    return _residuals(stamps, here, profile, law)[0] / np.sqrt(free)


def _best_flux(stamps: Stamps, star: FloatArray, law: Law) -> tuple[FloatArray, FloatArray]:
    """Flux (n,), and variances (n, k, k) of the pixels of a star that has it.

    With what the profile may be off: in its wings by more than it is large there.
    """
    variance = np.broadcast_to(law.level, star.shape)
    flux = np.zeros(len(star))
    for _ in range(2):
        weight = np.where(stamps.good, star / np.maximum(variance, np.finfo(float).tiny), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            flux = (weight * stamps.data).sum(axis=(1, 2)) / (weight * star).sum(axis=(1, 2))
        flux = np.where(np.isfinite(flux), np.maximum(flux, 0.0), 0.0)
        variance = law.level + law.slope * flux[:, None, None] * star
    uneven = (law.mismatch * flux[:, None, None]) ** 2 * (star**2 + SPREAD**2)
    return flux, np.maximum(variance, np.finfo(float).tiny) + uneven


def _residuals(
    stamps: Stamps,
    here: FloatArray,
    profile: Profile,
    law: Law,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Residuals (n, k, k) in their errors, 0 where bad; the profile (n, k, k), and fluxes (n,)."""
    star = profile(*stamps.offsets(here[:, 0], here[:, 1]))
    flux, variance = _best_flux(stamps, star, law)
    expected = flux[:, None, None] * star
    return np.where(stamps.good, (stamps.data - expected) / np.sqrt(variance), 0.0), star, flux


def _inverse(matrix: FloatArray) -> FloatArray:
    """Inverses (n, 3, 3), NaN where there is none."""
    size = np.sqrt(np.diagonal(matrix, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = matrix / (size[:, :, None] * size[:, None, :])
        regular = np.isfinite(unit).all(axis=(1, 2))
        unit = np.where(regular[:, None, None], unit, np.eye(3))
        regular &= np.linalg.det(unit) > 1e-6
        unit = np.where(regular[:, None, None], unit, np.eye(3))
        inverse = np.linalg.inv(unit) / (size[:, :, None] * size[:, None, :])
    return np.where(regular[:, None, None], inverse, np.nan)
