"""Tables of groups, images and detectors of a run, with units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from tweakreg_step.core.sphere import ARCSEC, directions, frames_of, to_plane
from tweakreg_step.report import figures_of, group_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.report import RunResult
    from tweakreg_step.solutions import SavedSolution

__all__ = ["detectors_of", "groups_of", "images_of", "shown_groups"]

_Columns = dict[str, tuple[Any, str | None, str]]

GROUPS: _Columns = {
    "group": (None, None, "Name of the exposure group"),
    "images": (None, None, "Number of images that took part"),
    "sources": (None, None, "Number of sources that took part"),
    "matches": (None, None, "Number of matched sources, -1 where there is no fit"),
    "reference_matches": (None, None, "Of these, matched to reference stars"),
    "shift_east": (u.mas, ".2f", "Motion of the group's centre"),
    "shift_north": (u.mas, ".2f", "Motion of the group's centre"),
    "roll": (u.arcsec, ".3f", "Roll of the motion, from east to north"),
    "rms": (u.mas, ".3f", "Rms residual per axis"),
    "rms_pixels": (u.pix, ".4f", "The same in pixels"),
    "sigma": (u.mas, ".3f", "Error of the motion per axis, at the group's centre"),
    "ratio": (None, ".2f", "Achieved error over the best possible one"),
    "verdict": (None, None, "What was decided"),
    "code": (None, None, "Why, as a code"),
    "reason": (None, None, "Why, as a sentence"),
}

IMAGES: _Columns = {
    "image": (None, None, "Name of the image"),
    "group": (None, None, "Name of its exposure group"),
    "detector": (None, None, "Detector and filter"),
    "sources": (None, None, "Number of sources that took part"),
    "status": (None, None, "COMPLETE, FAILED or SKIPPED"),
    "moved": (None, None, "Whether its WCS was changed"),
    "absolute": (None, None, "Whether it is aligned to the reference catalog"),
    "pixel_scale": (u.arcsec / u.pix, ".5f", "Side of a pixel"),
    "largest_motion": (u.mas, ".2f", "Motion of the corner that moved most"),
    "reason": (None, None, "Why, as a sentence"),
}

DETECTORS: _Columns = {
    "detector": (None, None, "Detector, filter, visit"),
    "shift_v2": (u.mas, ".3f", "Motion of its middle along V2"),
    "shift_v3": (u.mas, ".3f", "Motion of its middle along V3"),
    "sigma_v2": (u.mas, ".3f", "Error"),
    "sigma_v3": (u.mas, ".3f", "Error"),
    "roll": (u.arcsec, ".3f", "Roll"),
    "sigma_roll": (u.arcsec, ".3f", "Error"),
}
"""Unit, format and meaning of each column, in their order."""


def groups_of(result: RunResult) -> Table:
    """A row for each group: its motion, fit and verdict."""
    return _table([_group(result, group) for group in range(len(result.groups))], GROUPS)


def _group(result: RunResult, group: int) -> dict[str, Any]:
    own = result.images.group == group
    figures, outcome = figures_of(result, group), group_outcome(result, group)
    shift = figures.shift_mas or (None, None)
    scale = float(np.mean(result.images.pixel_scale[own])) if own.any() else np.nan
    rms = _or_nan(figures.rms_mas)
    return {
        "group": result.groups.names[group],
        "images": int(own.sum()),
        "sources": int(result.images.detections[own].sum()),
        "matches": -1 if figures.matches is None else figures.matches,
        "reference_matches": figures.reference_matches or 0,
        "shift_east": _or_nan(shift[0]),
        "shift_north": _or_nan(shift[1]),
        "roll": _or_nan(figures.roll_arcsec),
        "rms": rms,
        "rms_pixels": 1e-3 * rms / scale,
        "sigma": _or_nan(figures.sigma_mas),
        "ratio": _or_nan(figures.ratio),
        "verdict": outcome.standing.value,
        "code": outcome.code.value,
        "reason": outcome.reason,
    }


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def images_of(result: RunResult) -> Table:
    """A row for each image, and for each that was left out."""
    rows = [_image(result, image) for image in range(len(result.images))]
    rows += [
        {
            "image": one.name,
            "group": one.group,
            "detector": "",
            "sources": 0,
            "status": one.outcome.status.value,
            "moved": False,
            "absolute": False,
            "pixel_scale": np.nan,
            "largest_motion": np.nan,
            "reason": one.outcome.reason,
        }
        for one in result.left_out
    ]
    return _table(rows, IMAGES)


def _image(result: RunResult, image: int) -> dict[str, Any]:
    images = result.images
    outcome = images.outcomes[image]
    return {
        "image": images.names[image],
        "group": result.groups.names[int(images.group[image])],
        "detector": images.detectors[image],
        "sources": int(images.detections[image]),
        "status": outcome.status.value,
        "moved": outcome.moved,
        "absolute": outcome.absolute,
        "pixel_scale": float(images.pixel_scale[image]),
        "largest_motion": _largest_motion(result, image) if outcome.moved else 0.0,
        "reason": outcome.reason,
    }


def _largest_motion(result: RunResult, image: int) -> float:
    """Motion of the corner that moved most [mas]."""
    before, after = result.images.corners_before[image], result.images.corners_after[image]
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return float("nan")
    start, end = directions(*before.T), directions(*after.T)
    return float(1e3 * np.max(np.hypot(*to_plane(end, frames_of(start)).T)))


def detectors_of(solution: SavedSolution) -> Table:
    """A row for each unit of detector motion; none where detectors have not moved."""
    level = solution.level("detector")
    rows = []
    for unit in range(0 if level is None else len(level)):
        assert level is not None  # noqa: S101 - there are units
        matrix, sigma = level.matrix[unit], level.sigma[unit]
        roll = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
        rows.append(
            {
                "detector": level.units[unit],
                "shift_v2": 1e3 * float(level.shift[unit, 0]),
                "shift_v3": 1e3 * float(level.shift[unit, 1]),
                "sigma_v2": 1e3 * float(sigma[0]),
                "sigma_v3": 1e3 * float(sigma[1]),
                "roll": float(ARCSEC * roll),
                "sigma_roll": float(ARCSEC * sigma[2]) if len(sigma) > 2 else np.nan,
            }
        )
    return _table(rows, DETECTORS)


def _table(rows: Sequence[dict[str, Any]], columns: _Columns) -> Table:
    texts = {"detector", "group", "image"}
    return Table(
        [
            Column(
                [row[name] for row in rows],
                name=name,
                unit=unit,
                format=form,
                description=meaning,
                dtype=None if rows else (str if name in texts else float),
            )
            for name, (unit, form, meaning) in columns.items()
        ]
    )


_SHOWN = (
    "group", "images", "sources", "matches", "reference_matches", "shift_east", "shift_north",
    "roll", "rms", "rms_pixels", "sigma", "verdict", "reason",
)  # fmt: skip


def shown_groups(result: RunResult) -> tuple[list[str], list[list[str]]]:
    """Titles and cells of the table of groups, as texts."""
    table = groups_of(result)
    titles = [
        name if table[name].unit is None else f"{name.replace('_', ' ')} [{table[name].unit}]"
        for name in _SHOWN
    ]
    rows = [[_text(table[name].format, row[name]) for name in _SHOWN] for row in table]
    return titles, rows


def _text(form: str | None, value: Any) -> str:
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return "-"
    return format(value, form or "")
