"""Exposures that join a solution after the files of the old ones are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.api import AlignmentResult, add, align

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["joined_without_old_files"]


def joined_without_old_files(
    earlier: list[Path], later: list[Path], catalog: Path, folder: Path
) -> AlignmentResult:
    """Align, delete, and add; what is found is compared with what all at once come to.

    Parameters
    ----------
    earlier, later
        Files of the exposures that are aligned first and then deleted, and of those that join.
    catalog
        The reference catalog.
    folder
        Empty, for results.
    """
    options = {"abs_refcat": str(catalog)}
    at_once = align(list(map(str, [*earlier, *later])), **options)
    align(list(map(str, earlier)), output_dir=folder / "out", save_state=True, **options)
    (solution,) = (folder / "out").glob("*_solution.asdf")
    for path in earlier:
        path.unlink()
    result = add(solution, list(map(str, later)), move_all=True, output_dir=folder / "all")
    groups = [found.solution.level("group") for found in (at_once, result)]
    gap = np.abs(groups[1].shift - groups[0].shift)
    assert groups[1].units == groups[0].units
    assert np.max(gap / groups[0].sigma[:, :2]) < 1e-3
    return result
