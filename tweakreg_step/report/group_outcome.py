"""The outcome of each group over both phases, and of the run in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tweakreg_step.core.outcome import Decision, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.outcome import Verdict

    from .result import RunResult

__all__ = ["GroupOutcome", "Standing", "group_outcome", "headline", "reasons", "standings"]


class Standing(Enum):
    """Outcome of a group over both phases; the value is the word of the report."""

    ALIGNED = "aligned"
    """Aligned in each requested phase."""

    DOUBTFUL = "doubtful"
    """Aligned, but one phase is doubtful."""

    RELATIVE = "relative only"
    """Aligned to the other groups, not to the reference."""

    LEFT = "left alone"
    """Not corrected."""

    @property
    def rank(self) -> int:
        """Order of need for attention, 0 for the worst."""
        return (Standing.LEFT, Standing.RELATIVE, Standing.DOUBTFUL, Standing.ALIGNED).index(self)


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
    code: str
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
    phases = [v[group] for v in (result.relative, result.absolute) if v is not None]
    if not phases:
        return GroupOutcome(Standing.LEFT, "not_tried", _first_reason(result, group))
    applied = [verdict for verdict in phases if verdict.applied]
    left = [verdict for verdict in phases if not verdict.applied]
    doubtful = [verdict for verdict in applied if verdict.decision is Decision.DOUBTFUL]
    if not applied:
        return _outcome(Standing.LEFT, left[0])
    if doubtful:
        return _outcome(Standing.DOUBTFUL, doubtful[0])
    if result.absolute is not None and not result.absolute[group].applied:
        return _outcome(Standing.RELATIVE, left[0])
    # a group that overlaps no other is aligned if it is tied to the reference
    return _outcome(Standing.ALIGNED, applied[-1])


def _outcome(standing: Standing, verdict: Verdict) -> GroupOutcome:
    return GroupOutcome(standing, verdict.code, verdict.reason)


def _first_reason(result: RunResult, group: int) -> str:
    reasons = [o.reason for o, g in zip(result.outcomes, result.group, strict=True) if g == group]
    return reasons[0] if reasons else "Nothing was tried."


def standings(result: RunResult) -> tuple[Standing, ...]:
    """The outcome (G,) of each group over both phases.

    Where no phase has a verdict, a group is aligned if one of its images is.
    """
    count = len(result.group_names)
    if result.relative is not None or result.absolute is not None:
        return tuple(group_outcome(result, group).standing for group in range(count))
    good = {
        int(group)
        for group, outcome in zip(result.group, result.outcomes, strict=True)
        if outcome.status is Status.ALIGNED
    }
    return tuple(Standing.ALIGNED if g in good else Standing.LEFT for g in range(count))


def reasons(result: RunResult, group: int) -> str:
    """Reasons of a group's outcome: the sentences of its verdicts, or of its first image."""
    phases = (("Relative", result.relative), ("Absolute", result.absolute))
    verdicts = [(name, phase[group]) for name, phase in phases if phase is not None]
    if len({(verdict.decision, verdict.reason) for _, verdict in verdicts}) == 1:
        return verdicts[0][1].reason
    if verdicts:
        return " ".join(f"{name}: {verdict.reason}" for name, verdict in verdicts)
    own = [o for g, o in zip(result.group, result.outcomes, strict=True) if g == group]
    return own[0].reason if own else ""


def headline(result: RunResult) -> str:
    """The outcome of the run in one sentence."""
    start = "Dry run, no image was changed: " if result.dry_run else ""
    parts = []
    if result.relative is not None:
        parts.append(_counted(result.relative, "aligned to each other"))
    if result.absolute is not None:
        name = result.reference_note.name if result.reference_note else "the reference catalog"
        parts.append(_counted(result.absolute, f"tied to {name}"))
    if not parts:
        places = standings(result)
        count = sum(place is Standing.ALIGNED for place in places)
        parts.append(f"{count} of {_groups(len(places))} aligned")
    return f"{start}{'; '.join(parts)}."


def _counted(verdicts: Sequence[Verdict], what: str) -> str:
    """Such as '34 of 36 groups aligned to each other (1 of them doubtful), 2 left alone'."""
    applied = sum(verdict.applied for verdict in verdicts)
    doubtful = sum(verdict.decision is Decision.DOUBTFUL for verdict in verdicts)
    text = f"{applied} of {_groups(len(verdicts))} {what}"
    if doubtful:
        text += f" ({doubtful} of them doubtful)"
    left = len(verdicts) - applied
    return f"{text}, {left} left alone" if left else text


def _groups(count: int) -> str:
    return f"{count} group" if count == 1 else f"{count} groups"
