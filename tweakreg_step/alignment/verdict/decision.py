"""From the evidence on a group's correction to a verdict: aligned, doubtful, or left.

A doubtful correction is applied and reported as doubtful; one that is left is not applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Decision, GroupStatus, Verdict

if TYPE_CHECKING:
    from tweakreg_step.core.outcome import Evidence

__all__ = ["CHANCE_LIMIT", "Noise", "absolute_verdict", "is_noise", "relative_verdict"]

CHANCE_LIMIT = -4.0
"""log10 of the probability of as many chance matches, all trials included, above which matches
count as noise: one fit of noise in ten thousand passes. Fits of 15 true matches are below -40."""

_WEAK_CHANCE = -8.0
_NOISE_SPREAD = 0.8
"""Differences spread evenly over the match radius have 1; normal errors, of which the radius holds
98 per cent, 0.3 to 0.55."""

_WORSE = 1.2
"""Increase of the rms of reserved sources that is tolerated: that of ten scatters by a fifth."""

_FEWEST_RESERVED = 5
_AGREE = 2.0
"""Rms of reserved sources that is tolerated [errors of a detection]: two positions differ by 1.4,
that of a reserved source and of a mean of few by up to 1.7."""

_LEAST_COVERAGE = 0.05
_FAR = 10.0  # standard deviations of the pointing
_LOOSE = 10.0  # errors of one detection


_MORE = Options().more_sources

Noise = float
"""Error of a single detection per axis [mas], to compare the error of a correction with."""


def is_noise(log10_chance: float, spread: float) -> bool:
    """Whether matches are no more than expected by chance."""
    return log10_chance > CHANCE_LIMIT or spread > _NOISE_SPREAD


def _reserve_disagrees(e: Evidence, noise: Noise) -> bool:
    """Whether reserved sources agree worse than before the fit, and worse than their errors allow.

    Where the input WCS was right, the error of the fit makes the rms a little larger.
    """
    allowed = max(_WORSE * e.reserved_before_mas, _AGREE * noise)
    return e.reserved >= _FEWEST_RESERVED and e.reserved_after_mas > allowed


def _doubt_about_offset(e: Evidence) -> tuple[str, str]:
    """Code and sentence of a doubt about the initial offset; empty texts if there is none."""
    if e.pinned_matches:
        return "same_pixels", (
            f"{e.pinned_matches} of its matches are at the same pixels of the detector, while the "
            "WCS says that the telescope moved, as hot pixels do and stars do not; mask them, or "
            "drop them from the catalogs ('exclusions', 'roundlo' to 'sharphi' of iraf and dao), "
            "or look at the WCS: if that is off by the dither, all is well"
        )
    if e.second_matches:
        return "second_peak", (
            f"{e.second_matches} sources agree with another offset, "
            f"{1e-3 * e.second_offset_mas:.2f} arcsec away, and one offset must bring all together;"
            " if these are hot pixels or other artefacts, mask them, or drop them from the catalogs"
            " ('exclusions', 'roundlo' to 'sharphi' of iraf and dao); or lower 'searchrad' (for a "
            "reference 'abs_searchrad') so that it allows only one of the two"
        )
    if e.images_off:
        who = "one of its images agrees" if e.images_off == 1 else f"{e.images_off} images agree"
        return "image_off", (
            f"{who} with as many sources, or more, {e.image_offset_mas:.0f} mas from where the "
            "group puts it; if its images were not taken at once, give them a 'group_id' each; if "
            "detectors moved, set 'detector_motion'; else look at the sources of that image"
        )
    return "", ""


def _doubt_about_fit(evidence: Evidence, noise: Noise, more: str) -> tuple[str, str]:
    """Code and sentence of the first doubt about the fit; empty texts if there is none."""
    e = evidence
    if e.log10_chance > _WEAK_CHANCE:
        return "weak_evidence", (
            f"chance gives as many matches with a probability of 10^{e.log10_chance:.1f}; {more}"
        )
    if _reserve_disagrees(e, noise):
        return "reserved_disagree", (
            f"{e.reserved} sources that were kept out of the fit agree to "
            f"{e.reserved_after_mas:.1f} mas after and {e.reserved_before_mas:.1f} mas before it; "
            "try a simpler 'fitgeometry'"
        )
    if e.coverage < _LEAST_COVERAGE:
        return "poor_coverage", (
            f"its matches span {100.0 * e.coverage:.0f} % of the area of its sources; {more}, "
            "or use a simpler 'fitgeometry'"
        )
    if e.sigma_corner_mas > _LOOSE * noise:
        return "poorly_determined", (
            f"its farthest source is placed to {e.sigma_corner_mas:.1f} mas, and a single one is "
            f"measured to {noise:.1f} mas; use a simpler 'fitgeometry', or a reference catalog"
        )
    if e.pull > _FAR:
        return "far_off", (
            f"its correction is {e.pull:.0f} times what is usual of the pointing; look at it"
        )
    return "", ""


def _applied(evidence: Evidence, noise: Noise, fact: str, more: str) -> Verdict:
    code, doubt = _doubt_about_offset(evidence)
    if not code:  # a wrong offset is the gravest, so that it comes before doubts about the fit
        code, doubt = _doubt_about_fit(evidence, noise, more)
    if not code:
        return Verdict(Decision.ALIGNED, "aligned", f"{fact}.", evidence)
    return Verdict(Decision.DOUBTFUL, code, f"{fact}, but doubtful: {doubt}.", evidence)


def relative_verdict(
    status: GroupStatus,
    evidence: Evidence | None,
    noise: Noise,
    remedy: str,
    *,
    alone: bool,
    more: str = _MORE,
) -> Verdict:
    """The verdict on a group's alignment to the other groups.

    Parameters
    ----------
    status
        Status of the group after the fit.
    evidence
        Evidence of the relative phase.
    noise
        See `Noise`.
    remedy
        What the user can do about a failure.
    alone
        Whether it shares no source with another group and is aligned to the reference alone.
    more
        What the user can do for more sources.
    """
    if status is not GroupStatus.ALIGNED or evidence is None:
        fact = status.value.rstrip(".")
        return Verdict(Decision.LEFT, status.code, f"{fact}; {remedy}.", evidence)
    if alone:
        reason = "It shares no source with another group: the reference alone places it."
        return Verdict(Decision.LEFT, GroupStatus.NOT_CONNECTED.code, reason, evidence)
    return _applied(
        evidence, noise, f"Aligned to the other groups by {evidence.matches} matches", more
    )


def absolute_verdict(
    status: GroupStatus,
    evidence: Evidence | None,
    noise: Noise,
    remedy: str,
    *,
    anchored: bool,
    more: str = _MORE,
) -> Verdict:
    """The verdict on a group's alignment to the reference; see `relative_verdict`.

    Parameters
    ----------
    status, evidence, noise, remedy, more
        As for `relative_verdict`; evidence of the absolute phase.
    anchored
        Whether its component of the overlap graph is tied to the reference.
    """
    if status is not GroupStatus.ALIGNED:
        fact = status.value.rstrip(".")
        return Verdict(Decision.LEFT, status.code, f"{fact}; {remedy}.", evidence)
    if not anchored or evidence is None:
        reason = f"Not aligned to the reference: {remedy}."
        return Verdict(Decision.LEFT, "no_reference_match", reason, evidence)
    if evidence.matches == 0 or is_noise(evidence.log10_chance, 0.0):
        fact = (
            f"Aligned to the reference through its neighbours; {evidence.matches} of its own "
            "sources match reference stars"
        )
        code, doubt = _doubt_about_offset(evidence)
        if code:
            return Verdict(Decision.DOUBTFUL, code, f"{fact}. Doubtful: {doubt}.", evidence)
        return Verdict(Decision.ALIGNED, "through_neighbours", f"{fact}.", evidence)
    return _applied(evidence, noise, f"Aligned to the reference by {evidence.matches} stars", more)
