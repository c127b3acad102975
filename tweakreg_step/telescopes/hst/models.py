"""HST: calibrated exposures and drizzled images in FITS files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from astropy.io.fits import HDUList
from tweakwcs.correctors import FITSWCSCorrector

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.open_fits import first_header
from tweakreg_step.telescopes.association_file import names_group
from tweakreg_step.telescopes.observatories import EARTH
from tweakreg_step.telescopes.telescope import Entry, Label

from .checks import check
from .chip_wcs import packed_chip_wcs, unpacked_chip_wcs
from .exposure import HstExposure
from .headers import apply, require_stwcs, restore
from .image import HstImage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.io import fits
    from astropy.table import Table

    from tweakreg_step.telescopes.change import Change
    from tweakreg_step.telescopes.image import View

__all__ = ["HST"]

EXPOSURE_NAME = re.compile(r"([ijlnou][0-9a-z]{8})_(?:flt|flc|c0m|c0f|crj|crc)\b")
SUFFIXES = ("flt", "flc", "c0m", "c0f", "crj", "crc", "drz", "drc", "sci")


class HST:
    """The `Telescope` of HST."""

    name = "HST"
    crds_observatory = "hst"
    observatory = EARTH
    fitgeometry = "rscale"
    detector_shift = 0.005  # a tenth of a pixel: chips are glued side by side
    suffixes = SUFFIXES
    packages = ("astropy", "stwcs")

    def owns(self, model: Any) -> bool:
        """Whether a model is of HST: ours, or HDUs that say so."""
        if isinstance(model, HDUList):
            said = model[0].header.get("TELESCOP") if len(model) else ""
            return str(said or "").strip().upper() == self.name
        return isinstance(model, HstExposure)

    def open(self, path: Path) -> HstExposure:
        """Open a file.

        Raises
        ------
        InputError
            If it is no FITS file, or stwcs is missing.
        """
        require_stwcs(path.name)
        return HstExposure.open(path)

    def open_to_read(self, path: Path) -> Any:  # noqa: ARG002 - the protocol's
        """None: there is no shorter way than `open`."""
        return None

    def open_to_write(self, path: Path) -> None:
        """None: there is no shorter way than `open`."""

    def adopted(self, model: Any) -> Any:
        """A copy of what a user has opened."""
        if not isinstance(model, HDUList):
            return model.copy()
        require_stwcs(model.filename() or "an open HDUList")
        return HstExposure.of_hdus(model)

    def group_of_name(self, file_name: str) -> str:
        """The group of an exposure from its file name."""
        match = EXPOSURE_NAME.match(file_name.lower())
        return match[1] if match else ""

    def result_name(self, file_name: str, *, beside: bool) -> str:
        """Name of the result: that of the file, which other tools know it by.

        Beside its input it is, for ``a_flc.fits``, ``a_tweakreg_flc.fits``.
        """
        stem = file_name.removesuffix(".gz").removesuffix(".fits")
        if not beside:
            return f"{stem}.fits"
        root, separator, suffix = stem.rpartition("_")
        if not separator or suffix not in SUFFIXES:
            return f"{stem}_tweakreg.fits"
        return f"{root.removesuffix('_tweakreg')}_tweakreg_{suffix}.fits"

    def label_of_file(self, path: Path) -> Label:
        """What the header of the file of an exposure says of it."""
        try:
            return _label(first_header(path))
        except Exception:  # noqa: BLE001 - no FITS, or damaged: the error comes when it is read
            return Label("", "")

    def label(self, model: HstExposure) -> Label:
        """What the header of an exposure says of it."""
        found = _label(model.header())
        return Label(self.entry(model).group, found.detector, model.meta.catalog)

    def entry(self, model: HstExposure) -> Entry:
        """File name, group and type of an exposure; images that were drizzled stand alone."""
        meta = model.meta
        said = str(model.header().get("ROOTNAME") or "").strip().lower()
        own = model.root if model.is_drizzled else said or self.group_of_name(meta.filename)
        group = meta.group_id if names_group(meta.group_id) else own
        path = "" if model.path is None else str(model.path)
        return Entry(meta.filename, group, meta.exptype, path)

    def assign(
        self,
        model: HstExposure,
        member: Mapping[str, Any],
        words: Mapping[str, str],  # noqa: ARG002 - headers of HST have no such keywords
    ) -> None:
        """Keep an exposure's entries in the association."""
        model.meta.exptype = member["exptype"]
        model.meta.catalog = str(member.get("tweakreg_catalog") or "")
        group = str(member.get("group_id") or "")
        if names_group(group):
            model.meta.group_id = group

    def check(self, model: HstExposure, file_name: str) -> None:
        """Raise `InputError` if an exposure can't be aligned."""
        check(model, file_name)

    def check_wcs(self, model: HstExposure, file_name: str) -> None:
        """Raise `InputError` if the WCS of an exposure can't be corrected."""
        check(model, file_name)

    def images(self, model: HstExposure) -> list[HstImage]:
        """The images of an exposure: one of each chip."""
        chips = model.chips
        return [HstImage(model, chip, model.wcs(chip), len(chips) == 1) for chip in chips]

    def corrector(self, view: View, catalog: Table, name: str, group: str) -> Any:
        """The tweakwcs corrector of an image."""
        meta = {
            "catalog": catalog,
            "name": name,
            "group_id": group,
            "detector": view.detector,
            "epoch": view.epoch,
            "observatory": self.observatory,
        }
        try:
            return FITSWCSCorrector(view.wcs, meta=meta)
        except ValueError as error:
            raise InputError(
                f"The WCS of '{name}' can't be corrected: {error} It must have no other distortion "
                "than SIP and lookup tables. Run stwcs.updatewcs.updatewcs on it again."
            ) from error

    def packed_wcs(self, wcs: Any) -> bytes:
        """The WCS of a view as bytes."""
        return packed_chip_wcs(wcs)

    def unpacked_wcs(self, content: bytes) -> Any:
        """The WCS of such bytes."""
        return unpacked_chip_wcs(content)

    def apply(self, model: HstExposure, change: Change) -> list[str]:
        """Make the changes to an exposure; there are no problems with them."""
        apply(model, change)
        return []

    def restore(self, model: HstExposure) -> bool:
        """Restore the WCS of each chip as delivered."""
        return restore(model)


def _label(header: fits.Header) -> Label:
    root, detector = (str(header.get(key) or "").strip() for key in ("ROOTNAME", "DETECTOR"))
    return Label(root.lower(), detector)
