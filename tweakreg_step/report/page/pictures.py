"""The pictures of a page, limited in number."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.report.plots import (
    draw_differences,
    draw_footprints,
    draw_histogram,
    draw_motions,
    draw_overlaps,
    draw_residuals,
    draw_vectors,
    rendered,
)
from tweakreg_step.report.sentences import motion_reason
from tweakreg_step.report.statistics import (
    REFERENCE,
    differences_of,
    groups_by_need,
    pairs_by_need,
    residuals_of,
    shortened,
)

from .markup import figure, gallery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tweakreg_step.report.plots import Drawing, Picture
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Residuals

__all__ = ["DETECTORS", "GROUPS", "PAIRS", "TIES", "Sections", "sections"]

PAIRS, TIES, GROUPS, DETECTORS = 16, 8, 8, 12
"""Most pictures of pairs, of groups with the reference, of groups, and of detectors.

A page of a thousand groups then has some 50 pictures, is made in half a minute and has 3 MB.
"""

_NONE = "<p>There is nothing to draw: {}.</p>\n"


@dataclass(frozen=True, slots=True)
class Sections:
    """The drawn parts of the page, as HTML."""

    sky: str
    ties: str
    offsets: str
    residuals: str
    detectors: str


def sections(result: RunResult) -> Sections:
    """Draw all pictures of a page."""
    residuals = residuals_of(result)
    return Sections(
        sky=_one(draw_footprints(result), "no image has a footprint"),
        ties=_one(draw_overlaps(result), "no group has a place on the sky"),
        offsets=_offsets(result),
        residuals=_residuals(result, residuals),
        detectors=_detectors(result, residuals),
    )


def _one(drawing: Drawing | None, otherwise: str) -> str:
    return _NONE.format(escape(otherwise)) if drawing is None else figure(rendered(drawing))


def _drawn(drawings: Iterable[Drawing | None]) -> list[Picture]:
    return [rendered(drawing) for drawing in drawings if drawing is not None]


def _note(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>\n'


def _left_out(shown: int, total: int, what: str) -> str:
    if total <= shown:
        return ""
    return _note(
        f"{shown} of {total} {what} have a picture, those that need a look first; the numbers of "
        "all are in the tables here and in the report, …_tweakreg.json and …_tweakreg_matches.ecsv."
    )


def _offsets(result: RunResult) -> str:
    if result.catalogs.detections is None:
        return _NONE.format("the run ended before there were positions to compare")
    pairs = pairs_by_need(result)
    groups = groups_by_need(result) if result.catalogs.reference is not None else []
    out = [_note(_HOW), _beginning(result)]
    wanted = [*pairs[:PAIRS], *((REFERENCE, group) for group in groups[:TIES])]
    found = [differences_of(result, *pair) for pair in wanted]
    pictures = _drawn(draw_differences(result, item) for item in found if item is not None)
    if not pictures:
        return _NONE.format("no two catalogs overlap")
    out.append(gallery(pictures))
    out.append(_left_out(PAIRS, len(pairs), "pairs of groups"))
    out.append(_left_out(TIES, len(groups), "groups with the reference catalog"))
    return "".join(out)


_HOW = (
    "All differences of positions of two catalogs through the WCS as delivered. True pairs pile up "
    "at the offset of the two, chance pairs are spread evenly. Dashed: how far the run searched. "
    "Square: the peak. Cross: where the solution says that it is. A peak outside the circle asks "
    "for a larger 'searchrad' (or 'abs_searchrad' for the reference). Differences were not turned: "
    "where a roll of minutes of arc is needed, the peak is smeared out."
)


def _beginning(result: RunResult) -> str:
    _, start = shortened(result.groups.names)
    return _note(f"Names of groups are given without '{start}', which all share.") if start else ""


def _residuals(result: RunResult, residuals: Residuals | None) -> str:
    if residuals is None:
        why = "residuals of single stars are kept by align_method='global' alone, where it aligned"
        return _NONE.format(escape(why))
    out = [_one(draw_residuals(residuals, "Residuals of all images"), "no image has enough stars")]
    out.append(_one(draw_histogram(residuals, "Residuals and their errors"), "no errors are known"))
    present = set(residuals.group.tolist())
    groups = [group for group in groups_by_need(result) if group in present]
    chosen = groups[:GROUPS]
    pictures = _drawn(
        draw_vectors(residuals.take(residuals.group == group), result.groups.names[group], sky=True)
        for group in chosen
    )
    out.append("<h3>Groups, on the sky</h3>" + gallery(pictures))
    out.append(_left_out(GROUPS, len(groups), "groups"))
    return "".join(out)


def _detectors(result: RunResult, residuals: Residuals | None) -> str:
    out = []
    if result.solution is not None:
        moved = draw_motions(result)
        out.append(
            f"<p>{escape(motion_reason(result.solution.motion))}</p>\n"
            if moved is None
            else figure(rendered(moved))
        )
    if residuals is not None:
        out.append(_detector_residuals(result, residuals))
    return "".join(out) or _NONE.format("detectors move by align_method='global' alone")


def _detector_residuals(result: RunResult, residuals: Residuals) -> str:
    """Vectors of each detector over all its exposures."""
    name = np.array([detector or "unknown detector" for detector in result.images.detectors])
    own = name[residuals.image]
    names = sorted(set(own.tolist()))
    pictures = _drawn(
        draw_vectors(residuals.take(own == detector), detector) for detector in names[:DETECTORS]
    )
    if not pictures:
        return ""
    left = _left_out(DETECTORS, len(names), "detectors")
    return "<h3>Residuals on each detector, all exposures</h3>" + gallery(pictures) + left
