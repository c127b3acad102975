"""What a failure of some images means for the others, as the user chose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .data import LeftOut, Outcome, Status
from .exceptions import FAILURES, AlignmentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .exceptions import TweakregError
    from .observe import Refusal
    from .stages import SafetyParameters

__all__ = ["allowed", "failed", "failure", "left_out_of", "may_change", "must_raise"]


def failed(outcomes: Sequence[Outcome]) -> list[int]:
    """Which images could not be aligned."""
    return [i for i, outcome in enumerate(outcomes) if outcome.status is Status.FAILED]


def left_out_of(refusals: Iterable[Refusal]) -> tuple[LeftOut, ...]:
    """The images that could take no part, as they are reported."""
    return tuple(
        LeftOut(one.name, Outcome(Status.FAILED, str(one.error), code=one.code)) for one in refusals
    )


def may_change(outcomes: Sequence[Outcome], safety: SafetyParameters) -> bool:
    """Whether any image may be changed."""
    return safety.apply_correction and not must_raise(outcomes, safety)


def must_raise(outcomes: Sequence[Outcome], safety: SafetyParameters) -> bool:
    """Whether the run has to end with an error."""
    return safety.on_failure == "raise" and bool(failed(outcomes))


def allowed(outcomes: Sequence[Outcome], safety: SafetyParameters) -> list[Outcome]:
    """The outcomes under the user's rule: with 'skip_all', one failure keeps all as they were."""
    bad = failed(outcomes)
    if safety.on_failure != "skip_all" or not bad:
        return list(outcomes)
    reason = (
        f"Left as it was: {len(bad)} of {len(outcomes)} images could not be aligned, and "
        "on_failure='skip_all' changes all or none. Choose 'warn' to correct the others."
    )
    return [
        replace(
            outcome, status=Status.SKIPPED, reason=reason, moved=False, absolute=False,
            code="others_failed",
        )
        if outcome.status is Status.ALIGNED
        else outcome
        for outcome in outcomes
    ]  # fmt: skip


def failure(names: Sequence[str], outcomes: Sequence[Outcome]) -> TweakregError:
    """The error for the images that failed; its type is that of the first failure."""
    bad = failed(outcomes)
    kind = FAILURES.get(outcomes[bad[0]].code, AlignmentError)
    reasons = list(dict.fromkeys(f"{names[i]}: {outcomes[i].reason}" for i in bad))
    more = f" And {len(reasons) - 3} more." if len(reasons) > 3 else ""
    return kind(
        f"{len(bad)} of {len(outcomes)} images could not be aligned, and on_failure='raise' allows "
        f"none; no image was changed. {' '.join(reasons[:3])}{more}"
    )
