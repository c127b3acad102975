"""Outcomes of groups and images: one vocabulary for results, headers, reports and errors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Self

from . import exceptions

if TYPE_CHECKING:
    from .evidence import Evidence
    from .exceptions import TweakregError

__all__ = [
    "FITS_PREFIX",
    "Code",
    "Essential",
    "LeftOut",
    "Outcome",
    "Standing",
    "Status",
    "Verdict",
]


class Standing(Enum):
    """Where a group stands, after one phase or after both, in the words of the report."""

    ALIGNED = "aligned"
    """In each phase that was asked for."""

    DOUBTFUL = "doubtful"
    """Aligned, but one phase is doubtful."""

    RELATIVE = "relative only"
    """With the other groups, not with the reference."""

    LEFT = "left alone"
    """Not moved."""

    @property
    def rank(self) -> int:
        """0 for the one to look at first."""
        return (Standing.LEFT, Standing.RELATIVE, Standing.DOUBTFUL, Standing.ALIGNED).index(self)


class Status(Enum):
    """Status of an image; the value is that of ``meta.cal_step.tweakreg``."""

    ALIGNED = "COMPLETE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class Code(StrEnum):
    """Reason for programs; it does not change with the wording of the sentence for users.

    Of several codes of one error the first is the usual one.

    Attributes
    ----------
    standing
        Of a group in the phase that has this code.
    error
        What it stands for where errors are asked for; None where it is no failure.
    """

    standing: Standing
    error: type[TweakregError] | None

    def __new__(
        cls,
        text: str,
        standing: Standing = Standing.LEFT,
        error: type[TweakregError] | None = None,
    ) -> Self:
        """A member: its text, and what it means."""
        member = str.__new__(cls, text)
        member._value_ = text
        member.standing, member.error = standing, error
        return member

    # a correction was found, and nothing speaks against it
    ALIGNED = "aligned", Standing.ALIGNED
    THROUGH_NEIGHBOURS = "through_neighbours", Standing.ALIGNED

    # a correction was found, and something speaks against it
    SAME_PIXELS = "same_pixels", Standing.DOUBTFUL
    SECOND_PEAK = "second_peak", Standing.DOUBTFUL
    IMAGE_OFF = "image_off", Standing.DOUBTFUL
    STARS_REJECTED = "stars_rejected", Standing.DOUBTFUL
    WEAK_EVIDENCE = "weak_evidence", Standing.DOUBTFUL
    RESERVED_DISAGREE = "reserved_disagree", Standing.DOUBTFUL
    POOR_COVERAGE = "poor_coverage", Standing.DOUBTFUL
    POORLY_DETERMINED = "poorly_determined", Standing.DOUBTFUL
    FAR_OFF = "far_off", Standing.DOUBTFUL

    # a correction within a set of groups was found, and their common place is not known
    NOT_TIED_TOGETHER = "not_tied_together", Standing.DOUBTFUL, exceptions.NotTiedError
    TOO_LITTLE_OVERLAP = "too_little_overlap", Standing.DOUBTFUL

    # no correction can be trusted
    TOO_FEW_SOURCES = "too_few_sources", Standing.LEFT, exceptions.TooFewSourcesError
    TOO_FEW_MATCHES = "too_few_matches", Standing.LEFT, exceptions.TooFewSourcesError
    NO_MATCH = "no_match", Standing.LEFT, exceptions.NoMatchError
    NO_REFERENCE_MATCH = "no_reference_match", Standing.LEFT, exceptions.NoMatchError
    AMBIGUOUS = "ambiguous", Standing.LEFT, exceptions.AmbiguousError
    INCONSISTENT = "inconsistent", Standing.LEFT, exceptions.AmbiguousError
    IMPLAUSIBLE = "implausible", Standing.LEFT, exceptions.ImplausibleError
    NOT_CONNECTED = "not_connected", Standing.LEFT, exceptions.NotConnectedError

    # nothing was tried
    MIXED_GROUP = "mixed_group", Standing.LEFT, exceptions.MixedGroupError
    REFERENCE_UNREACHABLE = "reference_unreachable", Standing.LEFT, exceptions.ReferenceServiceError
    REFERENCE_EMPTY = "reference_empty", Standing.LEFT, exceptions.NoReferenceStarsError
    BAD_CATALOG = "bad_catalog", Standing.LEFT, exceptions.CatalogError
    ONE_GROUP = "one_group"
    OTHERS_FAILED = "others_failed"
    NOT_TRIED = "not_tried"

    # the image could take no part
    UNREADABLE = "unreadable", Standing.LEFT, exceptions.InputError
    UNUSABLE = "unusable", Standing.LEFT, exceptions.InputError
    OUT_OF_MEMORY = "out_of_memory", Standing.LEFT, exceptions.WorkerError
    WORKER_DIED = "worker_died", Standing.LEFT, exceptions.WorkerError

    # the image took part, and stays as it was
    IMAGE_APART = "image_apart", Standing.LEFT, exceptions.NotRigidError
    NOT_CORRECTED = "not_corrected", Standing.LEFT, exceptions.InputError
    NOT_WRITTEN = "not_written", Standing.LEFT, exceptions.OutputError

    @property
    def status(self) -> Status:
        """Of an image whose group has this code."""
        if self.standing is not Standing.LEFT:
            return Status.ALIGNED
        return Status.SKIPPED if self.error is None else Status.FAILED

    @classmethod
    def of(cls, error: Exception) -> Code:
        """The usual code of an error.

        Raises
        ------
        ValueError
            If there is none.
        """
        for code in cls:
            if code.error is type(error):
                return code
        raise ValueError(f"{type(error).__name__} has no code, but one is needed.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on a group in one phase.

    Attributes
    ----------
    code
        Reason for programs; whether the correction was applied follows from it.
    reason
        Sentence for users: fact, requirement and, where something is wrong, remedy.
    evidence
        Evidence for the decision; None where the group failed before there was any.
    withheld
        Whether the correction was not applied, though its code would allow it.
    """

    code: Code
    reason: str
    evidence: Evidence | None = None
    withheld: bool = False

    @property
    def standing(self) -> Standing:
        """What was done."""
        return Standing.LEFT if self.withheld else self.code.standing

    @property
    def decision(self) -> Standing:
        """What was done, under the name by which scripts have read it in ``meta['fit_info']``."""
        return self.standing

    @property
    def applied(self) -> bool:
        """Whether the correction was applied."""
        return self.standing is not Standing.LEFT


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one image.

    Attributes
    ----------
    status
        Status recorded in the image.
    reason
        Sentence for users.
    moved
        Whether the image's WCS was changed.
    absolute
        Whether it is aligned to the reference catalog.
    code
        Reason for programs, None where there is none.
    """

    status: Status
    reason: str
    moved: bool = False
    absolute: bool = False
    code: Code | None = None

    @property
    def failed(self) -> bool:
        """Whether the image could not be aligned as it was asked for."""
        stopped = self.code is not None and self.code.error is not None
        return stopped or self.status is Status.FAILED


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that could not be used.

    Attributes
    ----------
    name
        Name of its file.
    outcome
        Its outcome, with the reason.
    group
        Name of its group; '' where that is not known.
    """

    name: str
    outcome: Outcome
    group: str = ""


FITS_PREFIX = "TWR"
"""Prefix of this package's FITS keywords; no keyword of the missions starts with it."""


@dataclass(frozen=True, slots=True)
class Essential:
    """One fact about an image's alignment, for its metadata and its FITS header.

    Attributes
    ----------
    name
        Name in the metadata.
    keyword
        FITS keyword: `FITS_PREFIX` and at most five more characters.
    value
        Text, number or boolean; ASCII and finite, as FITS requires.
    comment
        Meaning and unit.
    """

    name: str
    keyword: str
    value: str | int | float | bool
    comment: str
