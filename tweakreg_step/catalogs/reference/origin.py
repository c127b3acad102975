"""Origin and selection of the stars of a reference catalog, for its header, report and log."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.catalogs.tables import file_and_extension
from tweakreg_step.parameters import ReferenceParameters

from .columns import quantity

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.table import Table

__all__ = ["with_selection", "with_source"]

KEYS = ("source", "sha256", "rows_read", "rows_used", "selection", "catalog_epoch", "made_from")
"""Keys of a catalog's header; those of services have also query, release and date."""

ALL_STARS = "all stars"


def with_source(table: Table, path: Path) -> Table:
    """The table with its file and the file's checksum in ``meta``.

    Entries of an earlier run move to ``made_from``.

    Parameters
    ----------
    table
        Content of the file; ``meta['rows_read']`` is its number of rows.
    path
        Path of the file, perhaps with an extension.
    """
    result = table.copy(copy_data=False)
    before = {key: result.meta.pop(key) for key in KEYS if key in result.meta}
    result.meta["rows_read"] = before.pop("rows_read", len(table))
    if "source" in before:
        result.meta["made_from"] = before
    file, _ = file_and_extension(path)
    result.meta["source"] = str(path)
    result.meta["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return result


def with_selection(table: Table, parameters: ReferenceParameters, read: int) -> Table:
    """The table with the selection of its stars and the catalog's epoch in ``meta``.

    Parameters
    ----------
    table
        The selected stars, as published.
    parameters
        The parameters of the selection.
    read
        Number of stars before the selection.
    """
    result = table.copy(copy_data=False)
    result.meta.setdefault("rows_read", read)
    result.meta["rows_used"] = len(result)
    result.meta["selection"] = _selection(parameters)
    result.meta["catalog_epoch"] = _epoch(result)
    return result


def _selection(parameters: ReferenceParameters) -> str:
    """The parameters of the selection that differ from their defaults, as text."""
    usual = ReferenceParameters()
    names = [field.name for field in fields(parameters) if field.name.startswith(("rflux", "refn"))]
    chosen = [
        f"{name}={getattr(parameters, name)!r}"
        for name in names
        if getattr(parameters, name) != getattr(usual, name)
    ]
    return ", ".join(chosen) or ALL_STARS


def _epoch(table: Table) -> float | str:
    """The epoch of the positions as published [Julian year], the mean of several."""
    epochs = quantity(table, "epoch")
    return float(np.nanmean(epochs)) if np.isfinite(epochs).any() else "not given"
