"""Associate, solve, and associate again with the radius that the residuals ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import associate, homeward, nearest_stars, renumber
from tweakreg_step.core.sphere import directions

from .hierarchy import Model, Motions, moved_directions
from .links import link
from .robust import MATCHED_WEIGHT, Fit, fit

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options

    from .levels import Level
    from .links import Links


__all__ = [
    "AssociatedFit",
    "Problem",
    "converge",
    "everything",
    "match_counts",
    "with_levels",
]

_FRIENDS = 4.5
"""Radius in units of the error of a difference per axis: 4e-5 of true pairs are farther apart."""

_LEAST = 5e-4
"""Least radius [arcsec]: errors below 0.1 mas are not believed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be solved, the groups' ties being known.

    Attributes
    ----------
    detections, reference, options
        As given, in canonical order.
    model
        Planes, geometries and priors.
    component, anchored
        (G,) see `tweakreg_step.alignment.matching.initial_registration.Registration`.
    """

    detections: Detections
    reference: Reference | None
    options: Options
    model: Model
    component: IntArray
    anchored: BoolArray


def with_levels(
    problem: Problem, motions: Motions, *added: Level, without: str = ""
) -> tuple[Problem, Motions]:
    """The problem with more levels, whose motions start from zero, and without one of a name."""
    kept = [
        (level, phi)
        for level, phi in zip(problem.model.levels, motions.phi, strict=True)
        if level.name != without
    ]
    kept += [(level, np.zeros(level.prior.shape)) for level in added]
    model = replace(problem.model, levels=tuple(level for level, _ in kept))
    return replace(problem, model=model), Motions(motions.theta, tuple(phi for _, phi in kept))


@dataclass(frozen=True, slots=True)
class AssociatedFit:
    """A solution with its identifications.

    Attributes
    ----------
    links, index
        The linked detections, and which detection each is; N + m for reference star m.
    star
        (S,) reference star of each source, -1 where none.
    fit
        The robust solution.
    radius
        The match radius [arcsec].
    """

    links: Links
    index: IntArray
    star: IntArray
    fit: Fit
    radius: float


def everything(detections: Detections) -> Links:
    """All detections as links, each a source of its own."""
    count = len(detections)
    links, _ = link(detections, np.arange(count), None, np.full(count, -1))
    return links


def _identify(
    problem: Problem, moved: FloatArray, radii: tuple[float, float]
) -> tuple[IntArray, IntArray]:
    """Sources (N,) and their stars (S,), of detections at `moved` (N, 3)."""
    detections, reference = problem.detections, problem.reference
    radius, star_radius = radii
    separation, anchored = problem.options.separation, problem.anchored
    own = problem.component[detections.group]
    tied = np.where(anchored[detections.group], detections.group, -1)
    moved = homeward(moved, tied, reference, star_radius)
    source = associate(moved, detections.image, own, radius, separation)
    count = int(source.max(initial=-1)) + 1
    star = np.full(count, -1, np.int64)
    if reference is not None and anchored.any():
        kept = np.where(anchored[detections.group], source, -1)
        stars = nearest_stars(moved, kept, directions(reference.ra, reference.dec), star_radius)
        star[: len(stars)] = stars
    # A source needs two that see it, one of which may be the reference.
    needed = np.where(star >= 0, 1, 2)
    renamed = renumber(source, needed)
    alive = np.zeros(count, bool)
    alive[source[renamed >= 0]] = True
    return renamed, star[alive]


def match_counts(linked: AssociatedFit, group_count: int) -> tuple[IntArray, IntArray]:
    """Matches (G,) of each group with others or the reference, and (G,) with the reference.

    A detection counts if its weight is not small and another group, or a star, shares its source.
    """
    links = linked.links
    heavy = linked.fit.weight > MATCHED_WEIGHT
    own = heavy & (links.group >= 0)
    sources, groups = links.source[own], links.group[own]
    high = np.full(links.source_count, -1)
    low = np.full(links.source_count, group_count)
    np.maximum.at(high, sources, groups)
    np.minimum.at(low, sources, groups)
    tied = np.zeros(links.source_count, bool)
    tied[links.source[heavy & (links.group < 0)]] = True
    shared = (high > low) | tied
    every = np.bincount(groups[shared[sources]], minlength=group_count)
    absolute = np.bincount(groups[tied[sources]], minlength=group_count)
    return every.astype(np.int64), absolute.astype(np.int64)


def _next_radius(linked: AssociatedFit, limit: float) -> float:
    """Radius that holds the pairs of the least certain detections (98 per cent)."""
    trace = 0.5 * np.trace(linked.fit.covariance, axis1=1, axis2=2)
    sigma = float(np.sqrt(2.0 * np.quantile(trace, 0.98)))
    return float(np.clip(_FRIENDS * sigma, _LEAST, limit))


def converge(
    problem: Problem, start: Motions, radius: float, width: float = 0.0, passes: int = 3
) -> AssociatedFit | None:
    """Associate and solve until the match radius is that of the data; None if nothing matches.

    Parameters
    ----------
    problem
        What is to be solved.
    start
        Motions good to a fraction of `radius`.
    radius
        To start with [arcsec].
    width
        How far units of a level may be from where they start, per axis [arcsec].
    passes
        How often to associate.
    """
    options, model = problem.options, problem.model
    alone = everything(problem.detections)
    motions, linked = start, None
    for turn in range(passes):
        moved = moved_directions(alone, model, motions)
        radii = min(radius, options.tolerance), min(radius, options.abs_tolerance)
        source, star = _identify(problem, moved, radii)
        if len(star) == 0:
            return None
        links, index = link(problem.detections, source, problem.reference, star)
        rounds = options.nclip + 3 if turn == passes - 1 else 2 + min(turn, 1)
        wide = width if turn == 0 else 0.0
        solved = fit(links, model, motions, options.sigma, rounds, wide)
        linked = AssociatedFit(links, index, star, solved, radius)
        motions = solved.motions
        radius = _next_radius(linked, max(options.tolerance, options.abs_tolerance))
    return linked
