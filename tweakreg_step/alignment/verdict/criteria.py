"""Criteria that reject groups of a fit, and the findings on all groups at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching import members, to_reference_epoch
from tweakreg_step.alignment.solver import (
    MATCHED_WEIGHT,
    common_directions,
    match_counts,
    moved_directions,
    unassociated_links,
)
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import ARCSEC, chord, directions

from .chance import Chances, chance
from .decision import absolute_finding, is_noise, relative_finding
from .evidence import clusters, evidence
from .rejected_stars import rejected_stars
from .two_clumps import second_clumps

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import OffsetAmbiguity
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.evidence import Diagnosis, Evidence, Finding
    from tweakreg_step.core.image_errors import ImageErrors

    from .chance import Chance
    from .image_evidence import ImageEvidence
    from .image_offsets import ImageOffsets
    from .two_clumps import Clumps

    Diagnoses = tuple[list[Diagnosis | None], list[Diagnosis | None]]


__all__ = ["findings", "groups_to_reject", "star_counts", "stars_near"]


def groups_to_reject(
    problem: Problem, associated: AssociatedFit | None
) -> tuple[dict[int, Code], BoolArray, Chances | None]:
    """Groups whose correction must not be applied, and groups to untie from the reference.

    Parameters
    ----------
    problem, associated
        The problem and its fit, None where nothing matches.

    Returns
    -------
    rejected, weakly_anchored
        Status of each rejected group by its index, and a mask (G,).
    numbers
        Matches against chance; None where they were not needed.
    """
    active = np.flatnonzero(problem.component >= 0)
    none = np.zeros(len(problem.component), bool)
    if associated is None:
        return dict.fromkeys(active.tolist(), Code.TOO_FEW_MATCHES), none, None
    few = _too_few_matches(problem, associated, active)
    far = {} if few else _implausible(problem, associated, active)
    if far:
        return far, none, None
    tied, moved = bool(problem.anchored.any()), common_directions(problem, associated)
    absolute = chance(problem, associated, moved, absolute=True) if tied else None
    weakly_anchored = _weakly_anchored(problem, associated, absolute)
    if few or weakly_anchored.any():
        return few, weakly_anchored, None
    numbers = Chances(chance(problem, associated, moved, absolute=False), absolute, moved)
    return _noise(numbers.relative, numbers.absolute, active), weakly_anchored, numbers


def _too_few_matches(
    problem: Problem, associated: AssociatedFit, active: IntArray
) -> dict[int, Code]:
    """Groups with fewer matches than 'minobj': the worst half of them, others may recover."""
    options = problem.options
    matches, _ = match_counts(associated, len(problem.component))
    needed = np.where(problem.anchored, min(options.minobj, options.abs_minobj), options.minobj)
    few = active[matches[active] < needed[active]]
    if len(few) == 0:
        return {}
    # One at a time is slow; all at once would reject groups that have enough without the worst.
    least = few[matches[few] <= max(1, int(np.median(matches[few])))]
    return dict.fromkeys(least.tolist(), Code.TOO_FEW_MATCHES)


def _implausible(problem: Problem, associated: AssociatedFit, active: IntArray) -> dict[int, Code]:
    """Groups whose shift, roll or scale is larger than the search could have found."""
    options, theta = problem.options, associated.fit.motions.theta
    reach = max(options.searchrad, options.abs_searchrad) + float(np.hypot(*options.start))
    limit = 2.0 * reach * np.sqrt(len(active))
    far = np.hypot(theta[active, 0], theta[active, 1]) > limit
    most = max(options.max_roll, 3.0 * options.roll_sigma)  # the wide search or the plain one
    far |= np.abs(theta[active, 2:3]).sum(axis=1) > 2.0 * np.deg2rad(most / 3600.0)
    far |= np.abs(theta[active, 3:]).max(axis=1, initial=0.0) > 100.0 * options.scale_sigma
    return dict.fromkeys(active[far].tolist(), Code.IMPLAUSIBLE)


def _noise(relative: Chance, absolute: Chance | None, active: IntArray) -> dict[int, Code]:
    """Groups whose matches, relative and absolute, are no more than expected by chance."""
    noise = np.array([is_noise(*row) for row in _rows(relative)], bool)
    if absolute is not None:
        noise &= np.array([is_noise(*row) for row in _rows(absolute)], bool)
    return dict.fromkeys(active[noise[active]].tolist(), Code.NO_MATCH)


def _rows(numbers: Chance) -> list[tuple[float, float]]:
    return list(zip(numbers.log10.tolist(), np.nan_to_num(numbers.spread).tolist(), strict=True))


def _weakly_anchored(
    problem: Problem, associated: AssociatedFit, numbers: Chance | None
) -> BoolArray:
    """Groups (G,) of clusters with too few reference stars, or no more than expected by chance."""
    anchored = problem.anchored
    weakly_anchored = np.zeros(len(anchored), bool)
    if numbers is None:
        return weakly_anchored
    label = clusters(associated, len(anchored))
    stars = star_counts(associated, len(anchored))
    sure = ~np.array([is_noise(*row) for row in _rows(numbers)], bool)
    for member in members(np.where(anchored, label, -1)):
        few = int(stars[member[0]]) < problem.options.abs_minobj
        weakly_anchored[member] = few or not sure[member].any()
    return weakly_anchored


def star_counts(associated: AssociatedFit, count: int) -> IntArray:
    """Number (G,) of different reference stars that a group matches with all that are tied to it.

    Three stars on ten dithers are three: repeated detections do not determine a motion any better.
    """
    links, label = associated.links, clusters(associated, count)
    star = associated.star[links.source]
    seen = (associated.fit.weight > MATCHED_WEIGHT) & (links.group >= 0) & (star >= 0)
    return _different(label[links.group[seen]], star[seen], label)


def stars_near(problem: Problem, associated: AssociatedFit, radius: float) -> IntArray:
    """As `star_counts`, of the stars within `radius` [arcsec], matched or not."""
    detections, reference = problem.detections, problem.reference
    label = clusters(associated, len(problem.component))
    if reference is None or len(reference) == 0:
        return np.zeros(len(label), np.int64)
    moved = moved_directions(unassociated_links(detections), problem.model, associated.fit.motions)
    tied = np.where(problem.anchored[detections.group], detections.group, -1)
    moved = to_reference_epoch(moved, tied, reference, radius)
    tree = cKDTree(directions(reference.ra, reference.dec))
    distance, star = tree.query(moved, distance_upper_bound=float(chord(radius)))
    near = np.isfinite(distance) & (tied >= 0)
    return _different(label[detections.group[near]], star[near], label)


def _different(cluster: IntArray, star: IntArray, label: IntArray) -> IntArray:
    """Number (G,) of different stars (N,) of each group's cluster, `label` (G,)."""
    pairs = np.unique(np.stack([cluster, star], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=int(label.max(initial=-1)) + 1)[label]


def findings(
    problem: Problem,
    associated: AssociatedFit | None,
    outcome: tuple[tuple[Code, ...], Diagnoses],
    of_images: tuple[ImageErrors, ImageEvidence | None],
    numbers: tuple[Chances, FloatArray] | None,
    ambiguity: tuple[OffsetAmbiguity, OffsetAmbiguity] | None = None,
) -> tuple[list[Finding], list[Finding]]:
    """The findings (G,) of the relative and of the absolute phase.

    Parameters
    ----------
    problem, associated
        The problem and its fit, None if nothing could be aligned.
    outcome
        Statuses (G,), and the diagnoses (G,) of the failures of each phase.
    of_images
        Errors (I,) of the images, and the evidence on them; None if nothing could be aligned.
    numbers
        Matches against chance, and positions (L, 2) after a fit without the reserved sources, see
        `positions_without`; None if nothing could be aligned.
    ambiguity
        (G,) evidence for another initial offset, for each phase; None where there was no search.
    """
    status, (failed, unanchored) = outcome
    (errors, images), count = of_images, len(status)
    pieces: list[list[Evidence | None]] = [[None] * count, [None] * count]
    alone = np.ones(count, bool)
    noise = star_noise = np.full(count, np.inf)
    if associated is not None and numbers is not None:
        matches, predicted = numbers
        of_fit = problem, associated, errors
        pieces[0] = list(evidence(*of_fit, matches.relative, predicted, absolute=False))
        if matches.absolute is not None:
            found = evidence(*of_fit, matches.absolute, predicted, absolute=True)
            rejected = rejected_stars(problem, associated).tolist()
            pieces[1] = [
                piece and replace(piece, rejected_stars=number)
                for piece, number in zip(found, rejected, strict=True)
            ]
        label = clusters(associated, count)
        alone = np.bincount(label)[label] == 1
        noise = _noise_mas(associated, count)
        star_noise = np.hypot(noise, _star_noise_mas(associated))
    if images is not None:
        detections = problem.detections
        pieces[0] = _with_images(detections, images.relative, images.off, pieces[0])
        if images.absolute is not None:
            off = images.absolutely_off
            pieces[1] = _with_images(detections, images.absolute, off, pieces[1])
    if ambiguity is not None:
        pieces = [
            _with_ambiguity(piece, doubt) for piece, doubt in zip(pieces, ambiguity, strict=True)
        ]
    if associated is not None and numbers is not None:
        pieces[0] = _with_clumps(pieces[0], second_clumps(problem, numbers[0].moved))
    relative = [
        relative_finding(status[g], pieces[0][g], float(noise[g]), failed[g], alone=bool(alone[g]))
        for g in range(count)
    ]
    absolute = [
        absolute_finding(
            status[g],
            pieces[1][g],
            float(star_noise[g]),
            failed[g] if status[g] is Code.TOO_FEW_SOURCES else unanchored[g] or failed[g],
            anchored=bool(problem.anchored[g]),
        )
        for g in range(count)
    ]
    return relative, absolute


def _with_images(
    detections: Detections,
    found: ImageOffsets,
    off: BoolArray,
    pieces: list[Evidence | None],
) -> list[Evidence | None]:
    """The evidence (G,) with that of the groups' single images (I,) added."""
    count = len(pieces)
    group = np.zeros(len(off), np.int64)
    group[detections.image] = detections.group
    number = np.bincount(group[off], minlength=count)
    largest, roll = np.zeros(count), np.zeros(count)
    np.maximum.at(largest, group[off], 1e3 * np.hypot(*found.offset[off].T))
    np.maximum.at(roll, group[off], ARCSEC * np.abs(found.roll[off]))
    columns = number.tolist(), largest.tolist(), roll.tolist()
    return [
        piece and replace(piece, images_off=n, image_offset_mas=mas, image_roll_arcsec=turn)
        for piece, n, mas, turn in zip(pieces, *columns, strict=True)
    ]


def _with_ambiguity(
    pieces: list[Evidence | None], ambiguity: OffsetAmbiguity
) -> list[Evidence | None]:
    """The evidence with that of the search for another offset added."""
    distance = 1e3 * np.nan_to_num(ambiguity.distance)
    columns = ambiguity.second.tolist(), distance.tolist(), ambiguity.pinned.tolist()
    return [
        piece and replace(piece, second_matches=n, second_offset_mas=mas, pinned_matches=pinned)
        for piece, n, mas, pinned in zip(pieces, *columns, strict=True)
    ]


def _with_clumps(pieces: list[Evidence | None], clumps: Clumps) -> list[Evidence | None]:
    """The evidence with a second offset below the search's resolution, if there is no other."""
    columns = clumps.count.tolist(), (1e3 * clumps.distance).tolist()
    return [
        replace(piece, second_matches=n, second_offset_mas=mas)
        if piece and n and not (piece.second_matches or piece.images_off)
        else piece
        for piece, n, mas in zip(pieces, *columns, strict=True)
    ]


def _noise_mas(associated: AssociatedFit, count: int) -> FloatArray:
    """Typical error (G,) of a detection per axis [mas], infinite where a group has none."""
    own = associated.links.group >= 0
    variance = mean_variance(associated.fit.covariance)[own]
    group = associated.links.group[own]
    size = np.bincount(group, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(group, variance, minlength=count) / size
    return np.asarray(np.where(size > 0, 1e3 * np.sqrt(mean), np.inf))


def _star_noise_mas(associated: AssociatedFit) -> float:
    """Typical error of a reference star per axis [mas], 0 where there are none."""
    star = associated.links.group < 0
    variance = mean_variance(associated.fit.covariance)[star]
    return 1e3 * float(np.sqrt(np.mean(variance))) if star.any() else 0.0
