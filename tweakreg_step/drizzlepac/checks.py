"""What is refused before the work: values that contradict the files that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError, OutputError, ParameterError
from tweakreg_step.core.wording import listed
from tweakreg_step.parameters import check_fits_value
from tweakreg_step.telescopes.hst import HstExposure
from tweakreg_step.telescopes.hst.headers import alternate_names

from .headerlets import headerlet_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from tweakreg_step.solutions import Target

__all__ = ["check_before"]

TEXTS = ("hdrname", "author", "descrip", "catalog")
"""Values that a headerlet's header holds."""


def check_before(targets: Sequence[Target], main: Mapping[str, Any]) -> None:
    """Refuse what can't be done as asked for.

    Parameters
    ----------
    targets
        The images.
    main
        Values of TweakReg by name.

    Raises
    ------
    ParameterError
        If a value can't be used.
    InputError
        If the name of the WCS exists.
    OutputError
        If a headerlet's file exists.
    """
    if main["updatewcs"]:
        raise ParameterError(
            "updatewcs=True is not possible: it needs reference files, and takes earlier solutions "
            "away. Run stwcs.updatewcs.updatewcs on the files yourself, before, and leave it out."
        )
    if main["updatehdr"]:
        _check_wcsname(targets, main["wcsname"], reuse=main["reusename"])
    if main["headerlet"]:
        _check_headerlets(targets, main)


def _check_wcsname(targets: Sequence[Target], name: str, *, reuse: bool) -> None:
    """Refuse a name that a WCS of a file has, unless it is the primary one and may be reused."""
    taken = [target.name for target in targets if name.upper() in _names(target, reuse=reuse)]
    if name and taken:
        raise InputError(
            f"A WCS named '{name}' is in {listed(taken)} already, but the new one needs a name of "
            "its own. Give another 'wcsname', or reusename=True if it is the primary one that "
            "shall be replaced."
        )


def _names(target: Target, *, reuse: bool) -> set[str]:
    """Names, in capitals, of the WCS of a file that the new one must not have."""
    with target.open() as model:
        if not isinstance(model, HstExposure):
            return set()
        found: set[str] = set()
        for chip in model.chips:
            names = alternate_names(model.header(chip.science))
            found |= {n.upper() for letter, n in names.items() if not (reuse and letter == " ")}
        return found


def _is_of_hst(target: Target) -> bool:
    with target.open() as model:
        return isinstance(model, HstExposure)


def _check_headerlets(targets: Sequence[Target], main: Mapping[str, Any]) -> None:
    others = [target.name for target in targets if not _is_of_hst(target)]
    if others:
        raise InputError(
            f"headerlet=True, but {listed(others)} is no image of HST, and only these have "
            "headerlets. Leave it out: the solution is a file of its own, for 'tweakreg apply'."
        )
    for name in TEXTS:
        check_fits_value(name, main[name])
    if not (main["hdrname"] or main["wcsname"]):
        raise ParameterError(
            "headerlet=True, but neither 'hdrname' nor 'wcsname' gives the headerlets a name. Give "
            "one of them."
        )
    if not main["hdrfile"]:
        return
    paths = [headerlet_path(target.name, main["hdrfile"]) for target in targets]
    if len(set(paths)) < len(paths):
        raise ParameterError(
            f"hdrfile='{main['hdrfile']}' is one file, but there are {len(paths)} images, "
            "each with a headerlet of its own. Leave '.fits' out: names then follow the images'."
        )
    there = [str(path) for path in paths if path.exists()]
    if there and not main["clobber"]:
        raise OutputError(
            f"{listed(there)} {'exists' if len(there) == 1 else 'exist'} already. Give another "
            "'hdrfile', or clobber=True to replace them. Nothing was done."
        )
