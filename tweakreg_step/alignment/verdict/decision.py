"""From the evidence on a group's correction to a finding: aligned, doubtful, or left.

A doubtful correction is applied and reported as doubtful; one that is left is not applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.core.evidence import Basis, Finding
from tweakreg_step.core.outcome import Code

if TYPE_CHECKING:
    from tweakreg_step.core.evidence import Diagnosis, Evidence

__all__ = ["CHANCE_LIMIT", "Noise", "absolute_finding", "is_noise", "relative_finding"]

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


def _doubt_about_offset(evidence: Evidence) -> Code | None:
    """The doubt about the initial offset, None if there is none."""
    if evidence.pinned_matches:
        return Code.SAME_PIXELS
    if evidence.second_matches:
        return Code.SECOND_PEAK
    if evidence.images_off:
        return Code.IMAGE_OFF
    return Code.STARS_REJECTED if evidence.rejected_stars else None


def _doubt(evidence: Evidence, noise: Noise) -> Code | None:
    """The first doubt about the offset or the fit, None if there is none."""
    e = evidence
    about_fit = {
        Code.WEAK_EVIDENCE: e.log10_chance > _WEAK_CHANCE,
        Code.RESERVED_DISAGREE: _reserve_disagrees(e, noise),
        Code.POOR_COVERAGE: e.coverage < _LEAST_COVERAGE,
        Code.POORLY_DETERMINED: e.sigma_corner_mas > _LOOSE * noise,
        Code.FAR_OFF: e.pull > _FAR,
    }
    # a wrong offset is the gravest, so that it comes before doubts about the fit
    return _doubt_about_offset(e) or next((code for code, so in about_fit.items() if so), None)


def relative_finding(
    status: Code,
    evidence: Evidence | None,
    noise: Noise,
    diagnosis: Diagnosis | None = None,
    *,
    alone: bool,
) -> Finding:
    """The finding on a group's alignment to the other groups.

    Parameters
    ----------
    status
        Status of the group after the fit.
    evidence
        Evidence of the relative phase.
    noise
        See `Noise`.
    diagnosis
        Of a failure.
    alone
        Whether it shares no source with another group and is aligned to the reference alone.
    """
    code = status
    if status is Code.ALIGNED and (alone or evidence is None):
        code = Code.NOT_CONNECTED
    elif status is Code.ALIGNED and evidence is not None:
        code = _doubt(evidence, noise) or Code.ALIGNED
    return Finding(code, status, Basis.GROUPS, evidence, noise, diagnosis)


def absolute_finding(
    status: Code,
    evidence: Evidence | None,
    noise: Noise,
    diagnosis: Diagnosis | None = None,
    *,
    anchored: bool,
) -> Finding:
    """The finding on a group's alignment to the reference; see `relative_finding`.

    Parameters
    ----------
    status, evidence, noise, diagnosis
        As for `relative_finding`; evidence of the absolute phase.
    anchored
        Whether its component of the overlap graph is tied to the reference.
    """
    if status is not Code.ALIGNED:
        return Finding(status, status, Basis.STARS, evidence, noise, diagnosis)
    if not anchored or evidence is None:
        code = Code.NO_REFERENCE_MATCH
        return Finding(code, status, Basis.STARS, evidence, noise, diagnosis)
    if evidence.matches == 0 or is_noise(evidence.log10_chance, 0.0):
        # doubts about the fit are those of its neighbours; only the offset is its own
        code = _doubt_about_offset(evidence) or Code.THROUGH_NEIGHBOURS
        return Finding(code, status, Basis.NEIGHBOURS, evidence, noise, diagnosis)
    code = _doubt(evidence, noise) or Code.ALIGNED
    return Finding(code, status, Basis.STARS, evidence, noise, diagnosis)
