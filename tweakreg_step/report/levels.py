"""What moves with what: the levels of motion as a short table, in words and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.level_fits import Levels

__all__ = ["level_rows", "levels_of"]


def levels_of(levels: Levels) -> dict[str, Any]:
    """The levels as they are in the report."""
    field = levels.field
    return {
        "scatter": [
            {
                "name": one.name,
                "units": one.count,
                "shift_mas": one.shift_mas,
                "roll_arcsec": one.roll_arcsec,
            }
            for one in levels.widths
        ],
        "left_visit": [
            {
                "group": group,
                "apart_mas": levels.apart_mas[group],
                "apart_roll_arcsec": levels.apart_roll[group],
            }
            for group in np.flatnonzero(levels.left).tolist()
        ],
        "placements": [
            {"group": one.group, "scale": one.scale, "sigma": one.sigma}
            for one in levels.placements
        ],
        "field": None
        if field is None
        else {
            "mean_mas_per_year": field.mean_mas,
            "sigma_mas_per_year": field.sigma_mas,
            "scatter_mas_per_year": field.scatter_mas,
            "told": field.told,
        },
        "epochs": [{"epochs": one.epochs, "sigma_mas": one.sigma_mas} for one in levels.ties],
    }


def level_rows(levels: Levels, names: Sequence[str]) -> list[tuple[str, str]]:
    """The levels as rows of what and how much; groups have `names` (G,)."""
    rows = [
        (
            f"{one.name}, {one.count} unit{'s' * (one.count != 1)}",
            _scatter(one.shift_mas, one.roll_arcsec),
        )
        for one in levels.widths
    ]
    rows += [
        (
            f"left its visit: {names[group]}",
            f"{1e-3 * np.hypot(*levels.apart_mas[group]):.3f} arcsec and "
            f"{levels.apart_roll[group]:.1f} arcsec of roll from the others of the visit",
        )
        for group in np.flatnonzero(levels.left).tolist()
    ]
    rows += [
        (
            f"placement, visit of {names[one.group]}",
            f"VA_SCALE - 1 = {1e4 * one.scale:+.2f} +- {1e4 * one.sigma:.2f} x 1e-4 about a common "
            "point",
        )
        for one in levels.placements
    ]
    return rows + _of_epochs(levels)


def _scatter(shift: float, roll: float) -> str:
    turn = f", {roll:.2f} arcsec of roll" if np.isfinite(roll) else ""
    return f"scatter {shift:.2f} mas{turn}"


def _of_epochs(levels: Levels) -> list[tuple[str, str]]:
    """The rows of the field's motion and of the epochs."""
    field, rows = levels.field, []
    if field is not None:
        east, north = field.mean_mas
        mean = (
            f"{east:+.2f} {north:+.2f} +- {float(np.mean(field.sigma_mas)):.2f} mas/yr"
            if field.told
            else "mean not known: no three reference stars of known motion were seen twice"
        )
        rows.append(("motion of the field", f"{mean}, scatter {field.scatter_mas:.2f} mas/yr"))
    for tie in levels.ties:
        how = f"to {tie.sigma_mas:.2f} mas" if np.isfinite(tie.sigma_mas) else "by nothing"
        first, second = tie.epochs
        rows.append((f"epochs {first:.2f} and {second:.2f}", f"tied {how}"))
    return rows
