"""Outcomes of the alignment for groups and images: statuses, verdicts and their evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Decision", "Evidence", "Verdict"]


class Decision(Enum):
    """Decision on a group's correction in one phase; the value is the text for users."""

    ALIGNED = "aligned"
    DOUBTFUL = "aligned, but doubtful"
    LEFT = "left alone"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence on a group's correction in one phase; NaN where unknown.

    Attributes
    ----------
    matches
        Number of matched detections: with other groups, or with reference stars.
    chance_matches
        Number of matches expected by chance at the final match radius.
    log10_chance
        Logarithm of the probability of as many chance matches at any of the offsets and rolls
        tried.
    spread
        Rms residual over that of chance matches, which fill the match radius evenly: 1 for noise.
    reserved
        Number of matched detections that were left out of a second fit.
    reserved_before_mas, reserved_after_mas
        Their rms distance per axis from the positions of their sources in the other groups, with
        the input WCS and after that fit.
    coverage
        Area spanned by the matches over that spanned by the group's detections, 0 to 1.
    sigma_centre_mas, sigma_corner_mas
        Standard deviation per axis of the correction at the group's centre and at its farthest
        detection from there.
    pull
        Largest parameter of the correction in standard deviations of the pointing prior.
    second_matches
        Number of sources that agree with another initial offset; 0 if there is none.
    second_offset_mas
        Distance of that offset from the one that was applied; 0 if there is none.
    pinned_matches
        Number of matches at the same pixels of the detector although, by the WCS, the telescope
        moved; 0 where they are less than half.
    images_off, image_offset_mas
        Number of images of the group that agree with their partners at another offset as well as
        at none, or better, and the largest of these offsets.
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
    images_off: int = 0
    image_offset_mas: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on a group in one phase.

    Attributes
    ----------
    decision
        Whether the correction was applied.
    code
        Reason for programs; it does not change with the wording of the sentence.
    reason
        Sentence for users: fact, requirement and, where something is wrong, remedy.
    evidence
        Evidence for the decision; None where the group failed before there was any.
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
"""Prefix of this package's FITS keywords; no keyword of the JWST schemas starts with it."""


class Status(Enum):
    """Status of an image; the value is that of ``meta.cal_step.tweakreg``."""

    ALIGNED = "COMPLETE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


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
        Reason for programs, see `Verdict`.
    """

    status: Status
    reason: str
    moved: bool = False
    absolute: bool = False
    code: str = ""


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


class GroupStatus(Enum):
    """Status of a group after the fit; the value is the sentence for users."""

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
        """Code for programs, which does not change with the wording of the sentence."""
        return self.name.lower()
