"""The tables of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Standing, Status
from tweakreg_step.report.group_outcome import reasons, standings
from tweakreg_step.report.statistics import (
    corrections_of,
    groups_by_need,
    pair_sigmas,
    pairs_by_need,
    shared_matches,
)

from .cells import Cell, Row, Table, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.outcome import LeftOut
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Corrections

__all__ = ["corrections_table", "images_table", "parameters_table", "ties_table"]

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


def corrections_table(result: RunResult) -> Table:
    """One row for each group, those that need attention first."""
    found, places = corrections_of(result), standings(result)
    heads = [
        ("group", "Name of the group"),
        ("verdict", "What was done"),
        ("reason", "Why, and what to do; nothing where all is well"),
        *((text, title) for text, title, _, _ in _COLUMNS),
        ("achieved / achievable [mas]", _PRECISION),
    ]
    rows = [Row(_row(result, found, places, g), (g,)) for g in groups_by_need(result)]
    return Table("Corrections of the groups", *_told(heads, rows))


def _told(heads: list[tuple[str, str]], rows: list[Row]) -> tuple[list[tuple[str, str]], list[Row]]:
    """Heads and rows without the columns that say nothing: no reason, no change of scale."""
    silent = {"reason": ("",), "scale [ppm]": ("+0.0", "-")}
    kept = [
        column
        for column, (head, _) in enumerate(heads)
        if any(row.cells[column].text not in silent.get(head, ()) for row in rows)
    ]
    short = [Row([row.cells[column] for column in kept], row.groups) for row in rows]
    return [heads[column] for column in kept], short


def _row(
    result: RunResult, found: Corrections, places: Sequence[Standing], group: int
) -> list[Cell]:
    standing = places[group]
    numbers = [number(float(getattr(found, name)[group]), form) for _, _, name, form in _COLUMNS]
    return [
        Cell(result.groups.names[group], "name", anchor=f"group-{group}"),
        Cell(standing.value, "name", f"{standing.rank}", _TAGS[standing]),
        Cell("" if standing is Standing.ALIGNED else reasons(result, group), "reason"),
        *numbers,
        _precision(float(found.achieved[group]), float(found.bound[group])),
    ]


def _precision(achieved: float, bound: float) -> Cell:
    """Both errors in one cell, sorted by their ratio."""
    if not (np.isfinite(achieved) and bound > 0.0):
        return number(achieved)
    return Cell(f"{achieved:.2f} / {bound:.2f}", "n", f"{achieved / bound:.4f}")


def ties_table(result: RunResult) -> Table:
    """One row for each pair of groups that overlap, those that need attention first."""
    pairs, matches, sigma = pairs_by_need(result), shared_matches(result), pair_sigmas(result)
    bridges = set() if result.solution is None else result.solution.pairs.bridges
    heads = [
        ("first", "Name of a group"),
        ("second", "Name of a group"),
        ("matches", "Sources that both saw"),
        ("sigma [mas]", "Error of their relative place per axis, halfway between them"),
        ("bridge", "Whether nothing else ties the two sides to each other"),
    ]
    rows = [
        Row(
            [
                *(Cell(result.groups.names[group], "name") for group in pair),
                number(float(matches.get(pair, 0)), ".0f"),
                number(sigma.get(pair, float("nan"))),
                Cell("bridge" if pair in bridges else ""),
            ],
            pair,
        )
        for pair in pairs[:_ROWS]
    ]
    return Table("Registration between groups", heads, rows, _more(len(pairs), "pairs"))


def _more(count: int, what: str) -> str:
    if count <= _ROWS:
        return ""
    return (
        f"The first {_ROWS} of {count} {what}, those that need a look first; the report "
        "(…_tweakreg.json) has them all."
    )


def images_table(result: RunResult) -> Table:
    """One row for each image: those that took no part, those not aligned, then the others."""
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
    rows = [_left_out_row(one) for one in result.left_out]
    rows += [_image_row(result, image) for image in order]
    return Table("Images", heads, rows[:_ROWS], _more(len(rows), "images"))


def _left_out_row(one: LeftOut) -> Row:
    none = [Cell("", "n", "")] * 8
    return Row(
        [
            Cell(one.name, "name"),
            Cell(""),
            Cell(one.group, "name"),
            Cell("", "n", ""),
            Cell("took no part", "name", tag="left"),
            Cell("no"),
            *none,
            Cell(one.outcome.reason, "reason"),
        ]
    )


def _image_row(result: RunResult, image: int) -> Row:
    outcome, fits = result.images.outcomes[image], result.images.fits
    group, size = int(result.images.group[image]), int(result.images.detections[image])
    cells = [
        Cell(result.images.names[image], "name"),
        Cell(result.images.detectors[image], "name"),
        Cell(result.groups.names[group], "name"),
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
    return Row(cells, (group,))


def parameters_table(result: RunResult, *, departures: bool) -> Table:
    """Parameters that differ from their defaults, or all."""
    chosen = [p for p in result.run.parameters if not departures or p.origin != "default"]
    heads = [("parameter", "Name"), ("value", "In this run"), ("from", "Where it was set")]
    rows = [
        Row([Cell(name, "name"), Cell(str(value)), Cell(origin)]) for name, value, origin in chosen
    ]
    return Table("Parameters", heads, rows)
