"""What became of a group over both phases, in two words: for tables and headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tweakreg_step.core.outcome import Decision

if TYPE_CHECKING:
    from tweakreg_step.account import Account

__all__ = ["ALIGNED", "DOUBTFUL", "LEFT", "RELATIVE", "Standing", "standing_of"]

ALIGNED = "aligned"
RELATIVE = "relative only"
DOUBTFUL = "doubtful"
LEFT = "left alone"


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a group.

    Attributes
    ----------
    word
        `ALIGNED`: in each phase that was asked for; `RELATIVE`: with the other groups, not with
        the reference; `DOUBTFUL`: aligned, but one phase is doubtful; `LEFT`: not moved.
    code
        Of the verdict that says why.
    reason
        Its sentence.
    """

    word: str
    code: str
    reason: str


def standing_of(account: Account, group: int) -> Standing:
    """What became of a group over both phases.

    Parameters
    ----------
    account
        Of a run.
    group
        Index of the group.
    """
    phases = [v[group] for v in (account.relative, account.absolute) if v is not None]
    if not phases:
        return Standing(LEFT, "not_tried", _first_reason(account, group))
    applied = [verdict for verdict in phases if verdict.applied]
    left = [verdict for verdict in phases if not verdict.applied]
    doubtful = [verdict for verdict in applied if verdict.decision is Decision.DOUBTFUL]
    if not applied:
        return Standing(LEFT, left[0].code, left[0].reason)
    if doubtful:
        return Standing(DOUBTFUL, doubtful[0].code, doubtful[0].reason)
    if account.absolute is not None and not account.absolute[group].applied:
        return Standing(RELATIVE, left[0].code, left[0].reason)
    # A group that overlaps no other but is tied to the reference is where it should be.
    return Standing(ALIGNED, applied[-1].code, applied[-1].reason)


def _first_reason(account: Account, group: int) -> str:
    reasons = [o.reason for o, g in zip(account.outcomes, account.group, strict=True) if g == group]
    return reasons[0] if reasons else "Nothing was tried."
