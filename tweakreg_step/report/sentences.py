"""What was found of a group, as the sentence that a user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.evidence import Basis
from tweakreg_step.core.outcome import Code, Standing, Verdict
from tweakreg_step.core.solution import CLEAR_EVIDENCE, MotionGrounds

from .remedies import MORE_SOURCES, is_hopeless, not_tied, remedy_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tweakreg_step.core.evidence import Evidence, Finding
    from tweakreg_step.core.solution import ApartImage, MotionChoice

__all__ = ["FACTS", "apart_reason", "motion_reason", "reason_of", "verdicts_of"]

FACTS = {
    Code.ALIGNED: "Aligned",
    Code.TOO_FEW_SOURCES: ("Left as it was: its catalog has fewer sources than 'minobj' asks for"),
    Code.NOT_CONNECTED: "Left as it was: it overlaps no other group and no reference catalog",
    Code.NO_MATCH: (
        "Left as it was: no offset up to 'searchrad' brings more of its sources onto others than "
        "chance does"
    ),
    Code.AMBIGUOUS: "Left as it was: two different offsets match its sources about equally well",
    Code.INCONSISTENT: "Left as it was: its offsets to its neighbours contradict each other",
    Code.TOO_FEW_MATCHES: (
        "Left as it was: fewer of its sources are matched than 'minobj' asks for"
    ),
    Code.IMPLAUSIBLE: "Left as it was: the fitted correction is larger than the search allows",
}
"""How a group fared in the solution."""

_LEAST_ROLL = 0.05
"""Rolls that are not worth words [arcsec]."""

_ALIGNED = {
    Basis.GROUPS: "Aligned to the other groups by {} matches",
    Basis.STARS: "Aligned to the reference by {} stars",
    Basis.NEIGHBOURS: (
        "Aligned to the reference through its neighbours; {} of its own sources match reference "
        "stars"
    ),
}


def verdicts_of(
    findings: Iterable[Finding], more: str = MORE_SOURCES, names: Sequence[Any] = ()
) -> tuple[Verdict, ...]:
    """Findings, each with its sentence.

    Parameters
    ----------
    findings
        Of groups.
    more
        What gives more sources, see `tweakreg_step.report.remedies.remedy_of`.
    names
        (G,) names of the groups, empty where they have none.
    """
    return tuple(
        Verdict(finding.code, reason_of(finding, more, names), finding.evidence)
        for finding in findings
    )


def reason_of(finding: Finding, more: str = MORE_SOURCES, names: Sequence[Any] = ()) -> str:
    """The sentence of a finding: fact, requirement and, where something is wrong, remedy."""
    if finding.evidence is None or finding.standing is Standing.LEFT:
        return _left(finding, more)
    fact = _ALIGNED[finding.basis].format(finding.evidence.matches)
    if finding.standing is Standing.ALIGNED:
        return f"{fact}."
    if finding.gap is not None and finding.code in {
        Code.NOT_TIED_TOGETHER,
        Code.TOO_LITTLE_OVERLAP,
    }:
        return f"{fact}, but {not_tied(finding.gap, names)}."
    doubt = _doubt(finding, finding.evidence, more)
    if finding.basis is Basis.NEIGHBOURS:
        return f"{fact}. Doubtful: {doubt}."
    return f"{fact}, but doubtful: {doubt}."


def _left(finding: Finding, more: str) -> str:
    """The sentence on a group that was left alone in its phase."""
    if finding.status is Code.TOO_FEW_SOURCES and is_hopeless(finding.diagnosis):
        return f"Left as it was: {remedy_of(finding.diagnosis, more)}."
    if finding.status is not Code.ALIGNED:
        return f"{FACTS[finding.status]}; {remedy_of(finding.diagnosis, more)}."
    if finding.code is Code.NOT_CONNECTED:
        return "It shares no source with another group: the reference alone places it."
    return f"Not aligned to the reference: {remedy_of(finding.diagnosis, more)}."


def _doubt(finding: Finding, e: Evidence, more: str) -> str:
    """What speaks against a correction that was applied, and what to do."""
    code, noise = finding.code, finding.noise_mas
    catalog = "a reference catalog" if finding.basis is Basis.GROUPS else "one with more stars"
    if code in {Code.SAME_PIXELS, Code.SECOND_PEAK}:
        return _other_offset(code, e)
    if code is Code.IMAGE_OFF:
        return _image_off(e)
    if code is Code.STARS_REJECTED:
        return (
            f"{e.rejected_stars} reference stars that it sees within 100 mas were rejected, more "
            "than were matched; if they move, give a catalog with proper motions, and the epochs "
            "of the exposures; else look at what ties it to the other groups"
        )
    doubts = {
        Code.WEAK_EVIDENCE: (
            f"chance gives as many matches with a probability of 10^{e.log10_chance:.1f}; {more}"
        ),
        Code.RESERVED_DISAGREE: (
            f"{e.reserved} sources that were kept out of the fit agree to "
            f"{e.reserved_after_mas:.1f} mas after and {e.reserved_before_mas:.1f} mas before it; "
            "try a simpler 'fitgeometry'"
        ),
        Code.POOR_COVERAGE: (
            f"its matches span {100.0 * e.coverage:.0f} % of the area of its sources; {more}, "
            "or use a simpler 'fitgeometry'"
        ),
        Code.POORLY_DETERMINED: (
            f"its farthest source is placed to {e.sigma_corner_mas:.1f} mas, and a single one is "
            f"measured to {noise:.1f} mas; use a simpler 'fitgeometry', or {catalog}"
        ),
        Code.FAR_OFF: (
            f"its correction is {e.pull:.0f} times what is usual of the pointing; look at it"
        ),
    }
    return doubts[code]


def _other_offset(code: Code, e: Evidence) -> str:
    """The doubt about the offset that the correction started from."""
    if code is Code.SAME_PIXELS:
        return (
            f"{e.pinned_matches} of its matches are at the same pixels of the detector, while the "
            "WCS says that the telescope moved, as hot pixels do and stars do not; mask them, or "
            "drop them from the catalogs ('exclusions', 'roundlo' to 'sharphi' of iraf and dao), "
            "or look at the WCS: if that is off by the dither, all is well"
        )
    return (
        f"{e.second_matches} sources agree with another offset, "
        f"{1e-3 * e.second_offset_mas:.2f} arcsec away, and one offset must bring all together;"
        " if these are hot pixels or other artefacts, mask them, or drop them from the catalogs"
        " ('exclusions', 'roundlo' to 'sharphi' of iraf and dao); or lower 'searchrad' (for a "
        "reference 'abs_searchrad') so that it allows only one of the two"
    )


def _image_off(e: Evidence) -> str:
    """The doubt about single images of a group."""
    who = "one of its images agrees" if e.images_off == 1 else f"{e.images_off} of its images agree"
    return (
        f"{who} with as many sources, or more, {_away(e.image_offset_mas, e.image_roll_arcsec)} "
        "from where the group puts it; if the images of the group were not taken at once, give "
        "them a 'group_id' each; if detectors moved, set 'detector_motion'; else look at the "
        "sources of that image"
    )


def _away(offset_mas: float, roll_arcsec: float) -> str:
    """How far an image is off, in words."""
    offset = f"{offset_mas:.0f} mas"
    if abs(roll_arcsec) < _LEAST_ROLL:
        return offset
    return f"{offset} and {abs(roll_arcsec):.1f} arcsec of roll"


def apart_reason(one: ApartImage) -> str:
    """The sentence on an image that does not move with its group."""
    east, north = one.offset_mas
    known = abs(one.roll_arcsec) > max(3.0 * np.nan_to_num(one.roll_sigma_arcsec), _LEAST_ROLL)
    turned = f", rolled by {one.roll_arcsec:+.1f} arcsec about its middle" if known else ""
    return (
        f"Left as it was: {one.matches} of its sources agree with others "
        f"{np.hypot(east, north):.0f} mas ({east:+.0f} east, {north:+.0f} north) from where its "
        f"group puts them{turned}, while most images of the group agree with theirs; a group must "
        "move as one. If it was not taken at once with the others, give it a 'group_id' of its "
        "own; if its detector moved, set 'detector_motion'; else look at its sources."
    )


def motion_reason(choice: MotionChoice) -> str:
    """The sentence on the motion of the detectors."""
    if choice.grounds is MotionGrounds.EVIDENCE:
        return _by_evidence(choice)
    if choice.grounds is MotionGrounds.ASKED:
        return f"The option 'detector_motion' is '{choice.asked}'."
    return {
        MotionGrounds.ONE_DETECTOR: (
            "No motion: there are not two detectors that could move against each other."
        ),
        MotionGrounds.NO_MATCHES: "No motion: it leaves no matches.",
        MotionGrounds.IMAGES_OFF: (
            "No motion: it would hide that images do not move with their group."
        ),
        MotionGrounds.NOT_ALIGNED: "No motion of detectors: nothing could be aligned.",
        MotionGrounds.ANOTHER_METHOD: "The alignment was made by another method.",
    }[choice.grounds]


def _by_evidence(choice: MotionChoice) -> str:
    geometry, evidence, rms = choice.geometry, choice.evidence, choice.reserved_rms_mas
    numbers = f"reserved sources {rms['none']:.2f} mas without"
    if geometry != "none":
        return (
            f"Motion '{geometry}': 2 ln(evidence) is {evidence[geometry]:.1f} above none; "
            f"{numbers}, {rms[geometry]:.2f} mas with it."
        )
    best = max((name for name in evidence if name != "none"), key=evidence.__getitem__)
    found = round(evidence[best], 1) + 0.0  # never -0.0
    if found > CLEAR_EVIDENCE:
        if choice.own_mas:
            return (
                f"No motion: though 2 ln(evidence) of '{best}' is {found:.1f}, images that move by "
                f"themselves by {choice.own_mas:.2g} mas explain as much; {numbers}, "
                f"{rms[best]:.2f} mas with it."
            )
        return (
            f"No motion: though 2 ln(evidence) of '{best}' is {found:.1f}, sources that were not "
            f"fitted agree worse with it: {numbers}, {rms[best]:.2f} mas with it."
        )
    return (
        f"No motion: 2 ln(evidence) of '{best}' is {found:.1f}, {CLEAR_EVIDENCE:.0f} is "
        f"needed; {numbers}, {rms[best]:.2f} mas with it."
    )
