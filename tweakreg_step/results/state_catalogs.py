"""The detections of a run as catalogs, for runs that shall find them again without pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.catalogs import write_catalog
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Sources
from tweakreg_step.files.names import file_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tweakreg_step.report import RunResult

__all__ = ["write_state_catalogs"]


def write_state_catalogs(result: RunResult, others: Sequence[str], folder: Path) -> Path:
    """Write a catalog for each image of a run, and the list of them; returns its path.

    Parameters
    ----------
    result
        Result of the run.
    others
        File names of further exposures, whose sources are still to be found.
    folder
        Folder to write to.

    Raises
    ------
    InputError
        If the result has no detections.
    """
    detections, catalogs = result.catalogs.detections, result.catalogs
    if detections is None or len(catalogs.x_err) != len(detections):
        raise InputError(
            "The state has no detections with errors, which are needed to add exposures. Run the "
            "alignment again with save_state=True."
        )
    lines = []
    for image, name in enumerate(result.images.names):
        own = detections.image == image
        weight = catalogs.weight[own]
        sources = Sources(
            x=catalogs.x[own],
            y=catalogs.y[own],
            flux=detections.flux[own],
            x_err=catalogs.x_err[own],
            y_err=catalogs.y_err[own],
            weight=None if np.isnan(weight).all() else weight,
        )
        path = folder / f"image{image}.ecsv"
        write_catalog(sources, path, "ecsv", {})
        lines.append(f"{name} {path.name}")
    lines += [file_of(name) for name in others]
    catfile = folder / "catfile.txt"
    catfile.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return catfile
