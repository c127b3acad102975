"""Positions, errors and flags of found sources, measured in the same way for all finders."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.spatial import KDTree

from tweakreg_step.core.sources import Sources

from .centroid import RATIOS, Centroids, best_window, centroids, starts, window_of
from .cutouts import cut
from .flags import Flag, flagged
from .psf import FWHM_OF_SIGMA, PIXEL_VARIANCE, gaussian
from .widths import Widths, extended, sharp, star_moment, stellar_fwhm, widths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray

    from .cutouts import Plane

__all__ = [
    "GALAXIES",
    "AsStars",
    "Measured",
    "as_stars",
    "floor",
    "measured",
    "pull_of_neighbours",
]

FLOOR_FWHM = (0.7, 1.0, 1.5, 2.0, 2.5)
FLOOR = (0.06, 0.02, 0.006, 0.003, 0.002)
"""Position error due to the pixel grid for stars of these FWHM, per axis [pixels]: for Gaussian and
Moffat stars whose width is known to 15 per cent, the rms over all at a FWHM of 1 and the worst
above, see ``benchmarks/centroids.py`` and ``docs/centroids.rst``."""

UNREFINED_FLOOR = 0.06
"""The same for the finders' own positions [pixels]."""

MORPHOLOGY = 0.01
"""Error of the position of an extended source, relative to its extent beyond that of a star:
exposures of different depth or filter show different parts of it."""

NEIGHBOUR = 0.5
"""Error of the computed pull of a neighbour, relative to it: profiles overlap."""

NOTICEABLE = 0.01
"""Share of the windowed profile on bad pixels, or pull of a neighbour [pixels], to set a flag."""

HOPELESS = 0.9
"""Share of the windowed profile on bad pixels above which a source is dropped."""

BRIGHT = 20.0
"""Signal to noise above which sources are used to measure the stars' width."""

GALAXIES = 1.6
"""Ratio to the expected FWHM above which sources that agree in width are galaxies, not stars."""

WIDEST = 3.0
"""Largest standard deviation of a galaxy's window, relative to that of a star, to limit the size of
stamps."""

CHUNK = 2000
"""Stamps measured at once, to limit the memory."""

REACH = 2.5
"""Half width of a stamp, in sigmas of the widest window."""


@dataclass(frozen=True, slots=True)
class Measured:
    """n measured sources.

    Attributes
    ----------
    sources
        Positions, errors and flags.
    fwhm
        FWHM of the stars among them [pixels], None if they can't be identified.
    signal_to_noise
        (n,) of the flux in the window.
    """

    sources: Sources
    fwhm: float | None
    signal_to_noise: FloatArray


@dataclass(frozen=True, slots=True)
class _Measurement:
    """Measurements of n sources on their pixels.

    Attributes
    ----------
    found, shape
        Positions and widths.
    saturated, bad, edge
        (n,) whether the core is saturated, and whether the window has bad pixels or reaches beyond
        the image.
    """

    found: Centroids
    shape: Widths
    saturated: BoolArray
    bad: BoolArray
    edge: BoolArray

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Concatenation of several."""
        return cls(
            found=Centroids(*_columns([part.found for part in parts])),
            shape=Widths(*_columns([part.shape for part in parts])),
            saturated=np.concatenate([part.saturated for part in parts]),
            bad=np.concatenate([part.bad for part in parts]),
            edge=np.concatenate([part.edge for part in parts]),
        )

    def of(self, rows: NDArray[np.int64]) -> Self:
        """Those of some rows."""
        return type(self)(
            found=Centroids(*(column[rows] for column in _columns([self.found]))),
            shape=Widths(*(column[rows] for column in _columns([self.shape]))),
            saturated=self.saturated[rows],
            bad=self.bad[rows],
            edge=self.edge[rows],
        )

    @property
    def signal_to_noise(self) -> FloatArray:
        """(n,) ratio of a source's width to the error of its position."""
        error = np.sqrt(np.trace(self.found.covariance, axis1=1, axis2=2) / 2.0)
        width = np.sqrt(np.maximum(self.shape.mean, PIXEL_VARIANCE))
        return np.asarray(np.where(self.found.solved, width / error, 0.0))


@dataclass(frozen=True, slots=True)
class AsStars:
    """Some of the sources of an image, each measured as if it were a star.

    Attributes
    ----------
    rows
        (n,) which of all sources.
    measurement
        Positions and widths in the windows of stars.
    pull
        (n, 2) displacement by neighbours [pixels].
    fwhm
        FWHM of the stars among them [pixels], None if they can't be identified.
    width
        FWHM that a star is taken to have [pixels].
    wide, thin
        (n,) whether a source is wider, and whether sharper, than a star.
    """

    rows: NDArray[np.int64]
    measurement: _Measurement
    pull: FloatArray
    fwhm: float | None
    width: float
    wide: BoolArray
    thin: BoolArray

    @property
    def usable(self) -> int:
        """Number of sources that can be used for the alignment."""
        return int((~self.thin & (self.measurement.found.lost < HOPELESS)).sum())


def _columns(parts: list[Any]) -> list[Any]:
    names = [field.name for field in fields(parts[0])]
    return [np.concatenate([getattr(part, name) for part in parts]) for name in names]


def floor(fwhm: float) -> float:
    """Position error due to the pixel grid for stars of a FWHM, both [pixels]."""
    return float(np.interp(fwhm, FLOOR_FWHM, FLOOR))


def measured(
    plane: Plane,
    stars: AsStars,
    all_sources: Sources,
    fwhm: float,
    *,
    refined: bool,
) -> Measured:
    """Positions, errors and flags of some of the sources of an image.

    Parameters
    ----------
    plane
        The image without its background.
    stars
        The n sources, measured as if each were a star.
    all_sources
        All sources that were found.
    fwhm
        FWHM of stars [pixels].
    refined
        Whether positions are those measured here, or those of the finder.
    """
    chosen, measurement = all_sources[stars.rows], stars.measurement
    wide, thin, sigma = stars.wide, stars.thin, _sigma(len(chosen), fwhm)
    signal_to_noise = measurement.signal_to_noise
    if wide.any():
        sigma[wide] = np.sqrt(np.minimum(measurement.shape.mean[wide], (WIDEST * sigma[wide]) ** 2))
        again = _measure(plane, chosen[wide], sigma[wide], np.ones(wide.sum(), bool))
        measurement = replace(measurement, found=measurement.found.replaced(wide, again.found))
    flags = flagged(
        {
            Flag.SATURATED: measurement.saturated,
            Flag.NEAR_BAD: measurement.bad & (measurement.found.lost > NOTICEABLE),
            Flag.EDGE: measurement.edge,
            Flag.SHARP: thin,
            Flag.EXTENDED: wide,
            Flag.BLENDED: np.hypot(*stars.pull.T) > NOTICEABLE,
        }
    )
    extent = np.sqrt(np.maximum(measurement.shape.mean - star_moment(stars.width), 0.0))
    extra = (MORPHOLOGY * np.where(wide, extent, 0.0)[:, None]) ** 2 + (NEIGHBOUR * stars.pull) ** 2
    sources = _sources(chosen, measurement.found, extra, flags, fwhm if refined else None)
    seen = measurement.found.lost < HOPELESS
    return Measured(sources[seen], stars.fwhm, signal_to_noise[seen])


def as_stars(
    plane: Plane,
    rows: NDArray[np.int64],
    all_sources: Sources,
    fwhm: float,
    before: AsStars | None = None,
) -> AsStars:
    """Measure some of the sources of an image as if each were a star.

    Parameters
    ----------
    plane
        The image without its background.
    rows
        (n,) which of all sources.
    all_sources
        All sources that were found: the possible neighbours.
    fwhm
        FWHM of stars [pixels].
    before
        Some of these sources that were measured before, in the same way.
    """
    chosen = all_sources[rows]
    pull, crowded = pull_of_neighbours(chosen, all_sources, fwhm)
    new = np.ones(len(rows), bool) if before is None else ~np.isin(rows, before.rows)
    measurement = _measure(plane, chosen[new], _sigma(int(new.sum()), fwhm), crowded[new])
    if before is not None:
        both = np.concatenate([rows[new], before.rows])
        order = np.argsort(both)
        place = order[np.searchsorted(both, rows, sorter=order)]
        measurement = _Measurement.joined([measurement, before.measurement]).of(place)
    bright = (
        ~measurement.saturated
        & ~measurement.edge
        & ~crowded
        & (measurement.found.lost < NOTICEABLE)
    )
    star = stellar_fwhm(measurement.shape, bright & (measurement.signal_to_noise > BRIGHT))
    width = star if star is not None and star < GALAXIES * fwhm else fwhm
    return AsStars(
        rows=rows,
        measurement=measurement,
        pull=pull,
        fwhm=star,
        width=width,
        wide=extended(measurement.shape, width) & measurement.found.solved,
        thin=sharp(measurement.shape, width) & (measurement.found.lost < NOTICEABLE),
    )


def _sigma(count: int, fwhm: float) -> FloatArray:
    return np.full(count, fwhm / FWHM_OF_SIGMA)


def _sources(
    chosen: Sources,
    found: Centroids,
    extra: FloatArray,
    flags: NDArray[np.int32],
    fwhm: float | None,
) -> Sources:
    """Sources with the errors of noise, bad pixels and pixel grid, plus ``extra`` (n, 2).

    The latter is a variance [pixels^2].
    """
    least = UNREFINED_FLOOR if fwhm is None else floor(fwhm)
    noise = np.diagonal(found.covariance, axis1=1, axis2=2)
    error = np.sqrt(noise + found.missing**2 + least**2 + extra)
    columns = {"flux": chosen.flux, "x_err": error[:, 0], "y_err": error[:, 1], "flags": flags}
    if fwhm is None:
        return Sources.at(chosen.x, chosen.y, **columns)
    return Sources.at(found.x, found.y, **columns)


def _measure(plane: Plane, at: Sources, sigma: FloatArray, crowded: BoolArray) -> _Measurement:
    """Measure n sources of standard deviations ``sigma`` (n,) [pixels], in chunks."""
    order = np.argsort(sigma, kind="stable")  # stamps of similar size go together
    chunks = [order[k : k + CHUNK] for k in range(0, max(len(order), 1), CHUNK)]
    joined = _Measurement.joined(
        [_measure_chunk(plane, at[c], sigma[c], crowded[c]) for c in chunks]
    )
    return joined.of(np.argsort(order, kind="stable"))


def _measure_chunk(
    plane: Plane, at: Sources, sigma: FloatArray, crowded: BoolArray
) -> _Measurement:
    widest = window_of(sigma, min(RATIOS))
    half = int(np.ceil(REACH * np.max(widest, initial=1.0)))
    stamps = cut(plane, at.x, at.y, half)
    profile, common = gaussian(sigma), window_of(sigma, max(RATIOS))
    x, y, flux = starts(stamps, at.x, at.y, profile, common)
    window = np.where(crowded, common, best_window(stamps, flux, sigma))
    found = centroids(stamps, x, y, profile, window)
    lost = np.flatnonzero(~found.solved)
    again = stamps[lost], at.x[lost], at.y[lost], profile.of(lost), common[lost]
    found = found.replaced(~found.solved, centroids(*again))
    dx, dy = stamps.offsets(found.x, found.y)
    distance2 = dx[:, None, :] ** 2 + dy[:, :, None] ** 2
    core = distance2 < np.maximum(FWHM_OF_SIGMA / 2.0 * sigma, 1.0)[:, None, None] ** 2
    near = distance2 < 4.0 * window[:, None, None] ** 2
    return _Measurement(
        found=found,
        shape=widths(stamps, found, profile, common),
        saturated=np.asarray((core & stamps.saturated).any(axis=(1, 2))),
        bad=np.asarray((near & ~stamps.good & ~stamps.outside).any(axis=(1, 2))),
        edge=np.asarray((near & stamps.outside).any(axis=(1, 2))),
    )


def pull_of_neighbours(
    chosen: Sources, all_sources: Sources, fwhm: float
) -> tuple[FloatArray, BoolArray]:
    """Displacement (n, 2) [pixels] of n sources by their neighbours, and which are crowded (n,).

    A star at distance d and of relative flux f moves the position in a matched window by
    f d exp(-d^2 / (4 s^2)), s^2 being the second moment of a star.
    """
    pull, moment = np.zeros((len(chosen), 2)), star_moment(fwhm)
    reach = 6.0 * np.sqrt(moment)  # beyond, less than 1e-3 pixel is left
    if len(chosen) == 0:
        return pull, np.zeros(0, bool)
    here, there = (np.stack([s.x, s.y], axis=1) for s in (chosen, all_sources))
    pairs = KDTree(here).sparse_distance_matrix(KDTree(there), reach, output_type="coo_matrix")
    apart = pairs.data > 1e-6  # pixels: not the source itself
    one, other, distance = pairs.row[apart], pairs.col[apart], pairs.data[apart]
    weight = all_sources.flux[other] / chosen.flux[one] * np.exp(-(distance**2) / (4.0 * moment))
    np.add.at(pull, one, (there[other] - here[one]) * weight[:, None])
    crowded = np.zeros(len(chosen), bool)
    crowded[one[weight * distance > NOTICEABLE / 10.0]] = True
    return pull, crowded
