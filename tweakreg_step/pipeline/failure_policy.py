"""The parameter 'on_failure': what the failure of some images means for the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.exceptions import AlignmentError
from tweakreg_step.core.outcome import Code, LeftOut, Outcome, Status
from tweakreg_step.files.names import file_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tweakreg_step.core.exceptions import TweakregError
    from tweakreg_step.core.outcome import Verdict
    from tweakreg_step.exposures import Refusal
    from tweakreg_step.parameters import SafetyParameters
    from tweakreg_step.report import RunResult

__all__ = [
    "allowed",
    "failed",
    "failure",
    "left_out_of",
    "may_change",
    "must_raise",
    "unchanged",
    "withheld",
]


def failed(outcomes: Sequence[Outcome]) -> list[int]:
    """Indices of the images that could not be aligned to the others or to the reference catalog."""
    return [i for i, outcome in enumerate(outcomes) if outcome.failed]


def left_out_of(refusals: Iterable[Refusal]) -> tuple[LeftOut, ...]:
    """The images that could not be used, in the form of the report."""
    return tuple(
        LeftOut(one.name, Outcome(Status.FAILED, str(one.error), code=Code(one.code)), one.group)
        for one in refusals
    )


def may_change(outcomes: Sequence[Outcome], safety: SafetyParameters) -> bool:
    """Whether any image may be changed."""
    return safety.apply_correction and not must_raise(outcomes, safety)


def must_raise(outcomes: Sequence[Outcome], safety: SafetyParameters) -> bool:
    """Whether the run has to end with an error."""
    return safety.on_failure == "raise" and bool(failed(outcomes))


def allowed(outcomes: Sequence[Outcome], safety: SafetyParameters) -> list[Outcome]:
    """The outcomes under 'on_failure': unless it is 'warn', one failure leaves all unchanged.

    In a dry run no image is corrected.
    """
    bad = set(failed(outcomes))
    if not safety.apply_correction:
        outcomes = [replace(outcome, moved=False) for outcome in outcomes]
    if safety.on_failure == "warn" or not bad:
        return list(outcomes)
    reason = (
        f"Left as it was: {len(bad)} of {len(outcomes)} images could not be aligned, and "
        f"on_failure='{safety.on_failure}' changes all or none. Choose 'warn' to correct the "
        "others."
    )
    others = Code.OTHERS_FAILED
    kept = [replace(outcome, moved=False, absolute=False) for outcome in outcomes]
    return [
        outcome
        if outcome.status is not Status.ALIGNED
        else replace(outcome, status=Status.FAILED)
        if i in bad
        else replace(outcome, status=others.status, reason=reason, code=others)
        for i, outcome in enumerate(kept)
    ]


def withheld(result: RunResult, safety: SafetyParameters) -> RunResult:
    """The result, with no correction applied where a failure forbids it under 'on_failure'."""
    if safety.on_failure == "warn" or not failed(result.images.outcomes):
        return result
    relative, absolute = (
        None if verdicts is None else tuple(map(_not_applied, verdicts))
        for verdicts in (result.groups.relative, result.groups.absolute)
    )
    groups = replace(result.groups, relative=relative, absolute=absolute)
    images = replace(result.images, corners_after=result.images.corners_before)
    return replace(result, groups=groups, images=images)


def unchanged(result: RunResult, problems: Mapping[str, str]) -> RunResult:
    """The result of a run of which some images could not be changed, or not be written.

    Parameters
    ----------
    result
        Of the run.
    problems
        Why, by the name of the image's file.
    """
    if not problems:
        return result
    images = result.images
    names = [file_of(name) for name in images.names]
    bad = np.array([name in problems for name in names], bool)
    outcomes = tuple(
        replace(
            outcome,
            status=Status.FAILED,
            reason=problems[name],
            code=Code.NOT_WRITTEN,
            moved=False,
        )
        if name in problems
        else outcome
        for name, outcome in zip(names, images.outcomes, strict=True)
    )
    corners = np.where(bad[:, None, None], images.corners_before, images.corners_after)
    return replace(result, images=replace(images, outcomes=outcomes, corners_after=corners))


def _not_applied(verdict: Verdict) -> Verdict:
    if not verdict.applied:
        return verdict
    if verdict.code.error is not None:
        reason = f"Not applied, since 'on_failure' allows no failure. {verdict.reason}"
        return replace(verdict, reason=reason, withheld=True)
    reason = f"Not applied, since other groups could not be aligned. {verdict.reason}"
    return replace(verdict, code=Code.OTHERS_FAILED, reason=reason)


def failure(names: Sequence[str], outcomes: Sequence[Outcome]) -> TweakregError:
    """The error for the images that failed; its type is that of the first failure."""
    bad = failed(outcomes)
    code = outcomes[bad[0]].code
    kind = (code and code.error) or AlignmentError
    reasons = list(dict.fromkeys(f"{names[i]}: {outcomes[i].reason}" for i in bad))
    more = f" And {len(reasons) - 3} more." if len(reasons) > 3 else ""
    return kind(
        f"{len(bad)} of {len(outcomes)} images could not be aligned, and on_failure='raise' allows "
        f"none; no image was changed. {' '.join(reasons[:3])}{more}"
    )
