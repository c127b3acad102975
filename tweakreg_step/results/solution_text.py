"""A solution as text: what moved, by how much, and what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from tweakreg_step.core.sphere import ARCSEC

if TYPE_CHECKING:
    from tweakreg_step.solutions import SavedLevel, SavedSolution

__all__ = ["shown_solution"]

MOST = 40
"""Largest number of units of a level with a line each."""


def shown_solution(solution: SavedSolution) -> str:
    """A solution as lines of text.

    Parameters
    ----------
    solution
        The solution.
    """
    images = solution.images
    reference = solution.reference
    lines = [
        f"Solution '{solution.product}' of {solution.created}, by tweakreg_step "
        f"{solution.versions.get('tweakreg_step', 'unknown')}, checksum "
        f"{solution.checksum[:12]}",
        f"{int(images.moved.sum())} of {len(images)} images in {len(solution.groups)} groups are "
        f"to be corrected; method '{solution.method}'.",
        solution.gauge,
    ]
    if reference:
        release = reference.get("details", {}).get("release")
        lines.append(
            f"Reference catalog: {reference['name']}{f', {release}' if release else ''}, "
            f"{reference['size']} stars."
        )
    changed = [one for one in solution.parameters if one.origin != "default"]
    lines.append("Parameters: " + (", ".join(f"{p.name}={p.value}" for p in changed) or "defaults"))
    for level in solution.levels:
        lines += ["", *_level(level)]
    left = [
        f"  {name}: {reason}"
        for name, reason in zip(images.names, images.reasons, strict=True)
        if reason
    ]
    return "\n".join([*lines, *(["", "Not aligned:", *left] if left else [])])


def _level(level: SavedLevel) -> list[str]:
    """The motions of a level, in the frame that it has."""
    if level.geometry == "scale":
        return _numbers(level)
    on_sky = level.frame.startswith("sky")
    first, second = ("east", "north") if on_sky else ("V2", "V3")
    length = u.mas / u.yr if level.frame.endswith("year") else u.mas
    roll = np.arctan2(
        level.matrix[:, 1, 0] - level.matrix[:, 0, 1], level.matrix[:, 0, 0] + level.matrix[:, 1, 1]
    )
    sigma = level.sigma
    errors = {
        "sigma": 1e3 * np.sqrt(0.5 * (sigma[:, 0] ** 2 + sigma[:, 1] ** 2)),
        "sigma_roll": ARCSEC * sigma[:, 2] if sigma.shape[1] > 2 else np.full(len(level), np.nan),
    }
    columns = {
        f"shift_{first}": (length, ".2f", 1e3 * level.shift[:, 0]),
        f"shift_{second}": (length, ".2f", 1e3 * level.shift[:, 1]),
        "sigma": (length, ".2f", errors["sigma"]),
        "roll": (u.arcsec, ".3f", ARCSEC * roll),
        "sigma_roll": (u.arcsec, ".3f", errors["sigma_roll"]),
    }
    table = Table(
        [
            Column(level.units, name=level.name),
            *(Column(v, name=n, unit=unit, format=f) for n, (unit, f, v) in columns.items()),
        ]
    )
    return list(table.pformat(max_lines=MOST, max_width=-1))


def _numbers(level: SavedLevel) -> list[str]:
    """The numbers of a level that has nothing else."""
    columns = [
        Column(level.units, name=level.name),
        Column(level.matrix[:, 0, 0] - 1.0, name="scale", format=".3g"),
        Column(level.sigma[:, 0], name="sigma", format=".2g"),
    ]
    return list(Table(columns).pformat(max_lines=MOST, max_width=-1))
