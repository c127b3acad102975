"""Catalogs that an earlier run has kept, and what says that they are still true.

A catalog follows from the pixels of its image, the parameters of finding and selecting, and the
software. The fingerprint is a digest of all of them. It holds no times and no paths: a file that
was copied has the same, a file that was changed has another even if its date was put back. A second
digest seals the rows: a catalog that lost some, or was edited, is no longer what was found.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.exceptions import CatalogError, OutputError
from tweakreg_step.core.outcome import FITS_PREFIX
from tweakreg_step.core.sources import Sources

from .source_catalogs import write_catalog
from .tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from astropy.table import Table

__all__ = ["Checkpoint", "checkpoint_meta", "fingerprint", "read_checkpoint", "write_checkpoint"]

log = logging.getLogger(__name__)

MARK = f"{FITS_PREFIX}FPRNT"
WIDTHS = f"{FITS_PREFIX}FWHM"
ROWS = f"{FITS_PREFIX}ROWS"
SOFTWARE = ("tweakreg-step", "numpy", "scipy", "sep", "photutils", "astropy")
COLUMNS = ("x", "y", "flux", "x_err", "y_err", "weight", "peak", "flags")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A catalog of an earlier run.

    Attributes
    ----------
    sources
        As they were found and selected, to the bit.
    fwhm
        Width of a star that was used, and that was expected [pixels].
    fingerprint
        Fingerprint of what it was made of.
    """

    sources: Sources
    fwhm: tuple[float, float]
    fingerprint: str


def fingerprint(parts: Iterable[Any]) -> str:
    """A digest, of 32 characters, of what a catalog is made of and of the software.

    Parameters
    ----------
    parts
        Arrays, None, or anything whose ``repr`` says all of it.
    """
    return _digest((*parts, [(name, version(name)) for name in SOFTWARE]))


def _digest(parts: Iterable[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def checkpoint_meta(
    fingerprint: str, fwhm: tuple[float, float], sources: Sources
) -> dict[str, str]:
    """What the metadata of a catalog hold for `read_checkpoint`."""
    widths = " ".join(map(repr, map(float, fwhm)))
    return {MARK: fingerprint, WIDTHS: widths, ROWS: _rows(sources)}


def write_checkpoint(
    sources: Sources, path: Path, written: str, meta: dict[str, str]
) -> Path | None:
    """Write a catalog in the format ``written``; where it is, None if that can't be.

    What can't be written is an error in the log, and costs no image.
    """
    try:
        write_catalog(sources, path, written, meta)
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
        return None
    return path


def _rows(sources: Sources) -> str:
    """A digest of all columns."""
    return _digest([getattr(sources, name) for name in COLUMNS])


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The catalog of an earlier run at ``path``; None if there is none that can be used.

    What stands there instead, and what was changed since, will be replaced: a warning says so.
    """
    if not path.is_file():
        return None
    try:
        table = read_table(path, "kept catalog")
        meta = {str(key).upper(): str(value) for key, value in table.meta.items()}
        used, expected = map(float, meta[WIDTHS].split())
        fingerprint, rows, sources = meta[MARK], meta[ROWS], _sources(table)
    except KeyError as error:
        _refuse(path, f"it has no {error} in its metadata, as the catalogs of this step have")
    except (CatalogError, TypeError, ValueError) as error:
        _refuse(path, str(error))
    else:
        if rows == _rows(sources):
            return Checkpoint(sources, (used, expected), fingerprint)
        _refuse(path, "its rows were changed after it was written")
    return None


def _refuse(path: Path, reason: str) -> None:
    log.warning(
        "'%s' is no catalog to resume from, it will be replaced: %s. To use catalogs of your own, "
        "set use_custom_catalogs=True and keep them elsewhere.",
        path,
        reason.rstrip("."),
    )


def _sources(table: Table) -> Sources:
    columns = {name: _native(table[name]) for name in COLUMNS if name in table.colnames}
    return Sources(**columns)


def _native(column: Any) -> Any:
    """An array in the byte order of this machine: FITS has another."""
    values = np.asarray(column)
    return values.astype(values.dtype.newbyteorder("="))
