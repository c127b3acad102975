"""The tables of the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Standing, Status
from tweakreg_step.report.group_outcome import reasons, standings
from tweakreg_step.report.statistics import (
    corrections_of,
    groups_by_need,
    pairs_by_need,
    shared_matches,
)

from .markup import Cell, number, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Corrections

__all__ = ["corrections_table", "images_table", "parameters_table", "plain_table", "ties_table"]

_TAGS = {
    Standing.ALIGNED: "aligned",
    Standing.DOUBTFUL: "doubtful",
    Standing.RELATIVE: "partly",
    Standing.LEFT: "left",
}

_COLUMNS = (
    ("east [mas]", "Shift to the east at the group's centre", "east", "+.1f"),
    ("north [mas]", "Shift to the north at the group's centre", "north", "+.1f"),
    ("shift [pixel]", "Length of the shift in pixels", "pixels", ".2f"),
    ("roll [arcsec]", "From north towards west, seen with east to the right", "roll", "+.1f"),
    ("scale [ppm]", "Relative change of scale, parts in a million", "scale_ppm", "+.1f"),
    (
        "sigma centre [mas]",
        "Error per axis of the worst image at its centre",
        "sigma_centre",
        ".2f",
    ),
    ("sigma corner [mas]", "The same at its worst corner", "sigma_corner", ".2f"),
    ("matches", "Detections whose source others saw, too", "matches", ".0f"),
    ("ref. stars", "Matches that are reference stars", "reference_matches", ".0f"),
    ("rms [mas]", "Weighted rms residual per axis", "rms", ".2f"),
    ("χ²/dof", "1 if the errors are right", "chi2_dof", ".2f"),
)

_PRECISION = "Error of its positions per axis as estimated, and the least that its stars allow"

_ROWS = 300
"""Rows of long tables; what is left out is named."""


def corrections_table(result: RunResult) -> str:
    """One row for each group, those that need attention first."""
    found, places = corrections_of(result), standings(result)
    heads = [("group", "Name of the group"), ("verdict", "What was done")]
    heads += [(text, title) for text, title, _, _ in _COLUMNS]
    heads.append(("achieved / achievable [mas]", _PRECISION))
    heads.append(("reason", "Why"))
    rows = [_row(result, found, places, group) for group in groups_by_need(result)]
    return table(heads, rows, "Corrections of the groups")


def _row(
    result: RunResult, found: Corrections, places: Sequence[Standing], group: int
) -> list[Cell]:
    standing = places[group]
    cells = [
        Cell(result.groups.names[group], "name", anchor=f"group-{group}"),
        Cell(standing.value, "", f"{standing.rank}", _TAGS[standing]),
    ]
    cells += [number(float(getattr(found, name)[group]), form) for _, _, name, form in _COLUMNS]
    cells.append(_precision(float(found.achieved[group]), float(found.bound[group])))
    return [*cells, Cell(reasons(result, group), "reason")]


def _precision(achieved: float, bound: float) -> Cell:
    """Both errors in one cell, sorted by their ratio."""
    if not (np.isfinite(achieved) and bound > 0.0):
        return number(achieved)
    return Cell(f"{achieved:.2f} / {bound:.2f}", "n", f"{achieved / bound:.4f}")


def ties_table(result: RunResult) -> str:
    """One row for each pair of groups that overlap, those that need attention first."""
    pairs, matches = pairs_by_need(result), shared_matches(result)
    sigma = _pair_sigmas(result)
    bridges: set[tuple[int, int]] = set()
    if result.solution is not None:
        bridges = result.solution.pairs.bridges
    heads = [
        ("first", "Name of a group"),
        ("second", "Name of a group"),
        ("matches", "Sources that both saw"),
        ("sigma [mas]", "Error of their relative place per axis, halfway between them"),
        ("bridge", "Whether nothing else ties the two sides to each other"),
    ]
    rows = [
        [
            *(Cell(result.groups.names[group], "name") for group in pair),
            number(float(matches.get(pair, 0)), ".0f"),
            number(sigma.get(pair, float("nan"))),
            Cell("bridge" if pair in bridges else ""),
        ]
        for pair in pairs[:_ROWS]
    ]
    left = f"<p class='soft'>{_more(len(pairs), 'pairs')}</p>" if len(pairs) > _ROWS else ""
    return table(heads, rows, "Registration between groups") + left


def _more(count: int, what: str) -> str:
    return (
        f"The first {_ROWS} of {count} {what}, those that need a look first; the report "
        "(…_tweakreg.json) has them all."
    )


def _pair_sigmas(result: RunResult) -> dict[tuple[int, int], float]:
    """Error per axis [mas] of each pair's relative position, the lower number first."""
    solution = result.solution
    if solution is None:
        return {}
    trace = np.trace(solution.pairs.covariance, axis1=1, axis2=2)
    sigma = 1000.0 * np.sqrt(0.5 * np.maximum(trace, 0.0))
    pairs = np.sort(solution.pairs.groups, axis=1).tolist()
    return {(a, b): float(value) for (a, b), value in zip(pairs, sigma, strict=True)}


def images_table(result: RunResult) -> str:
    """One row for each image, those that are not aligned first."""
    order = sorted(
        range(len(result.images)),
        key=lambda i: result.images.outcomes[i].status is Status.ALIGNED,
    )
    heads = [
        ("image", "File name"),
        ("detector", "Detector and filter"),
        ("group", "Group that it moves with"),
        ("sources", "Detections that took part"),
        ("status", "As recorded in the image"),
        ("WCS changed", "Whether its WCS is another than before"),
        ("matches", "Its detections that are matched"),
        ("share", "The same over all that took part"),
        ("rms [mas]", "Weighted rms residual per axis"),
        ("offset [mas]", "From the others, all in all; of one that was left out, as it would be"),
        ("± [mas]", "Error of the offset per axis"),
        ("roll [arcsec]", "Against the others, from east to north, about its own middle"),
        ("± [arcsec]", "Error of the roll"),
        ("beside [mas]", "Its offset against the other images of its group"),
        ("reason", "Why"),
    ]
    rows = [_image_row(result, image) for image in order[:_ROWS]]
    left = f"<p class='soft'>{_more(len(order), 'images')}</p>" if len(order) > _ROWS else ""
    return table(heads, rows, "Images") + left


def _image_row(result: RunResult, image: int) -> list[Cell]:
    outcome, fits = result.images.outcomes[image], result.images.fits
    size = int(result.images.detections[image])
    return [
        Cell(result.images.names[image], "name"),
        Cell(result.images.detectors[image], "name"),
        Cell(result.groups.names[int(result.images.group[image])], "name"),
        number(float(size), ".0f"),
        Cell(outcome.status.value),
        Cell("yes" if outcome.moved else "no"),
        number(float(fits.matches[image]), ".0f"),
        number(float(fits.matches[image]) / max(size, 1)),
        number(float(fits.rms_mas[image])),
        number(float(np.hypot(*fits.offset_mas[image])), ".1f"),
        number(float(fits.offset_sigma_mas[image])),
        number(float(fits.roll_arcsec[image]), "+.1f"),
        number(float(fits.roll_sigma_arcsec[image])),
        number(float(np.hypot(*fits.beside_mas[image])), ".1f"),
        Cell(outcome.reason, "reason"),
    ]


def parameters_table(result: RunResult, *, departures: bool) -> str:
    """Parameters that differ from their defaults, or all."""
    chosen = [p for p in result.run.parameters if not departures or p.origin != "default"]
    if not chosen:
        return "<p>All parameters have their defaults.</p>\n"
    heads = [("parameter", "Name"), ("value", "In this run"), ("from", "Where it was set")]
    rows = [[Cell(name, "name"), Cell(str(value)), Cell(origin)] for name, value, origin in chosen]
    return table(heads, rows, "Parameters")


def plain_table(rows: Sequence[tuple[str, str]], label: str) -> str:
    """A table of two text columns that can't be sorted."""
    inside = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table aria-label="{escape(label)}"><tbody>{inside}</tbody></table>\n'
