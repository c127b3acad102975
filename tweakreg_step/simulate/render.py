"""Stars through a point-spread function onto pixels, with noise and defects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

Image: TypeAlias = NDArray[np.float32]

# Bits of the JWST data-quality array.
DO_NOT_USE = 1
JUMP_DET = 4
NON_SCIENCE = 512
DEAD = 1024
HOT = 2048

_CHUNK = 2_000_000  # stamp pixels held at once: 16 MB per array
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


@dataclass(frozen=True, slots=True)
class Psf:
    """A round Moffat profile, I ~ (1 + r^2/a^2)^-beta, or a Gaussian, integrated over pixels.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum of the profile before the pixel integration, pixels.
    beta : float, optional
        Moffat index, above 1; None is the limit of a large index: the Gaussian.
    """

    fwhm: float = 2.0
    beta: float | None = None

    @property
    def reach(self) -> int:
        """Half width of the stamp in pixels; less than 1e-6 of the flux lies outside."""
        return int(np.ceil((4.0 if self.beta is None else 12.0) * self.fwhm)) + 1


@dataclass(frozen=True, slots=True)
class Noise:
    """What adds to the stars.

    Parameters
    ----------
    sky : float
        Background, DN/s per pixel.
    read : float
        Read noise of the whole exposure, DN/s per pixel.
    gain : float
        Electrons per DN.
    exposure_time : float
        Seconds; the photon variance of a rate R is R / (gain * exposure_time).
    """

    sky: float = 0.3
    read: float = 0.015
    gain: float = 1.8
    exposure_time: float = 311.4


@dataclass(frozen=True, slots=True)
class Defects:
    """What spoils pixels.

    Parameters
    ----------
    bad_fraction : float
        Part of the pixels that are DO_NOT_USE: a half NaN, a half wild values.
    cosmic_rays : float
        Hits per million pixels.  In flagged ones (JUMP_DET) the ramp fit has left a tenth of
        the energy, in the others all of it.
    unflagged : float
        Part of the hits that carry no flag.
    border : int
        Width of the frame of reference pixels (NON_SCIENCE | DO_NOT_USE, NaN).
    """

    bad_fraction: float = 0.003
    cosmic_rays: float = 300.0
    unflagged: float = 0.03
    border: int = 4


NO_DEFECTS = Defects(0.0, 0.0, 0.0, 0)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Arrays of an image, all of shape (ny, nx), in DN/s or its square.

    Parameters
    ----------
    data, err : ndarray of float32
        Signal and its true standard deviation.
    dq : ndarray of uint32
        JWST data-quality bits.
    var_poisson, var_rnoise : ndarray of float32
        The two parts of err^2.
    """

    data: Image
    err: Image
    dq: NDArray[np.uint32]
    var_poisson: Image
    var_rnoise: Image

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.data, self.err, self.dq)}
        shapes |= {self.var_poisson.shape, self.var_rnoise.shape}
        if len(shapes) != 1 or self.data.ndim != 2:
            raise ValueError(
                f"The arrays of an image have shapes {sorted(shapes)}; one shape (ny, nx) is "
                "needed for all of them."
            )


def star_image(
    x: FloatArray, y: FloatArray, flux: FloatArray, shape: tuple[int, int], psf: Psf
) -> FloatArray:
    """Render stars without sky or noise.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Zero-based pixel positions; NaN and positions beyond the frame are allowed.
    flux : ndarray, shape (n,)
        Total flux of each star.
    shape : (int, int)
        (ny, nx).
    psf : Psf
        The profile.

    Returns
    -------
    ndarray, shape (ny, nx)
        Flux per pixel.
    """
    reach, (ny, nx) = psf.reach, shape
    near = (x > -reach) & (x < nx + reach) & (y > -reach) & (y < ny + reach)
    # A fixed order makes the floating-point sum independent of the order of the input.
    order = np.lexsort((flux[near], y[near], x[near]))
    x, y, flux = (a[near][order] for a in (x, y, flux))
    image = np.zeros(shape)
    step = max(1, _CHUNK // (2 * reach + 1) ** 2)
    for first in range(0, x.size, step):
        part = slice(first, first + step)
        _add_stamps(image, x[part], y[part], flux[part], psf)
    return image


def _add_stamps(
    image: FloatArray, x: FloatArray, y: FloatArray, flux: FloatArray, psf: Psf
) -> None:
    """Add n stars to the image in place."""
    offsets = np.arange(-psf.reach, psf.reach + 1)
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    dx = offsets[None, :] - (x - column)[:, None]
    dy = offsets[None, :] - (y - row)[:, None]
    stamps = flux[:, None, None] * _pixel_integrals(dx, dy, psf)
    rows = np.broadcast_to((row[:, None] + offsets)[:, :, None], stamps.shape)
    columns = np.broadcast_to((column[:, None] + offsets)[:, None, :], stamps.shape)
    ny, nx = image.shape
    inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    np.add.at(image, (rows[inside], columns[inside]), stamps[inside])


def _pixel_integrals(dx: FloatArray, dy: FloatArray, psf: Psf) -> FloatArray:
    """Part of the flux in pixels at offsets dx, dy (n, k) from the centres: shape (n, k, k)."""
    if psf.beta is None:
        along_x, along_y = _gaussian_integral(dx, psf.fwhm), _gaussian_integral(dy, psf.fwhm)
        separable: FloatArray = along_y[:, :, None] * along_x[:, None, :]
        return separable
    # Gauss-Legendre of 5 x 5 points per pixel: exact to about 1e-6 for fwhm >= 1.5 pixels.
    scale = psf.fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / psf.beta) - 1.0))
    total = np.zeros((*dx.shape, dx.shape[1]))
    for node_y, weight_y in zip(_NODES, _WEIGHTS, strict=True):
        for node_x, weight_x in zip(_NODES, _WEIGHTS, strict=True):
            r2 = ((dy + node_y / 2.0) ** 2)[:, :, None] + ((dx + node_x / 2.0) ** 2)[:, None, :]
            total += weight_x * weight_y / 4.0 * (1.0 + r2 / scale**2) ** -psf.beta
    total *= (psf.beta - 1.0) / (np.pi * scale**2)
    return total


def _gaussian_integral(offset: FloatArray, fwhm: float) -> FloatArray:
    """Integral of the unit Gaussian over pixels of unit width centred at ``offset``."""
    width = fwhm / (2.0 * np.sqrt(2.0 * np.log(2.0))) * np.sqrt(2.0)
    integral: FloatArray = 0.5 * (erf((offset + 0.5) / width) - erf((offset - 0.5) / width))
    return integral


def observe(
    stars: FloatArray, noise: Noise, defects: Defects = NO_DEFECTS, *, seed: int | tuple[int, ...]
) -> Pixels:
    """Turn a noiseless star image, shape (ny, nx) in DN/s, into what a detector delivers.

    The photon noise is Gaussian with the true variance: even the sky alone gives more than a
    hundred electrons per pixel, where Poisson and Gauss differ less than the defects matter,
    and ``err`` is then exact.
    """
    rng = np.random.default_rng(seed)
    signal: Image = (stars + noise.sky).astype(np.float32)
    electrons = np.float32(noise.gain * noise.exposure_time)
    var_poisson: Image = np.divide(np.maximum(signal, 0.0), electrons, dtype=np.float32)
    var_rnoise: Image = np.full_like(signal, noise.read**2)
    err: Image = np.sqrt(var_poisson + var_rnoise)
    data = signal + err * rng.standard_normal(signal.shape, dtype=np.float32)
    dq = np.zeros(signal.shape, dtype=np.uint32)
    pixels = Pixels(data, err, dq, var_poisson, var_rnoise)
    return _with_defects(pixels, defects, noise, rng)


def _with_defects(
    pixels: Pixels, defects: Defects, noise: Noise, rng: np.random.Generator
) -> Pixels:
    """Add cosmic rays, bad pixels and the reference border, in this order, to copies."""
    data, err, dq = pixels.data.copy(), pixels.err.copy(), pixels.dq.copy()
    _add_cosmic_rays(data, dq, defects, noise, rng)
    _add_bad_pixels(data, dq, defects.bad_fraction, rng)
    width = defects.border
    if width:
        frame = np.ones(data.shape, dtype=bool)
        frame[width:-width, width:-width] = False
        data[frame] = np.nan
        dq[frame] = NON_SCIENCE | DO_NOT_USE
    err[np.isnan(data)] = np.nan  # as the pipeline writes them
    return replace(pixels, data=data, err=err, dq=dq)


def _add_cosmic_rays(
    data: Image,
    dq: NDArray[np.uint32],
    defects: Defects,
    noise: Noise,
    rng: np.random.Generator,
) -> None:
    """Add straight tracks of 1 to 8 pixels, the energy of a track spread evenly, in place."""
    n = rng.poisson(defects.cosmic_rays * data.size / 1e6)
    length = rng.integers(1, 9, n)
    angle = rng.uniform(0.0, np.pi, n)
    # Thousands of electrons per pixel, with a long tail: the rate of a faint to a bright star.
    energy = rng.lognormal(np.log(3000.0), 1.0, n) / (noise.gain * noise.exposure_time)
    flagged = rng.random(n) >= defects.unflagged
    start = rng.random((2, n)) * np.array(data.shape)[:, None]
    track = np.repeat(np.arange(n), length)
    along = np.concatenate([np.arange(k) for k in length]) if n else np.zeros(0, int)
    rows = np.floor(start[0][track] + along * np.sin(angle)[track]).astype(int)
    columns = np.floor(start[1][track] + along * np.cos(angle)[track]).astype(int)
    inside = (rows >= 0) & (rows < data.shape[0]) & (columns >= 0) & (columns < data.shape[1])
    rows, columns, track = rows[inside], columns[inside], track[inside]
    left = np.where(flagged, 0.1, 1.0) * energy
    np.add.at(data, (rows, columns), left[track].astype(np.float32))
    hit = flagged[track]
    dq[rows[hit], columns[hit]] |= np.uint32(JUMP_DET)


def _add_bad_pixels(
    data: Image, dq: NDArray[np.uint32], fraction: float, rng: np.random.Generator
) -> None:
    """Mark a random part of the pixels, in place: dead ones are NaN, hot ones wild."""
    bad = rng.choice(data.size, rng.binomial(data.size, fraction), replace=False)
    dead, hot = bad[: bad.size // 2], bad[bad.size // 2 :]
    values, flags = data.reshape(-1), dq.reshape(-1)
    values[dead] = np.nan
    values[hot] = rng.lognormal(3.0, 2.0, hot.size) * rng.choice([-1.0, 1.0], hot.size)
    flags[dead] |= np.uint32(DO_NOT_USE | DEAD)
    flags[hot] |= np.uint32(DO_NOT_USE | HOT)
