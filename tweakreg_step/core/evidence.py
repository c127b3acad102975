"""What the numerical core finds of a group in one phase: a code and the numbers behind it.

The sentences are made of them in `tweakreg_step.report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .outcome import Standing

if TYPE_CHECKING:
    from .outcome import Code

__all__ = ["FEWEST", "MOST_SEARCHED", "Basis", "Diagnosis", "Evidence", "Finding", "SetGap"]

MOST_SEARCHED = 20
"""Groups for which a failure's cause is searched; where more fail there is one reason for all."""


FEWEST = 3
"""Sources that must agree on an offset: of fewer, it can't be told whether they agree by chance."""


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
    images_off, image_offset_mas, image_roll_arcsec
        Number of images of the group that agree with their partners at another offset or roll as
        well as at none, or better, and the largest of these offsets, and of these rolls.
    rejected_stars
        Number of reference stars that the group sees but does not match, where they are most of
        those that it sees; else 0.
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
    image_roll_arcsec: float = 0.0
    rejected_stars: int = 0


class Basis(Enum):
    """What places a group in one phase."""

    GROUPS = "the other groups that see its sources"
    STARS = "its own reference stars"
    NEIGHBOURS = "the reference stars of its neighbours"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of a group that could not be aligned in one phase; NaN where nothing is.

    Attributes
    ----------
    status
        How the group fared in the solution.
    absolute
        Whether this is of the phase with the reference.
    sources, matches
        Detections, and those that were matched at last with other groups; or different stars that
        were matched, by groups that are tied to each other together.
    most
        Matches before groups that it matched were given up.
    needed
        Matches that are needed.
    size
        Offset [arcsec], roll [degrees] and scale of the last correction.
    gap
        Distance of its sources from the nearest of another group, or star [arcsec]; infinite
        where there is none.
    peak
        Where the highest peak of the wide offset histogram is [arcsec].
    radius, reach
        Largest offset that was tried, and that the wide histogram shows [arcsec].
    searched
        Whether that histogram was made.
    stars
        Number of reference stars.
    near
        Different stars that were within reach of the first fit, whether or not they agree with it;
        0 where they were not counted.
    """

    status: Code
    absolute: bool
    sources: int
    matches: int
    most: int
    needed: int
    size: tuple[float, float, float]
    gap: float
    peak: float
    radius: float
    reach: float
    searched: bool
    stars: int
    near: int = 0


@dataclass(frozen=True, slots=True)
class SetGap:
    """How the set of groups that a group is in stands to another set, which it is not tied to.

    Attributes
    ----------
    group
        Index of a group of the other set that is nearest to it.
    groups
        Number of groups of the other set.
    expected
        Number of sources that both should have found where they overlap.
    matches, offset
        Number of sources that match, and how far off the other set is then [arcsec]; 0 and NaN
        where none do.
    radius, reach
        Largest offset for which sets are tied, and that was searched [arcsec].
    """

    group: int
    groups: int
    expected: float
    matches: int
    offset: float
    radius: float
    reach: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a group in one phase.

    Attributes
    ----------
    code
        What to make of it.
    status
        How the group fared in the solution, whatever the phase.
    basis
        What places it, or would place it.
    evidence
        What speaks for the correction; None where the group did not get so far.
    noise_mas
        Error of a single detection per axis, to compare the error of a correction with.
    diagnosis
        What is known of a failure; None where nothing failed.
    gap
        Another set of groups that its own is not tied to; None where there is none.
    """

    code: Code
    status: Code
    basis: Basis
    evidence: Evidence | None = None
    noise_mas: float = float("inf")
    diagnosis: Diagnosis | None = None
    gap: SetGap | None = None

    @property
    def standing(self) -> Standing:
        """What is to be done."""
        return self.code.standing

    @property
    def applied(self) -> bool:
        """Whether the correction is to be applied."""
        return self.standing is not Standing.LEFT
