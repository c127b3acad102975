"""Fields of sources that move, seen at some epochs, with reference stars of known motions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from star_fields import POLE, catalogs, field, noisy, sky

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.correction import affine
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import frames_at, from_plane, to_plane

ARCSEC = np.deg2rad(1.0 / 3600.0)
ORIGIN = 2016.0  # epoch of the reference catalog
REFERENCE_SIGMA, MOTION_SIGMA = 0.0003, 2e-5  # arcsec, arcsec/yr


@dataclass(frozen=True)
class Sky:
    """What moves, and what is known of it.

    Attributes
    ----------
    mean, scatter
        Of the stars' motions along each axis [mas/yr].
    galaxies
        Share of the sources that do not move.
    reference, known
        Number of reference stars, and the share of them whose motion is known.
    epochs, exposures, sources
        Of the exposures [Julian year], their number at each, and that of sources.
    """

    mean: float = -5.0
    scatter: float = 0.0
    galaxies: float = 0.0
    reference: int = 30
    known: float = 1.0
    epochs: tuple[float, ...] = (2022.5, 2025.5)
    exposures: int = 2
    sources: int = 120


@dataclass(frozen=True)
class MovingField:
    """Detections and reference, and the motions (G, 3) that put the groups right."""

    detections: Detections
    reference: Reference | None
    truth: np.ndarray

    def solved(self, options: Options | None = None) -> Solution:
        return solve_jointly(self.detections, len(self.truth), self.reference, options or Options())

    def errors(self, solution: Solution) -> np.ndarray:
        """Errors (G, 2) [arcsec] of where the middle of the field is put."""
        pole, out = frames_at(*POLE), []
        matrix, shift = affine("rshift", self.truth)
        for g, (turn, step) in enumerate(zip(matrix, shift, strict=True)):
            frame = frames_at(solution.groups.ra[g], solution.groups.dec[g])
            moved = to_plane(from_plane(np.linalg.solve(turn, -step)[None], pole), frame)
            moved = moved @ solution.groups.matrix[g].T + solution.groups.shift[g]
            out.append(to_plane(from_plane(moved, frame), pole)[0])
        return np.stack(out)


def moving_field(seed: int, world: Sky, sigma: float = 0.001) -> MovingField:
    """A field, reproducible by its seed; centroid errors are `sigma` [arcsec]."""
    rng = np.random.default_rng(seed)
    places, middle = field(rng, world.sources), float(np.mean(world.epochs))
    still = rng.random(world.sources) < world.galaxies
    motion = world.mean * np.array([1.0, 0.5]) + world.scatter * rng.normal(0, 1, places.shape)
    motion = 1e-3 * np.where(still[:, None], 0.0, motion)
    epoch = np.repeat(world.epochs, world.exposures)
    truth = np.concatenate(
        [rng.normal(0, 0.15, (len(epoch), 2)), rng.normal(0, 20 * ARCSEC, (len(epoch), 1))], axis=1
    )
    seen = []
    for time, turn, step in zip(epoch, *affine("rshift", truth), strict=True):
        there = (places + motion * (time - middle))[rng.random(world.sources) < 0.85]
        there = np.concatenate([there, field(rng, world.sources // 6)])
        seen.append(noisy(rng, np.linalg.solve(turn, (there - step).T).T, sigma))
    given = catalogs(*seen, sigma=sigma)
    given = replace(given, epoch=epoch[given.group])
    stars = np.flatnonzero(~still) if (~still).sum() >= world.reference else np.arange(len(still))
    chosen = rng.choice(stars, world.reference, replace=False)
    known = rng.random(world.reference) < world.known
    start = places[chosen] + motion[chosen] * (ORIGIN - middle)
    return MovingField(
        given,
        _reference(noisy(rng, start, REFERENCE_SIGMA), motion[chosen], known, epoch, rng),
        truth,
    )


def _reference(
    place: np.ndarray,
    motion: np.ndarray,
    known: np.ndarray,
    epoch: np.ndarray,
    rng: np.random.Generator,
) -> Reference | None:
    """Stars at `place` at `ORIGIN`, as they are at the epochs (G,) of the groups."""
    count, middle = len(place), float(np.mean(np.unique(epoch)))
    if count == 0:
        return None
    told = np.where(known[:, None], noisy(rng, motion, MOTION_SIGMA), 0.0)
    per_year = np.where(known, MOTION_SIGMA, 0.007)
    variance = REFERENCE_SIGMA**2 + per_year**2 * (middle - ORIGIN) ** 2
    every = [sky(place + told * (time - ORIGIN)) for time in epoch]
    square = np.broadcast_to(np.eye(2), (count, 2, 2))
    return Reference(
        *sky(place + told * (middle - ORIGIN)),
        covariance=variance[:, None, None] * square,
        epoch_ra=np.stack([ra for ra, _ in every]),
        epoch_dec=np.stack([dec for _, dec in every]),
        origin=np.full(count, ORIGIN),
        origin_covariance=REFERENCE_SIGMA**2 * square,
        motion_covariance=np.where(known[:, None, None], MOTION_SIGMA**2 * square, np.nan),
    )
