"""Association of detections to sources and robust fit in turn, with a shrinking match radius."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching import associate, nearest_stars, renumber, to_reference_epoch
from tweakreg_step.core.sphere import ARCSEC, directions, frames_of

from .hierarchy import Model, Motions, linearise, moved_directions
from .links import Links, link
from .motions.field_motion import FIELD
from .motions.parents import Parent
from .normal_equations import solve_step
from .robust import Fit, Start, fit
from .weights import MATCHED_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options

    from .motions.field_motion import FieldMotion
    from .motions.levels import Level


__all__ = [
    "AssociatedFit",
    "Problem",
    "common_directions",
    "converge",
    "fit_again",
    "honest_factor",
    "identified",
    "match_counts",
    "unassociated_links",
    "with_levels",
]

_RADIUS_SIGMAS = 4.5
"""Match radius in units of the error of a difference per axis: 4e-5 of the true pairs of normally
distributed errors are farther apart."""

_LAST_ROUNDS = 6
"""Rounds of reweighting of the last fit; those of earlier ones are few."""

_MIN_RADIUS = 5e-4
"""Smallest match radius [arcsec]: catalogs have no errors below 0.1 mas."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The least-squares problem of G groups after their initial registration.

    Attributes
    ----------
    detections, reference, options
        Input of the alignment, in canonical order.
    model
        Tangent planes, geometries and priors of the corrections.
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
    problem: Problem,
    motions: Motions,
    *added: Level | FieldMotion | Parent,
    without: Sequence[str] = (),
) -> tuple[Problem, Motions]:
    """The problem with levels and parents `added`, whose motions start from zero.

    Those named in `without` are left out.
    """
    model = problem.model
    every = zip(model.units, (*motions.phi, *motions.parents), strict=True)
    kept = [(one, phi) for one, phi in every if one.name not in without]
    kept += [(one, np.zeros(one.prior.shape)) for one in added]
    parents = [(one, phi) for one, phi in kept if isinstance(one, Parent)]
    levels = [(one, phi) for one, phi in kept if not isinstance(one, Parent)]
    model = replace(
        model,
        levels=tuple(level for level, _ in levels),
        parents=tuple(parent for parent, _ in parents),
    )
    found = (tuple(phi for _, phi in some) for some in (levels, parents))
    return replace(problem, model=model), Motions(motions.theta, *found)


@dataclass(frozen=True, slots=True)
class AssociatedFit:
    """A robust fit together with the association of detections to sources that it used.

    Attributes
    ----------
    links, index
        The L detections that belong to a source, and their indices (L,) among the N detections of
        the run; N + m for reference star m.
    star
        (S,) index of the reference star of each source, -1 where none.
    fit
        The robust fit.
    radius, star_radius
        The match radius of the association, and that with reference stars [arcsec].
    """

    links: Links
    index: IntArray
    star: IntArray
    fit: Fit
    radius: float
    star_radius: float

    def motion(self, *, with_field: bool = False) -> FloatArray:
        """Path (L, 2) [arcsec] of each link's source since its origin, less that of its star.

        Parameters
        ----------
        with_field
            Whether the motion of the field is a part of it.
        """
        tau, latent = self.links.tau, self.fit.step.latent
        path = np.zeros((len(self.index), 2))
        if tau is None:
            return path
        path += tau[:, None] * latent[self.links.source, 2:]
        if with_field:
            path += self.fit.field_path
        return path


def unassociated_links(detections: Detections) -> Links:
    """All detections in the form of links, each being a source of its own."""
    every = np.arange(len(detections))
    return Links(
        vectors=directions(detections.ra, detections.dec),
        covariance=detections.covariance,
        group=detections.group,
        image=detections.image,
        detection=every,
        drift=np.zeros((len(every), 2)),
        source=every,
        source_count=len(every),
        detector=detections.detector,
        floor=detections.floor,
    )


def _identify(
    problem: Problem, moved: FloatArray, radii: tuple[float, float]
) -> tuple[IntArray, IntArray]:
    """Source (N,) of each detection at directions `moved` (N, 3), and star (S,) of each source.

    The directions are at one epoch. `radii` are those of the matches with other groups and with the
    reference [arcsec].
    """
    detections, reference = problem.detections, problem.reference
    radius, star_radius = radii
    separation, anchored = problem.options.separation, problem.anchored
    own = problem.component[detections.group]
    source = associate(moved, detections.image, own, radius, separation)
    count = int(source.max(initial=-1)) + 1
    star = np.full(count, -1, np.int64)
    if reference is not None and anchored.any():
        kept = np.where(anchored[detections.group], source, -1)
        stars = nearest_stars(moved, kept, directions(reference.ra, reference.dec), star_radius)
        star[: len(stars)] = stars
    # A source needs two detections, or one and a reference star.
    needed = np.where(star >= 0, 1, 2)
    renamed = renumber(source, needed)
    alive = np.zeros(count, bool)
    alive[source[renamed >= 0]] = True
    return renamed, star[alive]


def _identified(
    problem: Problem, every: Links, model: Model, motions: Motions, radii: tuple[float, float]
) -> tuple[IntArray, IntArray]:
    """As `_identify`, from the motions of all detections in the form of links."""
    moved = moved_directions(every, model, motions)
    return _identify(problem, _at_one_epoch(problem, moved, model, motions, radii[1]), radii)


def identified(problem: Problem, motions: Motions, radius: float) -> IntArray:
    """Source (N,) of each detection after some motions, -1 where none; as `converge` begins."""
    every, radii = unassociated_links(problem.detections), _limited(radius, problem.options)
    return _identified(problem, every, problem.model, motions, radii)[0]


def _limited(radius: float, options: Options) -> tuple[float, float]:
    """A match radius for other groups and for the reference [arcsec]."""
    return min(radius, options.tolerance), min(radius, options.abs_tolerance)


def honest_factor(problem: Problem, associated: AssociatedFit) -> Factor:
    """Factor of the normal matrix whose inverse is the covariance of a fit.

    Where the epoch of a reference is known but no motion of its stars, the fit takes the field's
    motion to be zero. What is claimed allows for the motion that it may have.
    """
    fit, links, model = associated.fit, associated.links, problem.model
    reference = problem.reference
    if model.field is None or links.told or not problem.anchored.any():
        return fit.step.factor
    if reference is None or reference.origin is None:
        return fit.step.factor
    linear = linearise(replace(links, told=True), model, fit.motions)
    return solve_step(linear, links, model, fit.motions, fit.precision).factor


def match_counts(associated: AssociatedFit, group_count: int) -> tuple[IntArray, IntArray]:
    """Numbers (G,) of each group's matches with anything, and (G,) with the reference.

    A detection counts as matched if its robust weight is above `MATCHED_WEIGHT` and another group
    or a reference star shares its source.
    """
    links = associated.links
    heavy = associated.fit.weight > MATCHED_WEIGHT
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


def _at_one_epoch(
    problem: Problem, moved: FloatArray, model: Model, motions: Motions, radius: float
) -> FloatArray:
    """Directions (N, 3) without the motions of stars, where they are near one, and of the field."""
    detections = problem.detections
    tied = np.where(problem.anchored[detections.group], detections.group, -1)
    still = to_reference_epoch(moved, tied, problem.reference, radius)
    if model.field is None:
        return still
    mean = motions.phi[model.level(FIELD)][0]
    others = (still == moved).all(axis=1) & np.isfinite(detections.epoch)
    path = (detections.epoch[others] - model.field.start)[:, None] * mean
    axes = frames_of(moved[others])[:, :2]
    still = still.copy()
    still[others] -= np.einsum("ni,nij->nj", path / ARCSEC, axes)
    return np.asarray(still / np.linalg.norm(still, axis=1, keepdims=True))


def common_directions(problem: Problem, associated: AssociatedFit) -> FloatArray:
    """Corrected directions (N, 3) of all detections, those of sources that move at one epoch."""
    model, motions = problem.model, associated.fit.motions
    moved = moved_directions(unassociated_links(problem.detections), model, motions)
    still = _at_one_epoch(problem, moved, model, motions, associated.radius)
    own = associated.links.group >= 0
    if model.field is None or not own.any():
        return still
    # of sources, what their fit has
    path = (associated.links.drift + associated.motion(with_field=True))[own]
    place = associated.index[own]
    axes = frames_of(moved[place])[:, :2]
    still[place] = moved[place] - np.einsum("ni,nij->nj", path / ARCSEC, axes)
    return np.asarray(still / np.linalg.norm(still, axis=1, keepdims=True))


def _next_radii(associated: AssociatedFit, options: Options) -> tuple[float, float]:
    """Match radii [arcsec] for the errors that 98 % of the detections, and of the stars, have.

    Between epochs sources of unknown motion may lie farther apart.
    """
    variance, links = mean_variance(associated.fit.covariance), associated.links
    star = links.group < 0
    own = float(np.quantile(variance[~star], 0.98))
    other = float(np.quantile(variance[star], 0.98)) if star.any() else own
    span = 0.0 if links.tau is None else float(np.ptp(links.tau[~star]))
    sigmas = np.sqrt(np.array([2.0 * own, own + other]) + links.spread * span**2)
    limits = options.tolerance, options.abs_tolerance
    first, second = np.clip(_RADIUS_SIGMAS * sigmas, _MIN_RADIUS, limits)
    return float(first), float(second)


def converge(
    problem: Problem, start: Motions, radius: float, width: float = 0.0, passes: int = 3
) -> AssociatedFit | None:
    """Associate and fit in turn, the match radius following the fitted errors.

    Parameters
    ----------
    problem
        The problem to solve.
    start
        Initial motions, accurate to a fraction of `radius`.
    radius
        Initial match radius [arcsec].
    width
        How far units of a level may be from where they start, per axis [arcsec].
    passes
        Number of associations.

    Returns
    -------
    AssociatedFit or None
        None if no detections match.
    """
    options, model = problem.options, problem.model
    unassociated = unassociated_links(problem.detections)
    motions, associated = start, None
    radii = _limited(radius, options)
    for turn in range(passes):
        source, star = _identified(problem, unassociated, model, motions, radii)
        if len(star) == 0:
            return None
        links, index = link(problem.detections, source, problem.reference, star, model.field)
        rounds = _LAST_ROUNDS if turn == passes - 1 else 2 + min(turn, 1)
        wide = width if turn == 0 else 0.0
        solved = fit(links, model, Start(motions, wide), options.sigma, rounds)
        associated = AssociatedFit(solved.links, index, star, solved, *radii)
        motions, model = solved.motions, model.with_spread(solved.links.spread)
        radii = _next_radii(associated, options)
    return associated


def fit_again(problem: Problem, start: Motions, known: AssociatedFit) -> AssociatedFit:
    """The fit of a problem whose sources, weights and errors are nearly those of another fit.

    Parameters
    ----------
    problem, start
        The problem, and motions near its solution.
    known
        The fit of the same detections with other priors, or with more general motions.
    """
    model, links = problem.model.with_spread(known.links.spread), known.links
    begin = Start(start, before=known.fit)
    solved = fit(links, model, begin, problem.options.sigma, _LAST_ROUNDS)
    return replace(known, links=solved.links, fit=solved)
