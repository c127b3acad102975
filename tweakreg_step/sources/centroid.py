r"""Windowed centroids and their covariance, from the pixels and their errors.

A position (x, y) and a flux F solve the three windowed moment equations

.. math:: \sum_i w_i\, t_i\, (I_i - F P_i) = 0, \qquad t_i = 1,\ x_i - x,\ y_i - y,

the sums running over good pixels; w is a Gaussian window centred at (x, y), I the image and P the
expected image of a star there. Where all pixels are good and the star is well sampled, the term
F P drops out of the last two by symmetry and the position is the windowed centroid of Source
Extractor (Bertin & Arnouts 1996, A&AS 117, 393), whatever P is. P does two things more: it removes
the part of the pixel-phase error that a star of known width must have, and it stands in for bad
pixels. With A the derivatives of the moments by (F, x, y) and V the pixels' variances, the
covariance of the solution is

.. math:: A^{-1} \left(\sum_i w_i^2 V_i\, t_i t_i^T\right) A^{-T}.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

from .cutouts import noise_law
from .psf import FWHM_OF_SIGMA, PIXEL_VARIANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray

    from .cutouts import Stamps
    from .psf import Profile

__all__ = [
    "MIN_WINDOW_FWHM",
    "RATIOS",
    "Centroids",
    "best_window",
    "centroids",
    "starts",
    "window_of",
]

MIN_WINDOW_FWHM = 2.0
"""Smallest FWHM of a window [pixels]: in narrower ones the pixel grid biases positions."""

RATIOS = (1.0, 0.7, 0.5, 0.35)
"""Ratios of the profile's variance to the window's that are tried: 1 is best for stars much fainter
than the sky, smaller ones for brighter stars."""

ROUNDS, EXPECTED_ROUNDS, TOLERANCE = 15, 3, 1e-6
"""Largest number of Newton steps; the number of first steps with derivatives of the expected image,
which converge from farther away; and the size of a step [pixels] at which a star has converged."""

ROUGH = 1e-3
"""The same for positions that are but a start [pixels]."""

NEXT, LAST = np.array([1, 2, 0]), np.array([2, 0, 1])
"""Rows or columns of the cofactors of 3 x 3 matrices."""

LARGEST_STEP = 0.5
"""Largest Newton step [pixels]: farther away the equations are not linear."""

FLATTEST, FLATTER = 0.01, 0.5
"""Limits of the steepness of an image, that of a star being 1: below the first a source has no
position; below the second its errors are computed from the image instead of the expected star."""

MISMATCH = 0.2
"""Relative error of the expected image in a pixel, where it replaces a bad pixel: wings and
diffraction spikes are not Gaussian."""


@dataclass(frozen=True, slots=True)
class Centroids:
    """Positions measured on n stamps.

    Attributes
    ----------
    x, y, flux
        (n,) positions [pixels] and flux [image unit times pixels].
    covariance
        (n, 2, 2) of x and y [pixels^2], from the pixels' variances alone.
    missing
        (n, 2) error of x and y due to bad pixels [pixels]; 0 where not solved.
    lost
        (n,) share of the windowed profile on bad pixels, 0 to 1.
    solved
        (n,) False where there is no solution close to the initial position, which x and y are then.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    covariance: FloatArray
    missing: FloatArray
    lost: FloatArray
    solved: BoolArray

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: NDArray[np.bool_]) -> Self:
        """The centroids of some rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def replaced(self, rows: NDArray[np.bool_], others: Self) -> Self:
        """These centroids with those of a mask ``rows`` (n,) replaced by ``others`` (m)."""
        columns = {field.name: getattr(self, field.name).copy() for field in fields(self)}
        for name, column in columns.items():
            column[rows] = getattr(others, name)
        return type(self)(**columns)


def window_of(sigma: FloatArray, ratio: float | FloatArray) -> FloatArray:
    """Sigma (n,) [pixels] of the window for profiles of standard deviation ``sigma`` (n,).

    `ratio` is that of the profile's variance to the window's.
    """
    least = MIN_WINDOW_FWHM / FWHM_OF_SIGMA
    return np.asarray(np.maximum(np.sqrt((sigma**2 + PIXEL_VARIANCE) / ratio), least), np.float64)


def best_window(stamps: Stamps, flux: FloatArray, sigma: FloatArray) -> FloatArray:
    """Sigma (n,) [pixels] of the window in which the noise of each position is smallest.

    For a Gaussian star of second moment s^2 in a window of s^2 / a, flux F, and a pixel variance of
    B + c I, the variance per axis is (1 + a)^4 [c s^2 / (F (1 + 2 a)^2) + B pi s^4 / (2 a^2 F^2)].
    """
    level, slope = noise_law(stamps)
    moment = sigma**2 + PIXEL_VARIANCE
    flux = np.maximum(flux, np.sqrt(level) + np.finfo(float).tiny)
    variances = [
        (1.0 + a) ** 4
        * (
            slope * moment / flux / (1.0 + 2.0 * a) ** 2
            + level * np.pi * moment**2 / (2.0 * a**2 * flux**2)
        )
        for a in RATIOS
    ]
    return window_of(sigma, np.array(RATIOS)[np.argmin(variances, axis=0)])


def centroids(
    stamps: Stamps,
    x: FloatArray,
    y: FloatArray,
    profile: Profile,
    window: FloatArray,
) -> Centroids:
    """Solve the windowed moment equations.

    Parameters
    ----------
    stamps
        Cut-outs of n sources.
    x, y
        (n,) initial positions [pixels].
    profile
        The expected image of each star.
    window
        (n,) standard deviation of each window [pixels].
    """
    found = _solved(stamps, np.stack([x, y], axis=1), profile, window, TOLERANCE)
    here, flux, solved = found.here, found.flux, found.solved
    noise, missing, lost = _errors(stamps, here, profile, window, flux)
    # derivatives of the expected star have no noise; those of the image where it clearly differs
    flat = (found.steepness < FLATTER)[:, None, None]
    inverse = _inverse(np.where(flat, found.exact, found.expected))
    covariance = (inverse @ noise @ np.swapaxes(inverse, 1, 2))[:, 1:, 1:]
    solved &= np.isfinite(covariance).all(axis=(1, 2)) & (covariance[:, 0, 0] > 0)
    guessed = window[:, None, None] ** 2 * np.eye(2)
    moved = np.sqrt(np.sum((inverse[:, 1:] @ missing) ** 2, axis=2))
    return Centroids(
        x=here[:, 0],
        y=here[:, 1],
        flux=flux,
        covariance=np.where(solved[:, None, None], covariance, guessed),
        missing=np.where(solved[:, None], moved, 0.0),
        lost=lost,
        solved=solved,
    )


def starts(
    stamps: Stamps, x: FloatArray, y: FloatArray, profile: Profile, window: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Positions x and y (n,) [pixels] to begin with in other windows, and fluxes: to `ROUGH`."""
    found = _solved(stamps, np.stack([x, y], axis=1), profile, window, ROUGH)
    return found.here[:, 0], found.here[:, 1], found.flux


@dataclass(frozen=True, slots=True)
class _Solution:
    """Positions (n, 2) on n stamps, the initial ones where there is no solution, and fluxes (n,).

    With the derivatives (n, 3, 3) there of the expected star and of the image, the `_steepness`
    (n,), and whether they are solutions (n,), see `Centroids`.
    """

    here: FloatArray
    flux: FloatArray
    expected: FloatArray
    exact: FloatArray
    steepness: FloatArray
    solved: BoolArray


def _solved(
    stamps: Stamps, start: FloatArray, profile: Profile, window: FloatArray, tolerance: float
) -> _Solution:
    here, ended = _iterated(stamps, start, profile, window, tolerance)
    _, matrix, flux = _equations(stamps, here, profile, window)
    _, exact, _ = _equations(stamps, here, profile, window, exact=True)
    shift = np.hypot(*(here - start).T)
    near = np.isfinite(shift) & (shift < np.maximum(1.0, 1.5 * window))
    steepness = _steepness(exact, matrix)
    solved = ended & near & (flux > 0) & (steepness > FLATTEST)
    here = np.where(solved[:, None], here, start)
    return _Solution(here, flux, matrix, exact, steepness, solved)


def _iterated(
    stamps: Stamps, here: FloatArray, profile: Profile, window: FloatArray, tolerance: float
) -> tuple[FloatArray, BoolArray]:
    """Positions (n, 2) that solve the equations, from initial ones, and whether converged (n,).

    Each source is iterated until it has converged. A star needs four steps with the derivatives of
    its expected image. Galaxies and stars with spikes are continued with the derivatives of their
    own image; a few sources, next to bad pixels or blended, have no solution and take all rounds.
    """
    here, rows, ended = here.copy(), np.arange(len(here)), np.zeros(len(here), bool)
    for round_ in range(ROUNDS):
        some = stamps if len(rows) == len(here) else stamps[rows]
        at = some, here[rows], profile.of(rows), window[rows]
        moments, matrix, _ = _equations(*at, exact=round_ >= EXPECTED_ROUNDS)
        step = np.einsum("nij,nj->ni", _inverse(matrix), moments)[:, 1:]
        length = np.linalg.norm(step, axis=1)
        led = np.isfinite(length)
        factor = np.minimum(1.0, LARGEST_STEP / np.maximum(length[led], tolerance))
        here[rows[led]] += step[led] * factor[:, None]
        ended[rows] = length <= tolerance
        rows = rows[length > tolerance]
        if len(rows) == 0:
            break
    return here, ended


def _steepness(exact: FloatArray, expected: FloatArray) -> FloatArray:
    """Steepness (n,): determinant of an image's derivatives in x and y, over the expected star's.

    It is 0 where the solution is not stable, as at a saddle point.

    Parameters
    ----------
    exact, expected
        (n, 3, 3) derivatives at the solution, of the image and of the expected star.
    """
    own, star = _along_axes(exact), _along_axes(expected)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.linalg.det(own) / np.linalg.det(star)
        stable = (ratio > 0) & (np.trace(own, axis1=1, axis2=2) > 0)
    return np.where(stable, ratio, 0.0)


def _along_axes(matrix: FloatArray) -> FloatArray:
    """Derivatives (n, 2, 2) with respect to x and y with the flux eliminated, from (n, 3, 3)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        following = matrix[:, 1:, :1] * matrix[:, :1, 1:] / matrix[:, :1, :1]
    return np.asarray(matrix[:, 1:, 1:] - following)


def _windows(
    stamps: Stamps, here: FloatArray, window: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Offsets (n, k) along x and y, and the window (n, k) along each, at positions (n, 2)."""
    dx, dy = stamps.offsets(here[:, 0], here[:, 1])
    width = window[:, None]
    return dx, dy, np.exp(-0.5 * (dx / width) ** 2), np.exp(-0.5 * (dy / width) ** 2)


def _equations(
    stamps: Stamps,
    here: FloatArray,
    profile: Profile,
    window: FloatArray,
    *,
    exact: bool = False,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Moments (n, 3) over F, their derivatives (n, 3, 3) in (ln F, x, y), and F (n,).

    The derivatives are those of the expected image, or with ``exact`` those of the image itself.
    All sums are over products of a function of x and one of y, so that they are products of small
    matrices; no image of the profile or its derivatives is made.
    """
    dx, dy, weight_x, weight_y = _windows(stamps, here, window)
    powers = 3 if exact else 2
    sums = _sums(
        stamps.good.astype(np.float64),
        _factors(profile, dx, powers) * weight_x[:, :, None],
        _factors(profile, dy, powers) * weight_y[:, :, None],
    )
    star = np.einsum("c,cnij->nij", profile.amplitude, sums)
    at_x, at_y = (
        np.stack([weight * offset**power for power in range(powers)], axis=-1)
        for weight, offset in ((weight_x, dx), (weight_y, dy))
    )
    data = _sums(stamps.data, at_x, at_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        flux = data[:, 0, 0] / star[:, 0, 0]
    flux = np.where(np.isfinite(flux), flux, 0.0)
    unit = np.where(flux > 0, flux, np.inf)
    # of the star and of its derivatives in x and in y, each times 1, dx and dy
    terms = ((0, 0), (0, powers), (powers, 0))
    matrix = np.stack([_moments(star, row, column) for row, column in terms], axis=2)
    rest = data / unit[:, None, None] - star[:, :powers, :powers]
    if exact:
        matrix -= _carried(rest, window)
    return _moments(rest, 0, 0), matrix, flux


def _carried(rest: FloatArray, window: FloatArray) -> FloatArray:
    """Correction (n, 3, 3) of the moments' derivatives where an image differs from the expected.

    It is the derivative of the window, applied to the difference of the two images, whose moments
    `rest` (n, 3, 3) are by powers of dy and dx. The derivatives of dx and dy do not contribute, as
    the zeroth moment is zero.
    """
    lacking = np.zeros((len(rest), 3, 3))
    lacking[:, :, 0] = -_moments(rest, 0, 0)
    width2 = window[:, None] ** 2
    lacking[:, :, 1] = _moments(rest, 0, 1) / width2
    lacking[:, :, 2] = _moments(rest, 1, 0) / width2
    return lacking


def _factors(profile: Profile, offset: FloatArray, powers: int) -> FloatArray:
    """Profile p along an axis times powers of the offset; last, dp and dp times the offset.

    The shape is (c, n, k, powers + 2).
    """
    factors = np.empty((len(profile.amplitude), *offset.shape, powers + 2))
    factors[..., 0], factors[..., powers] = profile.along(offset), profile.slope(offset)
    for power in range(1, powers):
        factors[..., power] = factors[..., power - 1] * offset
    factors[..., powers + 1] = factors[..., powers] * offset
    return factors


def _sums(pixels: FloatArray, at_x: FloatArray, at_y: FloatArray) -> FloatArray:
    """Sums (..., n, m, m) of pixels (n, k, k) times factors (..., n, k, m) along y and along x."""
    return np.asarray(np.swapaxes(at_y, -1, -2) @ (pixels @ at_x))


def _moments(sums: FloatArray, row: int, column: int) -> FloatArray:
    """Moments (n, 3) with 1, dx and dy, from sums (n, m, m), starting at a row and a column."""
    return np.asarray(sums[:, (row, row, row + 1), (column, column + 1, column)])


def _errors(
    stamps: Stamps, here: FloatArray, profile: Profile, window: FloatArray, flux: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Noise (n, 3, 3) of the moments over F, errors (n, 3, k^2) by bad pixels, ``lost`` (n,)."""
    dx, dy, weight_x, weight_y = _windows(stamps, here, window)
    weight = weight_y[:, :, None] * weight_x[:, None, :]
    star, size = weight * profile(dx, dy), weight.shape[1] * weight.shape[2]
    tests = np.stack(
        [
            np.ones_like(weight),
            np.broadcast_to(dx[:, None, :], weight.shape),
            np.broadcast_to(dy[:, :, None], weight.shape),
        ],
        axis=1,
    ).reshape(len(here), 3, size)
    unit = np.where(flux > 0, flux, np.nan)[:, None, None]
    variance = np.where(stamps.good, weight / unit, 0.0) ** 2 * stamps.variance
    noise = (tests * variance.reshape(len(here), 1, size)) @ np.swapaxes(tests, 1, 2)
    gone = np.where(stamps.good, 0.0, star)
    missing = MISMATCH * tests * gone.reshape(len(here), 1, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = gone.sum(axis=(1, 2)) / star.sum(axis=(1, 2))
    return noise, missing, np.where(np.isfinite(lost), lost, 1.0)


def _inverse(matrix: FloatArray) -> FloatArray:
    """Inverses of matrices (n, 3, 3), NaN where singular: cofactors over the determinant."""
    with np.errstate(invalid="ignore", over="ignore"):
        cofactors = (
            matrix[:, NEXT[:, None], NEXT] * matrix[:, LAST[:, None], LAST]
            - matrix[:, NEXT[:, None], LAST] * matrix[:, LAST[:, None], NEXT]
        )
        determinant = (matrix[:, 0] * cofactors[:, 0]).sum(axis=1)
    # the matrix has no unit and a determinant of some hundredths where all pixels are good
    regular = np.isfinite(determinant) & (np.abs(determinant) > 1e-8)
    determinant = np.where(regular, determinant, np.nan)
    return np.asarray(np.swapaxes(cofactors, 1, 2) / determinant[:, None, None])
