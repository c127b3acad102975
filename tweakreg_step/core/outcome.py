"""What became of groups and of images, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Decision", "Evidence", "Verdict"]


class Decision(Enum):
    """What became of a group in one phase; the value is what a user reads."""

    ALIGNED = "aligned"
    DOUBTFUL = "aligned, but doubtful"
    LEFT = "left alone"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a group's correction in one phase; NaN where it can't be known.

    Attributes
    ----------
    matches
        Detections that are matched: with other groups, or with reference stars.
    chance_matches
        How many of them chance would give at the final match radius.
    log10_chance
        Logarithm of the probability that chance gives so many, with all offsets and rolls that
        were tried.
    spread
        Rms residual over that of chance matches, which fill the match radius evenly: 1 for noise.
    reserved
        Number of matched detections that were kept out of a second fit.
    reserved_before_mas, reserved_after_mas
        Their rms distance per axis from where the others put their sources, with the WCS as it
        was and as it is.
    coverage
        Part of the area that the group's detections span that the matches span, 0 to 1.
    sigma_centre_mas, sigma_corner_mas
        One standard deviation per axis of the correction at the group's centre and at its
        detection farthest from there.
    pull
        Size of the correction in standard deviations of what is expected of the pointing.
    second_matches
        Sources that agree with another offset, of the comparison of which it hangs; 0: none.
    second_offset_mas
        Distance of that offset from the one that was applied; 0 where there is none.
    pinned_matches
        Matches at the same pixels of the detector although the WCS says that the telescope moved;
        0 where they are not most.
    """

    matches: int
    chance_matches: float
    log10_chance: float
    spread: float
    reserved: int
    reserved_before_mas: float
    reserved_after_mas: float
    coverage: float
    sigma_centre_mas: float
    sigma_corner_mas: float
    pull: float
    second_matches: int = 0
    second_offset_mas: float = 0.0
    pinned_matches: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on a group in one phase.

    Attributes
    ----------
    decision
        What was done.
    code
        For machines; stays when the sentence changes.
    reason
        A sentence for people: fact, requirement and, where something is wrong, remedy.
    evidence
        What it rests on; None where the group did not get so far.
    """

    decision: Decision
    code: str
    reason: str
    evidence: Evidence | None = None

    @property
    def applied(self) -> bool:
        """Whether the correction was applied."""
        return self.decision is not Decision.LEFT


FITS_PREFIX = "TWR"
"""What this package's FITS keywords start with; no keyword of the JWST schemas does."""


class Status(Enum):
    """What became of an image; the value is what ``meta.cal_step.tweakreg`` says."""

    ALIGNED = "COMPLETE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image, and why.

    Attributes
    ----------
    status
        As recorded in the image.
    reason
        A sentence for people.
    moved
        Whether the image's WCS was changed.
    absolute
        Whether it agrees with the reference catalog.
    code
        The reason for machines, see `tweakreg_step.core.outcome.Verdict`.
    """

    status: Status
    reason: str
    moved: bool = False
    absolute: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that could take no part in the run.

    Attributes
    ----------
    name
        Of its file.
    outcome
        Failed, and why.
    group
        Name of the group that it would have moved with; '' where that is not known.
    """

    name: str
    outcome: Outcome
    group: str = ""


@dataclass(frozen=True, slots=True)
class Essential:
    """One fact about an image's alignment, for its metadata and its FITS header.

    Attributes
    ----------
    name
        In the metadata.
    keyword
        In the FITS header: `FITS_PREFIX` and at most five more characters.
    value
        Text, number or truth; ASCII and finite, as FITS wants it.
    comment
        What it is, with its unit.
    """

    name: str
    keyword: str
    value: str | int | float | bool
    comment: str


class GroupStatus(Enum):
    """What became of a group; the value is the sentence that a user reads."""

    ALIGNED = "Aligned."
    TOO_FEW_SOURCES = "Left as it was: its catalog has fewer sources than 'minobj' asks for."
    NOT_CONNECTED = "Left as it was: it overlaps no other group and no reference catalog."
    NO_MATCH = (
        "Left as it was: no offset up to 'searchrad' brings more of its sources onto others than "
        "chance does."
    )
    AMBIGUOUS = "Left as it was: two different offsets match its sources about equally well."
    INCONSISTENT = "Left as it was: its offsets to its neighbours contradict each other."
    TOO_FEW_MATCHES = "Left as it was: fewer of its sources are matched than 'minobj' asks for."
    IMPLAUSIBLE = "Left as it was: the fitted correction is larger than the search allows."

    @property
    def code(self) -> str:
        """A name for machines, which stays when the sentence changes."""
        return self.name.lower()
