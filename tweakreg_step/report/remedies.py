"""What to do about each failure: the parameter, and a value worth trying, from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.evidence import FEWEST, MOST_SEARCHED
from tweakreg_step.core.outcome import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.evidence import Diagnosis, SetGap

__all__ = ["MORE_SOURCES", "is_hopeless", "not_tied", "remedy_of"]

MORE_SOURCES = "lower 'snr_threshold' to find more sources"
"""What to do for more sources where nothing else is known of where they come from."""

_FEW = 4
"""Sources or matches below which no value of 'minobj' makes sense."""

_NOT_SEARCHED = f"more than {MOST_SEARCHED} groups failed: try what the first of them are told"


def remedy_of(diagnosis: Diagnosis | None, more: str = MORE_SOURCES) -> str:
    """What to do about a failure, as a part of a sentence; '' where nothing failed.

    Parameters
    ----------
    diagnosis
        Of the failure.
    more
        What gives more sources: it depends on where they come from.
    """
    if diagnosis is None:
        return ""
    if is_hopeless(diagnosis):
        return f"{_beyond_chance('source', diagnosis.sources)}; {more}"
    return _absolute(diagnosis, more) if diagnosis.absolute else _relative(diagnosis, more)


def is_hopeless(diagnosis: Diagnosis | None) -> bool:
    """Whether a group has as many sources as are asked for, but fewer than can be aligned."""
    return diagnosis is not None and diagnosis.needed <= diagnosis.sources < FEWEST


def _beyond_chance(what: str, found: int) -> str:
    """The fact that so few can't be told from chance, and how many can."""
    number = f"{found} {what}" + "s" * (found != 1)
    return (
        f"it has {number}, which can't be told from chance, as any offset brings one onto another; "
        f"{FEWEST} or more that agree can"
    )


def _relative(case: Diagnosis, more: str) -> str:
    """The remedy for a group that was left alone."""
    status = case.status
    if status is Code.TOO_FEW_SOURCES:
        return _too_few("source", case.sources, case, more)
    if status is Code.TOO_FEW_MATCHES and not _beyond(case):
        return _too_few_matches(case, more)
    if status is Code.INCONSISTENT:
        return "look at its catalog, or try fitgeometry='shift'"
    if status is Code.IMPLAUSIBLE:
        return _implausible(case)
    if status is Code.NOT_CONNECTED and np.isfinite(case.gap) and case.gap > 0.0:
        return (
            f"the nearest source of another group is {_angle(case.gap)} away; give exposures "
            "that overlap, or a reference catalog"
        )
    return _offset(case, more)


def not_tied(gap: SetGap, names: Sequence[Any] = ()) -> str:
    """That a set of groups is not tied to another one, and what to do, as a part of a sentence.

    Parameters
    ----------
    gap
        Between the two sets.
    names
        (G,) names of the groups, empty where they have none.
    """
    whose = f"that of '{names[gap.group]}'" if names else "another one"
    size = "1 group" if gap.groups == 1 else f"{gap.groups} groups"
    fact = f"only within its set of groups, which nothing ties to {whose} ({size})"
    if gap.matches and gap.offset > gap.radius:
        return (
            f"{fact}: {gap.matches} sources of the two match {gap.offset:.2f} arcsec from where "
            f"the WCS put them, beyond the search radius; raise 'searchrad' from {gap.radius:g} to "
            f"{np.ceil(1.2 * gap.offset):.0f}, or give a reference catalog that covers both"
        )
    remedy = "give a reference catalog that covers both, or align the sets in runs of their own"
    if gap.matches:
        return (
            f"{fact}: {gap.matches} sources of the two match {gap.offset:.2f} arcsec from where "
            f"the WCS put them, too few to hold both together; {remedy}"
        )
    shared = f"{gap.expected:.0f} common sources are expected where the two overlap"
    if gap.expected < 1.5:
        shared = "hardly a common source is expected where the two meet"
    return f"{fact}: {shared}, and no offset up to {gap.reach:.0f} arcsec matches them; {remedy}"


def _absolute(case: Diagnosis, more: str) -> str:
    """The remedy for a group that is not tied to the reference."""
    if np.isinf(case.gap):
        return "the reference catalog has no star; give one that covers it"
    if case.stars < FEWEST:
        fact = _beyond_chance("star", case.stars).removeprefix("it has ")
        return f"the reference catalog has {fact}; give one that has more in the field"
    if case.gap > case.radius:
        return (
            f"the nearest reference star is {_angle(case.gap)} away from its sources; give a "
            "reference catalog that covers it"
        )
    if case.status is Code.IMPLAUSIBLE:
        return _implausible(case)
    if case.matches < _FEW or _beyond(case):
        return _offset(case, more)
    return _given_up(case, more)


def _given_up(case: Diagnosis, more: str) -> str:
    """Why matches with reference stars do not tie a group to the reference, and the remedy."""
    if case.matches >= case.needed:
        return (
            f"it has {case.matches} matches with reference stars, but chance gives as many, or as "
            f"close ones; {_offset(case, more)}"
        )
    if case.near >= case.needed:
        return (
            f"{case.near} reference stars are near its sources, but only {case.matches} of them "
            f"agree with one motion, {case.needed} are needed; look at the errors of the catalogs, "
            "set 'detector_motion' if its detectors have moved, or lower 'abs_minobj' to "
            f"{case.matches}"
        )
    return _too_few("reference star", case.matches, case, more)


def _beyond(case: Diagnosis) -> bool:
    """Whether its sources would match farther away than was searched."""
    return bool(np.isfinite(case.peak) and case.peak > case.radius)


def _name(case: Diagnosis, name: str) -> str:
    """A parameter of its phase."""
    return f"abs_{name}" if case.absolute else name


def _too_few(what: str, found: int, case: Diagnosis, more: str) -> str:
    needed = case.needed
    plural = what + ("es" if what.endswith("h") else "s") * (found != 1)
    fact = f"it has {found} {plural}, {needed} are needed"
    if found < _FEW:
        return f"{fact}; {more}"
    return f"{fact}; lower '{_name(case, 'minobj')}' to {found}, or {more}"


def _too_few_matches(case: Diagnosis, more: str) -> str:
    """The remedy for a group with few matches, perhaps as it lost them with those given up."""
    found, most, needed = case.matches, case.most, case.needed
    if not most >= needed > found:
        return _too_few("match", found, case, more)
    lower = f", or lower 'minobj' to {found}" if found >= _FEW else ""
    return (
        f"it had {most} matches, {needed} are needed, and {found} are left since groups that it "
        f"matched were given up with too few of their own; see to those first{lower}"
    )


def _offset(case: Diagnosis, more: str) -> str:
    """The remedy that the wide histogram gives."""
    if not case.searched:
        return _NOT_SEARCHED
    name, peak, radius = _name(case, "searchrad"), case.peak, case.radius
    if not np.isfinite(peak):
        others = "the reference" if case.absolute else "those of its neighbours"
        return (
            f"its offset histogram has no significant peak up to {case.reach:.0f} arcsec, so a "
            f"larger '{name}' would not help; look at its catalog and at {others}, or {more}"
        )
    if peak > radius:
        return (
            f"its offset histogram has a significant peak at {peak:.1f} arcsec; raise '{name}' "
            f"from {radius:g} to {np.ceil(1.2 * peak):.0f}"
        )
    if 1.2 * peak < radius:
        return (
            f"its offset histogram has its highest peak at {peak:.2f} arcsec; lower '{name}' from "
            f"{radius:g} to {max(1.2 * peak, 0.3):.2g}, or {more}"
        )
    return more


def _implausible(case: Diagnosis) -> str:
    offset, roll, scale = case.size
    fact = f"it would move by {offset:.2f} arcsec, roll by {roll:.3f} degrees, scale by {scale:.1e}"
    if offset > 2.0 * case.radius:
        return f"{fact}; raise 'searchrad' to {np.ceil(offset):.0f} if its pointing may be that off"
    return f"{fact}; use a simpler 'fitgeometry', or look at its catalog"


def _angle(arcsec: float) -> str:
    return f"{arcsec:.1f} arcsec" if arcsec < 600.0 else f"{arcsec / 3600.0:.2f} degrees"
