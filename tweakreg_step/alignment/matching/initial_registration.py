"""Initial registration: offset and roll of each group, the components, and why groups fail.

The plain search covers the errors of the pointing; groups that it fails to register get the wide
search, over rolls of degrees; and a component in which no single group matches the reference is
matched with it as one body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching.false_matches.periodic_fields import (
    periods,
    with_period_ambiguity,
)
from tweakreg_step.alignment.matching.false_matches.second_peak import OffsetAmbiguity
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import angular_distance, chord, rotation_matrices

from .association import friends_of_friends
from .body_ties import with_tied_bodies
from .corroboration import ambiguity_of_groups
from .cross_match import FoundEdges, Reach, catalog_of, find_edges, window_of
from .cycle_closure import consistent
from .known_pairs import KnownPairs, find_unknown_edges
from .overlap_graph import bridges, components, members, overlapping, well_connected
from .searched_catalogs import DOUBLE, Scene, scene_of, with_all_detections

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options


__all__ = ["Registration", "peak_offsets", "register_initially"]

_BRIDGE = float(np.log(1e-6))
"""Logarithm of the probability of chance below which an edge in no closed cycle is accepted."""

_NO_WIDE_SEARCH = (Code.ALIGNED, Code.NOT_CONNECTED)
"""Groups with these statuses get no wide search: they are registered, or overlap nothing."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The initial registration of G groups.

    Attributes
    ----------
    rotation
        (G, 3, 3) rotation that corrects each group's positions to a fraction of the match radius.
    component
        (G,) label of the connected component, -1 for groups without a match.
    anchored
        (G,) whether the component is tied to the reference.
    sigma
        (G,) error of a difference per axis, the largest of the group's edges [arcsec].
    status
        (G,) status of each group; ALIGNED if it is registered.
    ambiguity
        Ambiguity (G,) of the groups' relative positions, and of their absolute positions.
    """

    rotation: FloatArray
    component: IntArray
    anchored: BoolArray
    sigma: FloatArray
    status: tuple[Code, ...]
    ambiguity: tuple[OffsetAmbiguity, OffsetAmbiguity]


def _edges(
    scene: Scene, relative: IntArray, absolute: IntArray, roll: float | None = None
) -> FoundEdges:
    """Edges between pairs of groups (E, 2), then between the reference and groups (F,).

    `roll` is the largest roll [arcsec as angle]; None: that of the pointing prior.
    """
    options, node = scene.options, len(scene.frames)
    swing = 3.0 * options.roll_sigma if roll is None else roll
    usable = [
        (one, other, scene.catalogs[one], scene.catalogs[other]) for one, other in relative.tolist()
    ]
    fixed = [(node, g, scene.reference[g], scene.catalogs[g]) for g in absolute.tolist()]
    found = []
    none = 0.0, 0.0
    for edges, reach, start, known in (
        (
            usable,
            Reach(options.searchrad, swing * np.sqrt(2.0), options.tolerance),
            options.start,
            scene.known,
        ),
        (fixed, Reach(options.abs_searchrad, swing, options.abs_tolerance), none, None),
    ):
        kept = [(a, b, c, d) for a, b, c, d in edges if c is not None and d is not None]
        nodes = np.array([(a, b) for a, b, _, _ in kept], np.int64).reshape(-1, 2)
        pairs = [(c, d) for _, _, c, d in kept]
        found.append(find_unknown_edges(nodes, pairs, (reach, start, scene.frames), known))
    return FoundEdges.joined(found)


def _near_reference(scene: Scene) -> IntArray:
    """Groups (F,) with reference stars within reach."""
    near = []
    for group, (own, stars) in enumerate(zip(scene.catalogs, scene.reference, strict=True)):
        if own is None or stars is None:
            continue
        reach = chord(own.radius + scene.options.abs_searchrad)
        if stars.tree.query(scene.frames[group, 2])[0] <= reach:
            near.append(group)
    return np.array(near, np.int64)


def _agreeing(scene: Scene, found: FoundEdges) -> tuple[FloatArray, FoundEdges]:
    """Rotations (G + 1, 3, 3), and the accepted edges that close their cycles.

    Edges in no cycle must be more significant than others.
    """
    count = len(scene.frames)
    limit = min(scene.options.tolerance, scene.options.abs_tolerance)
    good = found.take(found.accepted)
    rotation, agrees = consistent(good.edges, count + 1, count, limit)
    kept = good.take(agrees)
    unchecked = bridges(kept.edges.pairs, count + 1) & (kept.edges.log_chance > _BRIDGE)
    if unchecked.any():
        kept = kept.take(~unchecked)
        rotation, agrees = consistent(kept.edges, count + 1, count, limit)
        kept = kept.take(agrees)
    return rotation, kept


def _reasons(count: int, found: FoundEdges, kept: FoundEdges) -> list[Code]:
    """Status (G,) of each group: ALIGNED if it has an accepted edge, else why it has none."""
    touched = {
        Code.NO_MATCH: found.edges.pairs,
        Code.INCONSISTENT: found.edges.pairs[found.accepted],
        Code.AMBIGUOUS: found.edges.pairs[found.significant & found.rival],
        Code.ALIGNED: kept.edges.pairs,
    }
    status = [Code.NOT_CONNECTED] * count
    for reason, pairs in touched.items():
        for node in np.unique(pairs):
            if node < count:
                status[node] = reason
    return status


def _component_onto_reference(
    scene: Scene, member: IntArray, rotation: FloatArray, radius: float
) -> tuple[FloatArray, OffsetAmbiguity] | None:
    """Rotation (3, 3) that moves a component as one body onto the reference; None if none does.

    And its ambiguity (1,).
    """
    own = np.sort(np.concatenate([scene.rows[group] for group in member]))
    vectors = np.einsum("nij,nj->ni", rotation[scene.group[own]], scene.vectors[own])
    label = friends_of_friends(vectors, float(chord(radius)))
    size = np.bincount(label)
    sums = np.stack([np.bincount(label, axis) for axis in vectors.T], axis=1) / size[:, None]
    merged = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    noise = np.median([item.variance for item in scene.catalogs if item is not None])
    covariance = np.broadcast_to(noise * np.eye(2), (len(merged), 2, 2))
    image = np.zeros(len(merged), np.int64)
    catalog = catalog_of(merged, covariance, image, scene.options.separation, DOUBLE)
    stars = scene.reference[int(member[0])]
    if stars is None:
        return None
    options = scene.options
    reach = Reach(options.abs_searchrad, 3.0 * options.roll_sigma, options.abs_tolerance)
    found = find_edges(np.zeros((1, 2), np.int64), [(stars, catalog)], reach)
    if not found.accepted[0] or found.edges.log_chance[0] > _BRIDGE:
        return None
    return np.asarray(rotation_matrices(found.edges.vector)[0]), found.ambiguity


def _search(
    scene: Scene,
    roll: float | None,
    only: BoolArray | None,
    partners: BoolArray | None = None,
) -> FoundEdges:
    """Search all edges, or those with an end in the groups `only` (G,).

    `partners` (G,) are the groups that the other end may be in; None: any.
    """
    options = scene.options
    margin = options.searchrad + float(np.hypot(*options.start))
    pairs, expected = overlapping(scene.vectors, scene.group, scene.frames, margin)
    if partners is not None:
        allowed = partners[pairs].any(axis=1)
        pairs, expected = pairs[allowed], expected[allowed]
    chosen = pairs[well_connected(pairs, expected, len(scene.frames))]
    absolute = _near_reference(scene)
    if only is not None:
        chosen = chosen[only[chosen].any(axis=1)]
        absolute = absolute[only[absolute]]
    return _with_missed(scene, _edges(scene, chosen, absolute, roll), roll)


def _with_missed(scene: Scene, found: FoundEdges, roll: float | None) -> FoundEdges:
    """The edges; those that a part of the detections does not show are searched with all of them.

    A small overlap may lie in cells of the sky that are not searched.
    """
    count, pairs = len(scene.frames), found.edges.pairs
    unsure = ~found.significant | (found.edges.log_chance > _BRIDGE)
    missed = unsure & np.append(scene.in_part, False)[pairs].any(axis=1)
    if not missed.any():
        return found
    again = pairs[missed]
    fixed = (again == count).any(axis=1)
    whole = with_all_detections(scene, np.unique(again[again < count]))
    more = _edges(whole, again[~fixed], again[fixed, 1], roll)
    return FoundEdges.joined([found.take(~missed), more])


def register_initially(
    detections: Detections,
    frames: FloatArray,
    reference: Reference | None,
    options: Options,
    suspect: BoolArray | None = None,
    known: KnownPairs | None = None,
) -> Registration:
    """Find offset and roll of each group relative to the others and to the reference.

    Parameters
    ----------
    detections
        Detections of all groups.
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    reference, options
        The reference catalog, or None, and the options.
    suspect
        (G,) mask of groups for which only the wide search counts: if they are rolled by degrees,
        the plain one may match a part of their sources.
    known
        Pairs of groups whose motions are known, to which those that are found are added.
    """
    count = len(frames)
    scene = replace(scene_of(detections, frames, reference, options), known=known)
    found = _search(scene, None, None)
    if suspect is not None:
        ignored = np.append(suspect, False)[found.edges.pairs].any(axis=1)
        found = replace(found, significant=found.significant & ~ignored)
    rotation, kept = _agreeing(scene, found)
    status = _reasons(count, found, kept)
    lost = np.array([item not in _NO_WIDE_SEARCH for item in status], bool)
    if lost.any() and options.max_roll > 3.0 * options.roll_sigma:
        wide = _search(scene, options.max_roll, lost)
        if wide.accepted.any():
            found = FoundEdges.joined([found.take(found.accepted), wide])
            rotation, kept = _agreeing(scene, found)
            status = _reasons(count, found, kept)
    registration = _registration(scene, rotation, kept, status)
    return with_tied_bodies(registration, detections, scene.vectors, frames, options)


def peak_offsets(
    detections: Detections,
    frames: FloatArray,
    reference: Reference | None,
    options: Options,
    between: tuple[BoolArray, BoolArray | None],
    roll: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Offsets [arcsec] of the most significant histogram peaks of some groups, for remedies.

    Parameters
    ----------
    detections, frames, reference, options
        As for `register_initially`.
    between
        (G,) masks of the groups, and of those that they are compared with; None: all.
    roll
        Largest roll [arcsec as angle]; None: that of the pointing prior.

    Returns
    -------
    relative, absolute
        (G,) to other groups and to the reference; NaN where no peak is significant.
    """
    count = len(frames)
    only, partners = between
    found = _search(scene_of(detections, frames, reference, options), roll, only, partners)
    good = found.take(np.flatnonzero(found.significant))
    order = np.argsort(-good.edges.log_chance, kind="stable")  # the most significant is last
    edges = good.edges.take(order)
    moved = np.einsum("eij,ej->ei", rotation_matrices(edges.vector), edges.direction)
    size = angular_distance(moved, edges.direction)
    out = np.full((2, count + 1), np.nan)
    fixed = (edges.pairs == count).any(axis=1)
    for kind, chosen in enumerate((~fixed, fixed)):
        for end in (0, 1):
            out[kind, edges.pairs[chosen, end]] = size[chosen]
    out[:, :count][:, ~only] = np.nan
    return out[0, :count], out[1, :count]


def _registration(
    scene: Scene, rotation: FloatArray, kept: FoundEdges, status: list[Code]
) -> Registration:
    count = len(scene.frames)
    label = components(kept.edges.pairs, count + 1)
    tied = np.array([item is Code.ALIGNED for item in status], bool)
    component = np.where(tied, label[:count], -1)
    anchored = tied & (label[:count] == label[count])
    options = scene.options
    reach = Reach(options.searchrad, 0.0, options.tolerance)
    noise = [item.variance for item in scene.catalogs if item is not None]
    window = window_of(reach, 2.0 * float(np.median(noise))) if noise else options.tolerance
    repeats = periods(scene.catalogs, options.searchrad, window)
    kept = with_period_ambiguity(kept, repeats, options.searchrad)
    relative, absolute = ambiguity_of_groups(kept.edges.pairs, kept.ambiguity, count)
    sigma = np.zeros(count + 1)
    np.maximum.at(sigma, kept.edges.pairs.ravel(), np.repeat(kept.sigma, 2))
    for member in members(np.where(anchored, -1, component)):
        if scene.reference[0] is None or len(member) < 2:
            continue
        radius = 4.0 * float(np.median(sigma[member]))
        whole = _component_onto_reference(scene, member, rotation, radius)
        if whole is not None:
            rotation[member] = whole[0] @ rotation[member]
            anchored[member] = True
            every = np.where(np.isin(np.arange(count), member), count, np.arange(count))
            absolute = OffsetAmbiguity.joined([absolute, whole[1]]).take(every)
    # all groups that are tied to the reference are one component
    component[anchored] = label[count]
    ambiguity = relative, absolute
    return Registration(
        rotation[:count], component, anchored, sigma[:count], tuple(status), ambiguity
    )
