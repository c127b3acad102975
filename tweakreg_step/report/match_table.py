"""The table of all matches of a run, and its file."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from tweakreg_step.alignment import matched_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tweakreg_step.alignment import Matched

    from .result import RunResult


__all__ = ["COLUMNS", "matches_of", "write_matches", "write_rows"]

ALONE = "alone"
CLIPPED = "clipped: residual"
DOWNWEIGHTED = "downweighted"
USED = "used"
FULL_WEIGHT = 0.999  # reweighting settles to 1e-4, so that 1 may be a little less

COLUMNS: dict[str, tuple[Any, str, str]] = {
    "image": (None, "%s", "Name of the image"),
    "group": (None, "%s", "Name of its exposure group"),
    "detector": (None, "%s", "Detector and filter"),
    "x": (u.pix, "%.4f", "Column, the centre of the first pixel at 0"),
    "y": (u.pix, "%.4f", "Row, the centre of the first pixel at 0"),
    "ra": (u.deg, "%.10f", "Right ascension (ICRS) through the input WCS"),
    "dec": (u.deg, "%.10f", "Declination (ICRS) through the input WCS"),
    "source": (None, "%d", "Number of the source that it was matched to"),
    "star": (None, "%d", "Row of the source's star in the reference catalog, -1: none"),
    "residual_east": (u.mas, "%.4f", "Observed - fitted, corrected WCS"),
    "residual_north": (u.mas, "%.4f", "Observed - fitted, corrected WCS"),
    "before_east": (u.mas, "%.4f", "Observed - fitted, input WCS"),
    "before_north": (u.mas, "%.4f", "Observed - fitted, input WCS"),
    "sigma": (u.mas, "%.4f", "Standard deviation per axis, with what was estimated of it"),
    "weight": (None, "%.4f", "Robust weight in the fit, 0 to 1"),
    "use": (
        None,
        "%s",
        "used; downweighted: its residual is large; 'clipped: residual': too large to be of this "
        "source; alone: all else of its source was clipped, so it constrains nothing",
    ),
}
"""Unit, format in a file and meaning of each column, in their order."""


def _use(matched: Matched) -> NDArray[np.str_]:
    """(L,) use of each match, see `COLUMNS`."""
    used = np.flatnonzero(matched.used)
    size = int(matched.source.max(initial=-1)) + 1
    groups = np.unique(np.stack([matched.source[used], matched.group[used]], axis=1), axis=0)
    seen = np.bincount(groups[:, 0], minlength=size)
    lonely = (seen[matched.source] < 2) & (matched.star < 0)
    conditions = [~matched.used, lonely, matched.weight < FULL_WEIGHT]
    return np.select(conditions, [CLIPPED, ALONE, DOWNWEIGHTED], USED)


def _values(result: RunResult) -> dict[str, Any]:
    detections, solution = result.catalogs.detections, result.solution
    if detections is None or solution is None:
        return {name: _empty(form) for name, (_, form, _) in COLUMNS.items()}
    matched = matched_of(detections, result.catalogs.reference, solution)
    index = matched.index
    image = detections.image[index]
    sigma = np.sqrt(0.5 * np.trace(matched.covariance, axis1=1, axis2=2))
    return {
        "image": np.array(result.images.names, str)[image],
        "group": np.array(result.groups.names, str)[matched.group],
        "detector": np.array(result.images.detectors, str)[image],
        "x": result.catalogs.x[index],
        "y": result.catalogs.y[index],
        "ra": detections.ra[index],
        "dec": detections.dec[index],
        "source": matched.source,
        "star": matched.star,
        "residual_east": 1e3 * matched.after[:, 0],
        "residual_north": 1e3 * matched.after[:, 1],
        "before_east": 1e3 * matched.before[:, 0],
        "before_north": 1e3 * matched.before[:, 1],
        "sigma": 1e3 * sigma,
        "weight": matched.weight,
        "use": _use(matched),
    }


def _empty(form: str) -> NDArray[Any]:
    return np.zeros(0, {"s": str, "d": np.int64, "f": float}[form[-1]])


def matches_of(result: RunResult) -> Table:
    """All matches of a run: positions, residuals, weights, and whether they were used.

    Detections without a source are not included. A run of the sequential method, or one that ended
    early, has a table without rows.

    Parameters
    ----------
    result
        Result of the run.

    Returns
    -------
    Table
        Sorted by source, with units and descriptions.
    """
    values = _values(result)
    columns = [
        Column(values[name], name=name, unit=unit, description=meaning)
        for name, (unit, _, meaning) in COLUMNS.items()
    ]
    meta = {"product": result.run.product, "start": result.run.start}
    return Table(columns, meta=meta)


def write_matches(table: Table, path: Path) -> None:
    """Write a table from `matches_of` as ECSV."""
    write_rows(table, path, {name: form for name, (_, form, _) in COLUMNS.items()})


def write_rows(table: Table, path: Path, forms: Mapping[str, str]) -> None:
    """Write a table as ECSV.

    astropy writes the header; the rows are formatted here, several times as fast.

    Parameters
    ----------
    table
        The table.
    path
        Path of the file.
    forms
        printf format of each column, in their order.
    """
    head = StringIO()
    table[:0].write(head, format="ascii.ecsv", delimiter=",")
    columns = [_cells(table[name], form) for name, form in forms.items()]
    line = ",".join(forms.values()) + "\n"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(head.getvalue())
        file.writelines(line % row for row in zip(*columns, strict=True))


def _cells(column: Column, form: str) -> Sequence[Any]:
    """The values of a column as Python objects, texts quoted where CSV requires it."""
    values = np.asarray(column)
    if not form.endswith("s"):
        return values.tolist()  # type: ignore[no-any-return] # numpy can't say: a flat list
    names, which = np.unique(values, return_inverse=True)
    quoted = np.array([_quoted(str(name)) for name in names], object)
    return quoted[which].tolist() if len(names) else []


def _quoted(text: str) -> str:
    cell = StringIO()
    csv.writer(cell, lineterminator="").writerow([text])
    return cell.getvalue()
