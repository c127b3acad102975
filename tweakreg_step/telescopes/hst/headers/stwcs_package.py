"""What is asked of stwcs, the package of the HST pipelines for alternate WCS and their names.

It is an extra, and loaded where the first image of HST is.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["alternate_names", "require_stwcs", "type_of_name"]


def require_stwcs(file_name: str) -> None:
    """Raise `InputError` if stwcs is not installed."""
    try:
        found = find_spec("stwcs") is not None
    except ValueError:  # so says importlib where it was made unusable
        found = False
    if not found:
        raise InputError(
            f"'{file_name}' is an HST image, and these need the package stwcs (1.7.7 or later), "
            "which is not installed. Install it: pip install stwcs."
        )


def alternate_names(header: Header) -> dict[str, str]:
    """The name of each WCS in a header by its letter, ' ' for the primary one."""
    from stwcs.wcsutil.altwcs import wcskeys, wcsnames  # noqa: PLC0415 - an extra

    named = {letter: str(name) for letter, name in wcsnames(header).items()}
    return {letter: named.get(letter, "") for letter in wcskeys(header)}


def type_of_name(name: str) -> str:
    """What the name of a WCS says of its alignment, in the words of the HST archive."""
    from stwcs.updatewcs.updatehdr import interpret_wcsname_type  # noqa: PLC0415 - an extra

    return str(interpret_wcsname_type(name))
