"""Small fields of catalogs for the tests of verdicts: positions in one tangent plane."""

from __future__ import annotations

import numpy as np

from tweakreg_step.alignment.group_rejection import group_frames
from tweakreg_step.alignment.solver.hierarchy import Model, Motions
from tweakreg_step.alignment.solver.iteration import Problem
from tweakreg_step.core.correction import parameter_count, prior_precision
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

POLE = 150.0, 30.0  # degrees
SIGMA = 0.002  # arcsec per axis


def field(rng: np.random.Generator, count: int, side: float = 120.0) -> np.ndarray:
    """Positions (count, 2) [arcsec] evenly over a square."""
    return rng.uniform(-0.5 * side, 0.5 * side, (count, 2))


def noisy(rng: np.random.Generator, place: np.ndarray, sigma: float = SIGMA) -> np.ndarray:
    """Positions measured with errors."""
    return place + rng.normal(0.0, sigma, place.shape)


def sky(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RA, DEC [degrees]."""
    return ra_dec(from_plane(place, frames_at(*POLE)))


def catalogs(*places: np.ndarray, sigma: float = SIGMA) -> Detections:
    """One group for each set of positions."""
    group = np.repeat(np.arange(len(places)), [len(place) for place in places])
    return Detections.simple(*sky(np.concatenate(places)), group, sigma)


def stars(place: np.ndarray, sigma: float = SIGMA) -> Reference:
    """A reference catalog."""
    covariance = np.broadcast_to(sigma**2 * np.eye(2), (len(place), 2, 2)).copy()
    return Reference(*sky(place), covariance)


def problem_of(
    detections: Detections, reference: Reference | None, options: Options
) -> tuple[Problem, Motions]:
    """All groups in one component, from the WCS as it is."""
    count = int(detections.group.max()) + 1
    width = parameter_count(options.fitgeometry)
    sigmas = options.shift_sigma, options.roll_sigma, options.scale_sigma
    prior = np.broadcast_to(prior_precision(options.fitgeometry, sigmas), (count, width)).copy()
    frames = group_frames(detections, count)
    model = Model(frames, options.fitgeometry, prior)
    anchored = np.full(count, reference is not None)
    problem = Problem(detections, reference, options, model, np.zeros(count, np.int64), anchored)
    return problem, Motions(np.zeros((count, width)))
