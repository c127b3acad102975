"""What keeps an exposure from being aligned, said with what brings it in order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError

from .chip_motions import chips_apart
from .headers import free_key, is_aligned
from .image import filter_of

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from .exposure import Chip, HstExposure

__all__ = ["check"]

log = logging.getLogger(__name__)

_UPDATE = (
    "In Python: 'from stwcs.updatewcs import updatewcs; updatewcs({name!r})' writes it (with the "
    "reference files that 'crds bestrefs --update-bestrefs --sync-references=1 --files {name}' "
    "brings); or fetch the file from the archive again."
)

DISPERSED = ("G", "PR")
"""How names of grisms and prisms begin."""

INTERRUPTED = ("TDF-DOWN", "INDETERMINATE", "NO DATA")
"""Words of EXPFLAG after which stars may be trailed."""


def check(exposure: HstExposure, name: str) -> None:
    """Raise `InputError` if an exposure can't be aligned.

    Parameters
    ----------
    exposure
        The exposure.
    name
        Name of its file.
    """
    _check_kind(exposure, name)
    chips = exposure.chips
    if not chips:
        raise InputError(
            f"'{name}' has no image: no extension SCI of two dimensions, and no pixels in the "
            "primary one. Give calibrated exposures (*_flt.fits, *_flc.fits, *_c0m.fits) or "
            "drizzled images (*_drz.fits, *_drc.fits, *_single_sci.fits)."
        )
    for chip in chips:
        _check_wcs(exposure, chip, name)
        _check_key(exposure, chip, name)
    _tell_of_guiding(exposure, name)
    for solution, missed in chips_apart(exposure).items():
        log.warning(
            "%s: the solution '%s' in it moves its chips apart, by up to %.0f mas from any motion "
            "that they could share. %s",
            *(name, solution, missed, _remedy(exposure, solution)),
        )


def _remedy(exposure: HstExposure, solution: str) -> str:
    present = str(exposure.header(exposure.chips[0].science).get("WCSNAME") or "")
    if solution != present:
        return "It is not the present one; do not restore it."
    return (
        "It is the present one, and an alignment moves all chips as one: restore another first, "
        "with stwcs.wcsutil.altwcs.restoreWCS(file, ['SCI'], wcskey='A')."
    )


def _check_kind(exposure: HstExposure, name: str) -> None:
    """It must be an image of a field with stars."""
    header = exposure.header()
    kind = str(header.get("OBSTYPE") or "").strip().upper()
    dispersed = [word for word in filter_of(header).split() if word.startswith(DISPERSED)]
    if kind == "SPECTROSCOPIC" or dispersed:
        raise InputError(
            f"'{name}' holds spectra ({' '.join(dispersed) or 'OBSTYPE'}), but only images can be "
            "aligned. Align the direct images of the visit, and remove this one from the input."
        )
    scan = str(header.get("SCAN_TYP") or "N").strip().upper()
    if scan in {"C", "D"}:
        raise InputError(
            f"'{name}' was taken while the telescope scanned (SCAN_TYP = '{scan}'), but stars must "
            "be points. Remove it from the input."
        )
    seconds = header.get("EXPTIME")
    if isinstance(seconds, int | float) and not seconds > 0:
        raise InputError(
            f"'{name}' has an exposure time of {seconds:g} s, but it must have seen stars. Remove "
            "it from the input."
        )


def _check_wcs(exposure: HstExposure, chip: Chip, name: str) -> None:
    header = exposure.header(chip.science)
    where = f"'{name}', extension {chip.science}"
    if str(header.get("CTYPE1", "")) not in {"RA---TAN", "RA---TAN-SIP"}:
        raise InputError(
            f"{where} has no WCS of an image (CTYPE1 is {header.get('CTYPE1', 'missing')!r}), but "
            f"'RA---TAN' is needed. {_UPDATE.format(name=name)}"
        )
    if not any(word in header for word in ("CD1_1", "PC1_1", "CDELT1")) or "CRVAL1" not in header:
        raise InputError(
            f"{where} has no matrix or no reference position in its WCS, but CRVAL1 and CD1_1 are "
            f"needed. {_UPDATE.format(name=name)}"
        )
    if exposure.is_drizzled:
        return
    if "A_ORDER" not in header or not str(header["CTYPE1"]).endswith("-SIP"):
        raise InputError(
            f"{where} has no distortion model (no SIP coefficients), without which stars lie off "
            f"by arcseconds. {_UPDATE.format(name=name)}"
        )
    missing = [table for table in _tables(header) if not exposure.has_table(*table)]
    if missing:
        wanted = ", ".join(f"{word},{version}" for word, version in missing)
        raise InputError(
            f"{where} names lookup tables of its distortion that are not in the file: {wanted}. "
            f"{_UPDATE.format(name=name)}"
        )


def _tables(header: Header) -> list[tuple[str, int]]:
    """Name and number of each lookup table that the WCS in a header needs."""
    needed: list[tuple[str, int]] = []
    for kind, (model, place) in {
        "D2IMARR": ("D2IMDIS", "D2IM"),
        "WCSDVARR": ("CPDIS", "DP"),
    }.items():
        needed += [
            (kind, int(header.get(f"{place}{axis}.EXTVER", axis)))
            for axis in (1, 2)
            if str(header.get(f"{model}{axis}", "")).upper().startswith("LOOKUP")
        ]
    return needed


def _check_key(exposure: HstExposure, chip: Chip, name: str) -> None:
    """There must be a place for the WCS as delivered."""
    cards = exposure.cards(chip.science)
    if is_aligned(cards) or free_key(cards):
        return
    raise InputError(
        f"'{name}', extension {chip.science}, has an alternate WCS under each of the letters, but "
        "one must be free for the WCS as delivered, so that an alignment can be undone. Delete one "
        "that is not needed: stwcs.wcsutil.altwcs.deleteWCS(file, ext, wcskey='A')."
    )


def _tell_of_guiding(exposure: HstExposure, name: str) -> None:
    flag = str(exposure.header().get("EXPFLAG") or "").strip().upper()
    if flag.startswith(INTERRUPTED):
        log.warning(
            "%s: guiding failed during the exposure (EXPFLAG = '%s'): its stars may be trailed. It "
            "is aligned all the same; see its figures.",
            *(name, flag),
        )
