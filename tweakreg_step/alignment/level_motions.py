"""The motions of the levels above groups and detectors, with their covariances.

A visit is known as its groups are: the gauge of a component without reference stars moves it as
well. With C the covariance before the gauge, K its projection of the groups' parameters onto their
common motions, and B the derivative of a visit's parameters v with respect to these, the visit
after the gauge is v - B K theta, and its covariance

    C_vv - B M' - M B' + B (K C K') B',    M = (C K')_v.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tweakreg_step.alignment.matching import members
from tweakreg_step.alignment.solver import (
    FIELD,
    OF_UNITS,
    VISIT,
    common_basis,
    departures,
    projector,
)
from tweakreg_step.core.correction import GEOMETRIES
from tweakreg_step.core.level_fits import LevelMotions
from tweakreg_step.core.sphere import frames_of, ra_dec

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import Covariance, Model, Motions, Parent, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .canonical_order import Canonical

__all__ = ["Gauged", "level_motions"]


class Gauged(NamedTuple):
    """The groups after the gauge, in canonical numbering.

    Attributes
    ----------
    theta
        (G, p) parameters.
    component, anchored
        (G,) components, -1 where not aligned, and whether with reference stars.
    weight
        (G, p) weights of the gauge.
    inflation
        (G,) chi2 / dof of each group's component, 1 at least.
    """

    theta: FloatArray
    component: IntArray
    anchored: BoolArray
    weight: FloatArray
    inflation: FloatArray


def level_motions(
    ordered: Canonical, problem: Problem, motions: Motions, solved: Covariance, gauged: Gauged
) -> tuple[LevelMotions, ...]:
    """The motions of all levels above groups and units, children in the numbering of the input.

    Parameters
    ----------
    ordered
        The input in canonical order.
    problem, motions
        The problem and its solution, in canonical numbering.
    solved
        Covariance of all parameters, before the gauge.
    gauged
        The groups after the gauge.
    """
    model, found = problem.model, []
    start = model.prior.size
    for level, phi in zip(model.levels, motions.phi, strict=True):
        if level.name == FIELD:
            child = np.where(gauged.component >= 0, 0, -1)[ordered.group]
            covariance = _blocks(solved, start, phi.shape)
            places = np.full((1, 2), np.nan)
            frame = "sky per year"
            found.append(LevelMotions(FIELD, (), "shift", frame, child, places, phi, covariance))
        start += phi.size
    for parent, value in zip(model.parents, motions.parents, strict=True):
        if parent.name == VISIT:
            found.append(_visits(ordered, model, motions, (parent, start, solved), gauged))
        else:
            found.append(_of_detectors(ordered, parent, value, _blocks(solved, start, value.shape)))
        start += value.size
    return tuple(found)


def _blocks(solved: Covariance, start: int, shape: tuple[int, ...]) -> FloatArray:
    """Covariances (V, q, q) of V units with q parameters each, the first of which is at `start`."""
    count, width = shape
    return solved.summed_blocks([start + width * np.arange(count)[:, None] + np.arange(width)])


_GEOMETRY = {count: name for name, count in GEOMETRIES.items()} | {1: "scale"}
"""Geometries by their number of parameters."""


def _of_detectors(
    ordered: Canonical, parent: Parent, value: FloatArray, covariance: FloatArray
) -> LevelMotions:
    """A level above the units of detector motion."""
    every = np.full(len(ordered.unit), -1, np.int64)
    every[: len(parent.unit)] = parent.unit
    return LevelMotions(
        name=parent.name,
        of=OF_UNITS[parent.name],
        geometry=_GEOMETRY[value.shape[1]],
        frame="focal plane" if value.shape[1] == 1 else "detector",
        child=every[ordered.unit],
        centre=np.full((len(value), 2), np.nan),
        parameters=value,
        covariance=covariance,
    )


# ---- visits


def _visits(
    ordered: Canonical,
    model: Model,
    motions: Motions,
    solved: tuple[Parent, int, Covariance],
    gauged: Gauged,
) -> LevelMotions:
    """The visits after the gauge; `solved` has their parent, its first parameter, and C."""
    visit, start, covariance = solved
    count, width = visit.prior.shape
    every = members(visit.unit)
    centre = np.array([frames_of(model.frames[own, 2].mean(axis=0))[2] for own in every])
    shared = gauged.theta - departures(model, motions)
    blocks = _blocks(covariance, start, (count, width))
    values = np.full((count, width), np.nan)
    kept = np.full((count, width, width), np.nan)
    free = _Free.of(model, gauged, covariance, motions.theta)
    for number, groups in enumerate(every):
        own = groups[gauged.component[groups] >= 0]
        label = np.unique(np.where(gauged.anchored[own], -1, gauged.component[own]))
        if len(label) != 1:  # not aligned, or in parts that nothing ties to each other
            continue
        values[number] = _common(visit.carry[own], shared[own])
        block = blocks[number]
        if label[0] >= 0:
            slope = _common(visit.carry[own], free.basis[own])
            place = start + width * number + np.arange(width)
            block = free.gauged(block, slope, place, int(label[0]))
        kept[number] = block * gauged.inflation[own[0]]
    return LevelMotions(
        name=VISIT,
        of=("guide",),
        geometry=_GEOMETRY[width],
        frame="sky",
        child=visit.unit[ordered.group],
        centre=np.stack(ra_dec(centre), axis=-1),
        parameters=values,
        covariance=kept,
    )


def _common(carry: FloatArray, values: FloatArray) -> FloatArray:
    """Parameters (w,) or (w, q) that explain those of groups, (g, p) or (g, p, q), best."""
    flat = carry.reshape(-1, carry.shape[2])
    # roll [radian] and shift [arcsec] differ by orders: columns of one length
    size = np.linalg.norm(flat, axis=0)
    right = values.reshape(len(flat), -1)
    found = np.linalg.lstsq(flat / size, right, rcond=None)[0] / size[:, None]
    return np.asarray(found[:, 0] if values.ndim == 2 else found)


class _Free(NamedTuple):
    """The common motions of components without reference stars.

    Attributes
    ----------
    basis
        (G, p, q) derivative of the groups' parameters with respect to those of their component.
    cross, inner
        By component: C K' (P, q), and K C K' (q, q).
    """

    basis: FloatArray
    cross: dict[int, FloatArray]
    inner: dict[int, FloatArray]

    @classmethod
    def of(cls, model: Model, gauged: Gauged, covariance: Covariance, theta: FloatArray) -> _Free:
        """Of a solution."""
        width = theta.shape[1]
        basis = np.zeros((*theta.shape, width))
        cross: dict[int, FloatArray] = {}
        inner: dict[int, FloatArray] = {}
        for own in members(np.where(gauged.anchored, -1, gauged.component)):
            basis[own] = common_basis(model.frames[own], model.geometry, theta[own])
            index = (own[:, None] * width + np.arange(width)).ravel()
            projection = np.zeros((covariance.size, width))
            projection[index] = projector(basis[own], gauged.weight[own]).T
            label = int(gauged.component[own[0]])
            cross[label] = covariance.product(projection)
            inner[label] = projection.T @ cross[label]
        return cls(basis, cross, inner)

    def gauged(
        self, block: FloatArray, slope: FloatArray, place: IntArray, label: int
    ) -> FloatArray:
        """Covariance (w, w) of a visit after the gauge.

        Parameters
        ----------
        block
            (w, w) before it.
        slope
            (w, q) derivative B of its parameters.
        place
            (w,) indices of its parameters.
        label
            Its component.
        """
        mixed = slope @ self.cross[label][place].T
        return np.asarray(block - mixed - mixed.T + slope @ self.inner[label] @ slope.T)
