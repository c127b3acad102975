"""Nested motions of groups and levels: corrected positions of detections and their derivatives.

The vector of all P parameters is that of the groups, one group after another, then of the units of
each level, see `levels`, then of the parents, see `parents`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tweakreg_step.alignment.linalg import products_2x2, source_sums
from tweakreg_step.core.correction import affine, design_in
from tweakreg_step.core.sphere import (
    ARCSEC,
    carried,
    frames_of,
    from_plane,
    plane_jacobian,
    to_plane,
)

from .motions.field_motion import FieldMotion
from .motions.parents import GROUPS, Bonds, bonds_of

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .links import Links
    from .motions.levels import Level
    from .motions.parents import Parent

__all__ = ["Linear", "Model", "Motions", "linearise", "moved_directions", "narrowed", "places_in"]

_ROWS = 8192
"""Detections whose positions are computed at once, to stay in a cache."""


@dataclass(frozen=True, slots=True)
class Model:
    """Tangent planes, geometries and priors of the motions.

    Attributes
    ----------
    frames
        (G, 3, 3) axes east, north and outward of the groups' tangent planes.
    geometry
        Fit geometry of the groups' motions.
    prior
        (G, p) inverse variances of the groups' parameters, less what their parents move them by.
    levels
        Further motions of the detections, in addition to those of their groups.
    parents
        Motions that groups, or units of a level, have in common.
    gauge
        (G, p) weights of the groups in the mean correction that is made zero; None: `prior`.
    own
        Variance per axis of what images move by beside all levels [arcsec^2], see `own_columns`.
    """

    frames: FloatArray
    geometry: str
    prior: FloatArray
    levels: tuple[Level | FieldMotion, ...] = ()
    parents: tuple[Parent, ...] = ()
    gauge: FloatArray | None = None
    own: float = 0.0

    @property
    def precision(self) -> FloatArray:
        """(P,) prior inverse variances of all parameters: of groups, then levels, then parents."""
        return np.concatenate([self.prior.ravel(), *(one.prior.ravel() for one in self.units)])

    @property
    def units(self) -> tuple[Level | FieldMotion | Parent, ...]:
        """The levels, then the parents."""
        return (*self.levels, *self.parents)

    @property
    def bonds(self) -> Bonds:
        """The differences of children from their parents, and their inverse variances."""
        starts, place = {GROUPS: 0}, self.prior.size
        for level in self.levels:
            starts[level.name], place = place, place + level.prior.size
        parents = []
        for parent in self.parents:
            parents.append((place, parent))
            place += parent.prior.size
        return bonds_of(starts, parents, self.precision)

    @property
    def field(self) -> FieldMotion | None:
        """The level of the field's motion, None where there is none."""
        return next((one for one in self.levels if isinstance(one, FieldMotion)), None)

    def with_spread(self, spread: float) -> Model:
        """The model with the scatter of motions about that of the field."""
        levels = tuple(
            replace(one, spread=spread) if isinstance(one, FieldMotion) else one
            for one in self.levels
        )
        return replace(self, levels=levels) if self.field is not None else self

    def level(self, name: str) -> int:
        """Index of the level with a name, -1 if there is none."""
        names = [level.name for level in self.levels]
        return names.index(name) if name in names else -1

    def start_of(self, number: int) -> int:
        """Index of the first parameter of a level in the vector of all parameters."""
        return self.prior.size + sum(level.prior.size for level in self.levels[:number])


@dataclass(frozen=True, slots=True)
class Motions:
    """Parameters of the groups (G, p), of the units (U, q) of each level, and of the parents."""

    theta: FloatArray
    phi: tuple[FloatArray, ...] = ()
    parents: tuple[FloatArray, ...] = ()

    @property
    def flat(self) -> FloatArray:
        """(P,) vector of all parameters."""
        every = (self.theta, *self.phi, *self.parents)
        return np.concatenate([part.ravel() for part in every])

    def plus(self, delta: FloatArray) -> Motions:
        """The motions with a vector (P,) added to the parameters."""
        every = (self.theta, *self.phi, *self.parents)
        ends = np.cumsum([part.size for part in every])[:-1]
        theta, *others = (
            part + step.reshape(part.shape)
            for part, step in zip(every, np.split(delta, ends), strict=True)
        )
        levels = len(self.phi)
        return Motions(theta, tuple(others[:levels]), tuple(others[levels:]))


@dataclass(frozen=True, slots=True)
class Linear:
    """The problem linearised at given motions.

    Attributes
    ----------
    position
        (N, 2) corrected position x_i [arcsec] in the plane tangent at the source.
    transform
        (N, 2, 2) derivative of x_i with respect to the detection's input position (east, north).
    columns
        (N, 2, k) derivative of x_i with respect to the parameters of its group and of its units.
    index
        (N, k) indices of those parameters; 0, with a derivative of 0, where there are none.
    parameter_count
        Number P of all parameters.
    frames
        (S, 3, 3) axes of the sources' tangent planes.
    """

    position: FloatArray
    transform: FloatArray
    columns: FloatArray
    index: IntArray
    parameter_count: int
    frames: FloatArray

    def part(self, rows: slice | BoolArray, sources: slice | BoolArray) -> Linear:
        """That of some detections, which are all that some sources have."""
        return Linear(
            self.position[rows],
            self.transform[rows],
            self.columns[rows],
            self.index[rows],
            self.parameter_count,
            self.frames[sources],
        )

    def of_links(self, links: Links, chosen: BoolArray) -> Linear:
        """That of the links (N,) `chosen`, which are all that some sources have."""
        return self.part(chosen, links.sources_of(chosen))


def moved_directions(links: Links, model: Model, motions: Motions) -> FloatArray:
    """Corrected directions (N, 3): motions of levels and groups applied, at the catalog's epoch."""
    moved = np.empty_like(links.vectors)
    for rows, sources in links.pieces():
        part = links.part(rows, sources)
        moved[rows] = _moved(part, frames_of(part.vectors), model, motions).directions
    return moved


class _Moved(NamedTuple):
    """Corrected directions, and positions before and after the motion of each detection's group.

    Attributes
    ----------
    directions
        (N, 3).
    before, after
        (N, 2) in the planes of the groups, and in those that went with them [arcsec].
    matrix
        (N, 2, 2) of the motions.
    frames, there
        (N, 3, 3) axes of the planes before and after.
    """

    directions: FloatArray
    before: FloatArray
    after: FloatArray
    matrix: FloatArray
    frames: FloatArray
    there: FloatArray


def _moved(links: Links, local: FloatArray, model: Model, motions: Motions) -> _Moved:
    """The motions of some links with axes `local` (N, 3, 3) at their directions."""
    offset = -links.drift
    for level, phi in zip(model.levels, motions.phi, strict=True):
        offset = offset + level.offset(links, phi)
    shifted = links.vectors + np.einsum("ni,nij->nj", offset / ARCSEC, local[:, :2])
    fixed = links.group < 0
    matrix, shift = affine(model.geometry, motions.theta)
    matrix = matrix[links.group]
    frames, there = model.frames[links.group], carried(model.frames, shift)[links.group]
    if fixed.any():
        frames[fixed] = there[fixed] = local[fixed]
        matrix[fixed] = np.eye(2)
    before = to_plane(shifted, frames)
    after = np.einsum("nij,nj->ni", matrix, before)
    return _Moved(from_plane(after, there), before, after, matrix, frames, there)


def places_in(general: Model, model: Model) -> IntArray:
    """Index (P,) in the parameters of a more general model of those of another.

    It is -1 for parents, which move no detection themselves.
    """
    places = [np.arange(general.prior.size)]
    for level in model.levels:
        number, (count, width) = general.level(level.name), level.prior.shape
        start, wide = general.start_of(number), general.levels[number].prior.shape[1]
        places.append((start + wide * np.arange(count)[:, None] + np.arange(width)).ravel())
    return np.concatenate([*places, *(np.full(one.prior.size, -1) for one in model.parents)])


def narrowed(
    linear: Linear, general: Model, at: FloatArray, model: Model, motions: Motions
) -> Linear:
    """The problem of a less general model, with the derivatives of the general one.

    Parameters
    ----------
    linear, general, at
        The problem, its model, and the parameters (P,) it was linearised at.
    model, motions
        The model, of which the general one has all levels, and where its positions are wanted.
    """
    place, flat = places_in(general, model), motions.flat
    there, known = np.zeros(len(at)), place >= 0
    there[place[known]] = flat[known]
    position, step = np.empty_like(linear.position), there - at
    for start in range(0, len(position), _ROWS):
        rows = slice(start, start + _ROWS)
        moved = np.einsum("nik,nk->ni", linear.columns[rows], step[linear.index[rows]])
        position[rows] = linear.position[rows] + moved
    slots, first = {}, general.prior.shape[1]
    kept = list(range(first))
    for level in general.levels:
        slots[level.name], first = first, first + level.prior.shape[1]
    for level in model.levels:
        kept += range(slots[level.name], slots[level.name] + level.prior.shape[1])
    if kept == list(range(first)) and np.array_equal(place[known], np.arange(known.sum())):
        return replace(linear, position=position, parameter_count=len(flat))
    number = np.zeros(len(at), np.int64)
    number[place[known]] = np.flatnonzero(known)
    return replace(
        linear,
        position=position,
        columns=np.ascontiguousarray(linear.columns[:, :, kept]),
        index=number[linear.index[:, kept]],
        parameter_count=len(flat),
    )


def linearise(links: Links, model: Model, motions: Motions) -> Linear:
    """Corrected positions and their derivatives, in planes tangent to the sphere at the sources."""
    count, width = len(links.source), motions.theta.shape[1]
    width += sum(phi.shape[1] for phi in motions.phi)
    linear = Linear(
        np.empty((count, 2)),
        np.empty((count, 2, 2)),
        np.empty((count, 2, width)),
        np.zeros((count, width), np.int64),
        motions.flat.size,
        np.empty((links.source_count, 3, 3)),
    )
    for rows, sources in links.pieces():
        part = links.part(rows, sources)
        _linearise_part(part, model, motions, linear.part(rows, sources))
    return linear


def _linearise_part(links: Links, model: Model, motions: Motions, out: Linear) -> None:
    """Write the linear problem of some links to the arrays of `out`."""
    local, fixed = frames_of(links.vectors), links.group < 0
    moved = _moved(links, local, model, motions)
    out.frames[:] = frames_of(source_sums(moved.directions, links.source, links.source_count))
    centre = out.frames[links.source]
    out.position[:] = to_plane(moved.directions, centre)
    to_source = plane_jacobian(moved.after, moved.there, centre)
    there = plane_jacobian(np.zeros_like(moved.before), local, moved.frames)
    out.transform[:] = products_2x2(products_2x2(to_source, moved.matrix), there)
    width = motions.theta.shape[1]
    out.columns[:, :, :width] = design_in(to_source, model.geometry, moved.after, moved.before)
    out.index[:, :width] = links.group[:, None] * width + np.arange(width)
    if fixed.any():
        out.columns[fixed, :, :width], out.index[fixed, :width] = 0.0, 0
    start, first = motions.theta.size, width
    for level, phi in zip(model.levels, motions.phi, strict=True):
        slope, place = level.columns(links, phi, out.transform)
        last = first + slope.shape[2]
        moves = level.moves(links) >= 0
        out.columns[:, :, first:last] = slope
        out.index[moves, first:last] = start + place[moves]
        start, first = start + phi.size, last
