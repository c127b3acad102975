"""Each component of the relative solution moved onto the reference as one rigid body."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.sphere import frames_at, from_plane, plane_jacobian, ra_dec, to_plane

from .residuals import corrected_directions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.arrays import IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution

    Register = Callable[[Detections, int, Reference | None, Options], Solution]

__all__ = ["as_a_whole"]


def _bodies(relative: Solution) -> IntArray:
    """Index (G,) of the body that each group belongs to; an unaligned group is one of its own."""
    body = relative.groups.component.copy()
    alone = body < 0
    body[alone] = body.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return body


def as_a_whole(
    register: Register,
    detections: Detections,
    group_count: int,
    reference: Reference,
    options: Options,
) -> Solution:
    """Align the groups with each other, then each component, as one body, with the reference.

    Parameters
    ----------
    register
        Solves all groups jointly; an argument, since the module of that function imports this one.
    detections, group_count, reference, options
        As for `solve_jointly`.
    """
    relative = register(detections, group_count, None, options)
    body = _bodies(relative)
    count = int(body.max(initial=-1)) + 1
    ra, dec = ra_dec(corrected_directions(detections, relative))
    moved = replace(detections, ra=ra, dec=dec, group=body[detections.group])
    moved = replace(moved, epoch=np.full(len(moved), np.nan))  # a body has one epoch
    # One body has one epoch: that of its first group.
    catalog = reference.for_groups(np.unique(body, return_index=True)[1])
    plain = replace(options, joint=True, refgroup=None)
    plain = replace(plain, detector_motion="none", visit_motion="none")
    whole = register(moved, count, catalog, plain)
    return _composed(relative, whole, body)


def _composed(relative: Solution, whole: Solution, body: IntArray) -> Solution:
    """The relative solution with each group's motion followed by that of its body."""
    first, then = relative.groups, whole.groups
    own = frames_at(first.ra, first.dec)
    common = frames_at(then.ra, then.dec)[body]
    before = to_plane(from_plane(first.shift, own), common)
    after = np.einsum("gij,gj->gi", then.matrix[body], before) + then.shift[body]
    inward = plane_jacobian(first.shift, own, common)
    outward = plane_jacobian(after, common, own)
    matrix = outward @ then.matrix[body] @ inward @ first.matrix
    shift = to_plane(from_plane(after, common), own)
    anchored = then.anchored[body]
    aligned = (first.component >= 0) | anchored
    parameters = parameters_of(relative.geometry, matrix, shift)
    status = tuple(
        then.status[b] if c < 0 else s
        for s, b, c in zip(first.status, body, first.component, strict=True)
    )
    groups = replace(
        first,
        matrix=matrix,
        shift=shift,
        parameters=np.where(aligned[:, None], parameters, np.nan),
        status=status,
        component=np.where(first.component >= 0, first.component, np.where(anchored, body, -1)),
        anchored=anchored,
        reference_matches=then.reference_matches[body],
    )
    absolute = tuple(whole.absolute[number] for number in body)
    images = replace(relative.images, absolute=relative.images.relative + whole.images.absolute)
    stars = tuple(error for error in whole.errors if error.of_stars)
    apart = {one.image: one for one in (*whole.apart, *relative.apart)}
    every = tuple(apart[image] for image in sorted(apart))
    return replace(
        relative,
        groups=groups,
        images=images,
        absolute=absolute,
        star_inflation=whole.star_inflation,
        errors=relative.errors + stars,
        apart=every,
    )
