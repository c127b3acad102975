"""Bodies that match within the search radius, tied to each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching.false_matches.second_peak import OffsetAmbiguity

from .bodies import Bodies, compare_bodies, plain_ranges

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.options import Options

    from .bodies import BodyPair
    from .initial_registration import Registration


__all__ = ["with_tied_bodies"]


def with_tied_bodies(
    registration: Registration,
    detections: Detections,
    vectors: FloatArray,
    frames: FloatArray,
    options: Options,
) -> Registration:
    """The registration with bodies tied that match as wholes, though no two of their groups do.

    Parameters
    ----------
    registration
        Of the groups; its components are the bodies.
    detections, vectors
        The detections, and their directions (N, 3).
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    options
        Options of the alignment.
    """
    body = registration.component
    if len(np.unique(body[body >= 0])) < 2:
        return registration
    moved = np.einsum("nij,nj->ni", registration.rotation[detections.group], vectors)
    sigma = registration.sigma[body >= 0]
    bodies = Bodies(
        moved,
        mean_variance(detections.covariance),
        detections.group,
        detections.image,
        detections.flux,
        frames,
        body,
        4.0 * float(np.median(sigma)),
    )
    pairs = compare_bodies(bodies, plain_ranges(options), options.searchrad)
    start = registration
    for pair in sorted(pairs, key=lambda item: item.log_chance):
        if pair.turn is not None and pair.offset <= options.searchrad:
            registration = _tied(registration, start, pair, pair.turn)
    return registration


def _tied(
    registration: Registration, start: Registration, pair: BodyPair, turn: FloatArray
) -> Registration:
    """One pair tied: the body without reference stars, or else the second, is moved.

    `pair` refers to the bodies as they are in the registration `start`.
    """
    first, second = (
        np.flatnonzero(start.component == label)[0] for label in (pair.one, pair.other)
    )
    component, anchored = registration.component, registration.anchored
    if component[first] == component[second]:
        return registration
    if anchored[second]:
        first, second, turn = second, first, turn.T
    moves = component == component[second]
    rotation = registration.rotation.copy()
    since = [rotation[group] @ start.rotation[group].T for group in (first, second)]
    rotation[moves] = since[0] @ turn @ since[1].T @ rotation[moves]
    both = moves | (component == component[first])
    sigma = registration.sigma.copy()
    sigma[both] = np.maximum(sigma[both], pair.sigma)
    fewer = moves if 2 * moves.sum() <= both.sum() else both & ~moves
    relative, absolute = registration.ambiguity
    tied = anchored[first] & moves
    return replace(
        registration,
        rotation=rotation,
        component=np.where(moves, component[first], component),
        anchored=anchored | tied,
        sigma=sigma,
        ambiguity=(_with(relative, pair, fewer), _with(absolute, pair, tied)),
    )


def _with(ambiguity: OffsetAmbiguity, pair: BodyPair, groups: BoolArray) -> OffsetAmbiguity:
    """The ambiguity (G,), replaced by that of a pair where its tie holds the groups of a mask."""
    if pair.ambiguity is None or not pair.ambiguity.any[0]:
        return ambiguity
    count = len(groups)
    every = np.where(groups, count, np.arange(count))
    return OffsetAmbiguity.joined([ambiguity, pair.ambiguity]).take(every)
