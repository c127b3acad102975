"""Catalogs saved by an earlier run to resume from, with checks that they are still valid.

A catalog depends on the pixels of its image, the parameters of finder and selection, and the
software. The fingerprint is a digest of these. It contains no times and no paths: a copied file has
the same, a changed one a different one, whatever its date. A second digest, of the rows, shows
whether the catalog itself was changed.
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
        The sources, with exactly the values that were found.
    fwhm
        FWHM of stars that was used, and that was expected [pixels].
    fingerprint
        Fingerprint of pixels, parameters and software.
    """

    sources: Sources
    fwhm: tuple[float, float]
    fingerprint: str


def fingerprint(parts: Iterable[Any]) -> str:
    """A digest, of 32 characters, of the input of a catalog and of the software.

    Parameters
    ----------
    parts
        Pixels and parameters: arrays, None, or objects whose ``repr`` is complete.
    """
    return _digest((*parts, [(name, version(name)) for name in SOFTWARE]))


def _digest(parts: Iterable[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            # files have the other byte order than what is made of them
            kind = part.dtype.newbyteorder("=")
            digest.update(repr((part.shape, kind.str)).encode())
            digest.update(np.ascontiguousarray(part, kind).view(np.uint8).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def checkpoint_meta(
    fingerprint: str, fwhm: tuple[float, float], sources: Sources
) -> dict[str, str]:
    """Metadata of a catalog that `read_checkpoint` needs."""
    widths = " ".join(map(repr, map(float, fwhm)))
    return {MARK: fingerprint, WIDTHS: widths, ROWS: _rows(sources)}


def write_checkpoint(
    sources: Sources, path: Path, written: str, meta: dict[str, str]
) -> Path | None:
    """Write a catalog in the format ``written``; returns its path, None if that fails.

    A failure is logged as an error, and does not stop the run.
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

    Other files, and catalogs that were changed since, will be replaced, with a warning.
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
