"""Association tables of HST, ``*_asn.fits``: exposures that belong together, and their products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.open_fits import open_fits

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["exposures_of_table", "is_association_table"]

ENDINGS = ("_flc.fits", "_flt.fits", "_c0m.fits", "_c0f.fits")
"""How files of exposures end, in the order in which they are looked for: those with a correction of
the charge transfer come first."""

PRODUCTS = "PROD"
"""How the type of a member begins that is made of others."""


def is_association_table(name: str) -> bool:
    """Whether a name is that of an association table."""
    return name.lower().removesuffix(".gz").endswith("_asn.fits")


def exposures_of_table(path: Path) -> list[Path]:
    """Paths of the exposures in an association table, which are in its folder.

    Raises
    ------
    InputError
        If it can't be read, or an exposure is not there.
    """
    names = _members(path)
    found = {name: _file_of(path.parent, name) for name in names}
    missing = [name for name, file in found.items() if file is None]
    if missing or not names:
        raise InputError(
            f"The association '{path}' lists {len(names)} exposures, of which {len(missing)} are "
            f"not in its folder: {', '.join(missing[:5])}. Each must be there as *_flc.fits, "
            "*_flt.fits or *_c0m.fits, and one at least. Fetch the missing files."
        )
    return [file for file in found.values() if file is not None]


def _members(path: Path) -> list[str]:
    """Rootnames of the members that are exposures."""
    try:
        with open_fits(path) as hdus:
            table = hdus[1].data
            rows = zip(table["MEMNAME"], table["MEMTYPE"], strict=True)
            members = [(str(name).strip().lower(), str(kind).upper()) for name, kind in rows]
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"The association '{path}' can't be read: {error}. It must be a FITS table with the "
            "columns MEMNAME and MEMTYPE. Fetch it again, or give the exposures themselves."
        ) from error
    return [name for name, kind in members if name and not kind.startswith(PRODUCTS)]


def _file_of(folder: Path, name: str) -> Path | None:
    return next((p for ending in ENDINGS if (p := folder / f"{name}{ending}").is_file()), None)
