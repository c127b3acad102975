"""Catalogs that an earlier run has kept, and what says that they are still true.

A catalog follows from the pixels of its image, the parameters of finding and selecting, and the
software. The fingerprint is a digest of all of them. It holds no times and no paths: a file that
was copied has the same, a file that was changed has another even if its date was put back.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from .data import FITS_PREFIX, Sources
from .exceptions import CatalogError
from .tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from astropy.table import Table

__all__ = ["KeptCatalog", "fingerprint", "kept_catalog", "seal"]

log = logging.getLogger(__name__)

MARK = f"{FITS_PREFIX}FPRNT"
WIDTHS = f"{FITS_PREFIX}FWHM"
SOFTWARE = ("tweakreg-step", "numpy", "scipy", "sep", "photutils", "astropy")
COLUMNS = ("x", "y", "flux", "x_err", "y_err", "weight", "peak", "flags")


@dataclass(frozen=True, slots=True)
class KeptCatalog:
    """A catalog of an earlier run.

    Attributes
    ----------
    sources
        As they were found and selected, to the bit.
    fwhm
        Width of a star that was used, and that was expected [pixels].
    mark
        Fingerprint of what it was made of.
    """

    sources: Sources
    fwhm: tuple[float, float]
    mark: str


def fingerprint(parts: Iterable[Any]) -> str:
    """A digest, of 32 characters, of what a catalog is made of and of the software.

    Parameters
    ----------
    parts
        Arrays, None, or anything whose ``repr`` says all of it.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (*parts, [(name, version(name)) for name in SOFTWARE]):
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def seal(mark: str, fwhm: tuple[float, float]) -> dict[str, str]:
    """What the metadata of a catalog hold for `kept_catalog`."""
    return {MARK: mark, WIDTHS: " ".join(map(repr, map(float, fwhm)))}


def kept_catalog(path: Path) -> KeptCatalog | None:
    """The catalog of an earlier run at ``path``; None if there is none that can be used."""
    if not path.is_file():
        return None
    try:
        table = read_table(path, "kept catalog")
        sealed = {str(key).upper(): str(value) for key, value in table.meta.items()}
        used, expected = map(float, sealed[WIDTHS].split())
        return KeptCatalog(_sources(table), (used, expected), sealed[MARK])
    except (CatalogError, KeyError, TypeError, ValueError) as error:
        log.info("%s is no catalog that can be resumed from: %s", path, error)
        return None


def _sources(table: Table) -> Sources:
    columns = {name: _native(table[name]) for name in COLUMNS if name in table.colnames}
    return Sources(**columns)


def _native(column: Any) -> Any:
    """An array in the byte order of this machine: FITS has another."""
    values = np.asarray(column)
    return values.astype(values.dtype.newbyteorder("="))
