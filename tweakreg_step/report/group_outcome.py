"""The outcome of each group over both phases, and of the run in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tweakreg_step.core.outcome import Code, Standing, Status
from tweakreg_step.core.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.outcome import Outcome, Verdict

    from .result import RunResult

__all__ = ["GroupOutcome", "group_outcome", "headline", "reasons", "standings"]


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """The outcome of a group.

    Attributes
    ----------
    standing
        Outcome over both phases.
    code, reason
        Code and sentence of the verdict that is the reason.
    """

    standing: Standing
    code: Code
    reason: str


def group_outcome(result: RunResult, group: int) -> GroupOutcome:
    """The outcome of a group over both phases.

    Parameters
    ----------
    result
        Result of a run.
    group
        Index of the group.
    """
    phases = [v[group] for v in (result.groups.relative, result.groups.absolute) if v is not None]
    if not phases:
        return GroupOutcome(Standing.LEFT, Code.NOT_TRIED, _first_reason(result, group))
    applied = [verdict for verdict in phases if verdict.applied]
    left = [verdict for verdict in phases if not verdict.applied]
    doubtful = [verdict for verdict in applied if verdict.standing is Standing.DOUBTFUL]
    if not applied:
        return _outcome(Standing.LEFT, left[0])
    if doubtful:
        return _outcome(Standing.DOUBTFUL, doubtful[0])
    if result.groups.absolute is not None and not result.groups.absolute[group].applied:
        return _outcome(Standing.RELATIVE, left[0])
    # a group that overlaps no other is aligned if it is tied to the reference
    return _outcome(Standing.ALIGNED, applied[-1])


def _outcome(standing: Standing, verdict: Verdict) -> GroupOutcome:
    return GroupOutcome(standing, verdict.code, verdict.reason)


def _first_reason(result: RunResult, group: int) -> str:
    own = _outcomes(result, group)
    return own[0].reason if own else "Nothing was tried."


def _outcomes(result: RunResult, group: int) -> list[Outcome]:
    """The outcomes of a group's images."""
    images = result.images
    return [o for g, o in zip(images.group, images.outcomes, strict=True) if g == group]


def standings(result: RunResult) -> tuple[Standing, ...]:
    """The outcome (G,) of each group over both phases.

    Where no phase has a verdict, a group is aligned if one of its images is.
    """
    count = len(result.groups)
    if result.groups.relative is not None or result.groups.absolute is not None:
        return tuple(group_outcome(result, group).standing for group in range(count))
    good = {
        int(group)
        for group, outcome in zip(result.images.group, result.images.outcomes, strict=True)
        if outcome.status is Status.ALIGNED
    }
    return tuple(Standing.ALIGNED if g in good else Standing.LEFT for g in range(count))


def reasons(result: RunResult, group: int) -> str:
    """Why a group stands where it does: the sentences of its verdicts, or of its first image."""
    phases = (("Relative", result.groups.relative), ("Absolute", result.groups.absolute))
    verdicts = [(name, phase[group]) for name, phase in phases if phase is not None]
    if len({(verdict.standing, verdict.reason) for _, verdict in verdicts}) == 1:
        return verdicts[0][1].reason
    if verdicts:
        return " ".join(f"{name}: {verdict.reason}" for name, verdict in verdicts)
    own = _outcomes(result, group)
    return own[0].reason if own else ""


def headline(result: RunResult) -> str:
    """How the run went, in one sentence."""
    start = "Dry run, no image was changed: " if result.run.dry_run else ""
    parts = []
    if result.groups.relative is not None:
        parts.append(_counted(result.groups.relative, "aligned to each other"))
    if result.groups.absolute is not None:
        name = result.catalogs.note.name if result.catalogs.note else "the reference catalog"
        parts.append(_counted(result.groups.absolute, f"tied to {name}", result.groups.relative))
    if not parts:
        places = standings(result)
        count = sum(place is Standing.ALIGNED for place in places)
        parts.append(f"{count} of {counted(len(places), 'group')} aligned")
    return f"{start}{'; '.join(parts)}."


def _counted(
    verdicts: Sequence[Verdict], what: str, before: Sequence[Verdict] | None = None
) -> str:
    """Such as '34 of 36 groups aligned to each other (1 of them doubtful), 2 left alone'.

    Those that the phase before has aligned are not left alone, they are 'relative only'.
    """
    applied = sum(verdict.applied for verdict in verdicts)
    apart = sum(v.applied and v.code is Code.NOT_TIED_TOGETHER for v in verdicts)
    doubtful = sum(verdict.standing is Standing.DOUBTFUL for verdict in verdicts) - apart
    counts = {"only within sets that nothing ties together": apart, "of them doubtful": doubtful}
    asides = [f"{count} {text}" for text, count in counts.items() if count]
    text = f"{applied} of {counted(len(verdicts), 'group')} {what}"
    if asides:
        text += f" ({', '.join(asides)})"
    left = len(verdicts) - applied
    pairs = zip(before or (), verdicts, strict=before is not None)
    relative = sum(one.applied and not other.applied for one, other in pairs)
    rest = {Standing.RELATIVE.value: relative, Standing.LEFT.value: left - relative}
    return ", ".join([text, *(f"{count} {word}" for word, count in rest.items() if count)])
