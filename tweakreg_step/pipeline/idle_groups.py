"""Groups that take no part, named to those that have no one else to be aligned to.

The solver never sees a group that was refused, and only counts the sources of one with too few; a
group that overlaps no others is told that it overlaps none, which its user sees to be false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.groups import group_names, indices
from tweakreg_step.core.outcome import GroupStatus
from tweakreg_step.core.sphere import directions, frames_of, to_plane
from tweakreg_step.core.wording import listed
from tweakreg_step.telescopes.wcs import corners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.outcome import Verdict


__all__ = ["with_idle_groups"]

_LONELY = {status.code for status in (GroupStatus.NOT_CONNECTED, GroupStatus.NO_MATCH)} | {
    GroupStatus.TOO_FEW_MATCHES.code
}
"""What is said of a group that has nobody to match."""


def with_idle_groups(
    verdicts: Sequence[Verdict], correctors: Sequence[Any], margin: float
) -> tuple[Verdict, ...]:
    """Relative verdicts (G,) in whose reasons the groups that take no part are named.

    A group that overlaps no others is `GroupStatus.NOT_CONNECTED`, whatever the search made of it.

    Parameters
    ----------
    verdicts
        Of the groups, in the order of their first image.
    correctors
        Of all images; ``meta['refused']`` is a verdict on those that must be left alone.
    margin
        How far images may be from where their WCS says [arcsec].
    """
    names = list(dict.fromkeys(group_names(correctors)))
    group = indices(group_names(correctors))
    idle = _idle(verdicts, correctors, group)
    lonely = [g for g, v in enumerate(verdicts) if g not in idle and _is_lonely(v)]
    if not (idle and lonely):
        return tuple(verdicts)
    corners = corners_of(correctors)
    places = [[corners[i] for i in np.flatnonzero(group == g)] for g in range(len(verdicts))]
    result = list(verdicts)
    for g in lonely:
        near = [o for o in range(len(places)) if o != g and _meet(places[g], places[o], margin)]
        known = [o for o in near if o in idle]
        if known:
            who = listed(f"{names[o]} ({idle[o]})" for o in known)
            result[g] = _told(verdicts[g], who, alone=len(known) == len(near))
    return tuple(result)


def _idle(
    verdicts: Sequence[Verdict], correctors: Sequence[Any], group: NDArray[np.int64]
) -> dict[int, str]:
    """The groups that take no part, and the codes that say why."""
    few = GroupStatus.TOO_FEW_SOURCES.code
    idle = {g: few for g, verdict in enumerate(verdicts) if verdict.code == few}
    for number, corrector in zip(group.tolist(), correctors, strict=True):
        if "refused" in corrector.meta:
            idle[number] = corrector.meta["refused"].code
    return idle


def _is_lonely(verdict: Verdict) -> bool:
    return not verdict.applied and verdict.code in _LONELY


def _told(verdict: Verdict, who: str, *, alone: bool) -> Verdict:
    if not alone:
        also = f"It also overlaps groups that take no part: {who}."
        return replace(verdict, reason=f"{verdict.reason} {also}")
    reason = (
        f"Left as it was: the groups that it overlaps take no part, {who}, but one is needed that "
        "does; see to those first, or give a reference catalog."
    )
    return replace(verdict, code=GroupStatus.NOT_CONNECTED.code, reason=reason)


def _meet(some: Sequence[FloatArray], others: Sequence[FloatArray], margin: float) -> bool:
    """Whether any of some images comes closer than a margin [arcsec] to any of others."""
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
