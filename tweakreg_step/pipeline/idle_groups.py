"""Idle groups (refused, or with too few sources) named in the verdicts on groups that overlap them.

The solver does not know of idle groups, so that its verdict on a group that overlaps only those
says that the group overlaps none, which its user sees to be false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import directions, frames_of, to_plane
from tweakreg_step.core.wording import listed
from tweakreg_step.telescopes.wcs import corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.outcome import Verdict


__all__ = ["overlap", "with_idle_groups"]

_WITHOUT_PARTNER = {Code.NOT_CONNECTED, Code.NO_MATCH, Code.TOO_FEW_MATCHES}
"""Codes of verdicts on groups that found no other group to match."""


def with_idle_groups(
    verdicts: Sequence[Verdict], groups: Groups, margin: float
) -> tuple[Verdict, ...]:
    """Relative verdicts (G,) whose reasons name the idle groups that a group overlaps.

    A group that overlaps no others becomes `Code.NOT_CONNECTED`.

    Parameters
    ----------
    verdicts
        Relative verdicts (G,), groups in the order of their first image.
    groups
        All images; some may be refused.
    margin
        Largest error of the images' positions [arcsec].
    """
    names = groups.names
    idle = _idle(verdicts, groups)
    partnerless = [g for g, v in enumerate(verdicts) if g not in idle and _lacks_partner(v)]
    if not (idle and partnerless):
        return tuple(verdicts)
    corners = corners_of(groups.images)
    places = [[corners[i] for i in images] for images in groups.members]
    result = list(verdicts)
    for g in partnerless:
        near = [o for o in range(len(places)) if o != g and overlap(places[g], places[o], margin)]
        known = [o for o in near if o in idle]
        if known:
            idle_names = listed(f"{names[o]} ({idle[o]})" for o in known)
            result[g] = _with_idle_named(verdicts[g], idle_names, alone=len(known) == len(near))
    return tuple(result)


def _idle(verdicts: Sequence[Verdict], groups: Groups) -> dict[int, Code]:
    """Indices of the idle groups, with the codes that say why."""
    few = Code.TOO_FEW_SOURCES
    idle = {g: few for g, verdict in enumerate(verdicts) if verdict.code is few}
    for number, image in zip(groups.of_image.tolist(), groups.images, strict=True):
        if image.refused is not None:
            idle[number] = image.refused.code
    return idle


def _lacks_partner(verdict: Verdict) -> bool:
    return not verdict.applied and verdict.code in _WITHOUT_PARTNER


def _with_idle_named(verdict: Verdict, idle: str, *, alone: bool) -> Verdict:
    """A verdict whose reason names idle groups; `alone` if the group overlaps no others."""
    if not alone:
        also = f"It also overlaps groups that take no part: {idle}."
        return replace(verdict, reason=f"{verdict.reason} {also}")
    reason = (
        f"Left as it was: the groups that it overlaps take no part, {idle}, but one is needed that "
        "does; see to those first, or give a reference catalog."
    )
    return replace(verdict, code=Code.NOT_CONNECTED, reason=reason)


def overlap(some: Sequence[FloatArray], others: Sequence[FloatArray], margin: float) -> bool:
    """Whether an image of one group comes closer than a margin [arcsec] to one of another.

    Each image is given by its corners (4, 2), RA and DEC [deg].
    """
    return any(_near(one, other, margin) for one in some for other in others)


def _near(one: FloatArray, other: FloatArray, margin: float) -> bool:
    """Whether two images, corners (n, 2) [deg], are nearer than a margin [arcsec].

    Convex shapes are apart if one side of one of them separates them (Gottschalk et al. 1996,
    SIGGRAPH, 171).
    """
    if not (np.isfinite(one).all() and np.isfinite(other).all() and len(one) and len(other)):
        return False
    vectors = directions(*np.concatenate([one, other]).T)
    middle = vectors[: len(one)].mean(axis=0)
    if (vectors @ middle).min() < np.cos(np.deg2rad(5.0)):  # far apart: no plane for both
        return False
    plane = to_plane(vectors, frames_of(middle))
    first, second = plane[: len(one)], plane[len(one) :]
    return not any(_separates(side, first, second, margin) for side in _sides(first, second))


def _sides(first: FloatArray, second: FloatArray) -> list[FloatArray]:
    """The sides (2,) of two polygons (n, 2)."""
    return [side for shape in (first, second) for side in np.roll(shape, -1, axis=0) - shape]


def _separates(side: FloatArray, first: FloatArray, second: FloatArray, margin: float) -> bool:
    """Whether the projections on the normal of a side are a margin apart."""
    normal = np.array([-side[1], side[0]]) / max(np.hypot(*side), 1e-9)
    a, b = first @ normal, second @ normal
    return bool(a.max() + margin < b.min() or b.max() + margin < a.min())
