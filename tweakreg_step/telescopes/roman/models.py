"""Roman: calibrated exposures of the Wide Field Instrument, as models of roman_datamodels."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from tweakwcs.correctors import RomanWCSCorrector

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.images import DETECTOR_SHIFT
from tweakreg_step.core.wording import first_line
from tweakreg_step.files.asdf_extensions import load_extensions
from tweakreg_step.telescopes.association_file import names_group
from tweakreg_step.telescopes.gwcs_image import REFERENCE_ANGLES
from tweakreg_step.telescopes.observatories import L2
from tweakreg_step.telescopes.telescope import Entry, Label
from tweakreg_step.telescopes.wcs import CORRECTED, packed_gwcs, unpacked_gwcs

from .copied_draft import CopiedDraft, copied_draft
from .image import RomanImage, known, word
from .roman_package import is_roman_model, roman_datamodels
from .update import annotate, drop_tables, record_status, restore, update_wcs, wcs_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.table import Table

    from tweakreg_step.telescopes.change import Change
    from tweakreg_step.telescopes.image import View

__all__ = ["Roman"]

EXPOSURE_NAME = re.compile(r"r(\d{19})_(\d{4})_(wfi\d\d)?")

ASN_WORDS = {"table_name": "table_name", "asn_pool": "pool_name"}
"""Keys of an association that are recorded in its exposures, and their names in ``meta.asn``."""

OTHER_PRODUCTS = {
    "ScienceRawModel": "raw exposure (level 1): run the exposure pipeline on it first",
    "RampModel": "ramp: run the exposure pipeline on it first",
    "MosaicModel": "mosaic (level 3): give the exposures that it was made of",
}
"""Models that are no calibrated exposures, and what to do with them."""


class Roman:
    """The `Telescope` of Roman."""

    name = "ROMAN"
    crds_observatory = "roman"
    observatory = L2
    fitgeometry = "rshift"
    detector_shift = DETECTOR_SHIFT
    suffixes = ("cal", "tweakreg", "skymatch", "outlierdetection", "tweakregstep")
    packages = ("roman_datamodels",)

    def owns(self, model: Any) -> bool:
        """Whether a model is of Roman."""
        return is_roman_model(model)

    def open(self, path: Path) -> Any:
        """Open a file as a Roman model.

        Raises
        ------
        InputError
            If it is none, or roman_datamodels is not installed.
        """
        load_extensions()
        models = roman_datamodels(path.name)
        try:
            return models.open(path)
        except MemoryError:
            raise  # not an error of the file
        except Exception as error:  # readers raise whatever they like on a broken file
            raise InputError(
                f"'{path}' can't be opened: {first_line(error)}. It must be a Roman exposure in "
                "ASDF. Remove it from the input, or fetch it again if it is damaged."
            ) from error

    def open_to_read(self, path: Path) -> Any:  # noqa: ARG002 - the protocol's
        """None: there is no shorter way than `open`."""
        return None

    def open_to_write(self, path: Path) -> CopiedDraft:
        """The metadata of a file."""
        return copied_draft(path)

    def adopted(self, model: Any) -> Any:
        """A copy of a model."""
        return model.copy()

    def group_of_name(self, file_name: str) -> str:
        """The group of an exposure from its file name: visit and exposure, for all detectors."""
        match = EXPOSURE_NAME.match(file_name)
        return f"{match[1]}{match[2]}" if match else ""

    def result_name(self, file_name: str, *, beside: bool) -> str:  # noqa: ARG002 - one name
        """Name of the result: ``a_tweakreg.asdf`` of ``a_cal.asdf``."""
        stem = file_name.removesuffix(".asdf")
        root, separator, suffix = stem.rpartition("_")
        return f"{root if separator and suffix in self.suffixes else stem}_tweakreg.asdf"

    def label_of_file(self, path: Path) -> Label:
        """What the name of the file of an exposure says of it."""
        match = EXPOSURE_NAME.match(path.name)
        return Label(f"{match[1]}{match[2]}", match[3].upper()) if match else Label("", "")

    def label(self, model: Any) -> Label:
        """What the metadata of a model say of it."""
        (image,) = self.images(model)
        detector = word(model, "instrument", "detector")
        return Label(self.entry(model).group, detector, None if image.table else image.catalog)

    def entry(self, model: Any) -> Entry:
        """File name, group and type of a model.

        The group is ``meta.group_id`` where it is given, else ``meta.observation.observation_id``,
        which all detectors of an exposure share.
        """
        meta = model.meta
        given = meta.get("group_id")
        group = given if names_group(given) else word(model, "observation", "observation_id")
        exptype = (meta.get("asn") or {}).get("exptype") or "science"
        file_name = meta.get("filename")
        return Entry(str(file_name) if known(file_name) else "", str(group or ""), str(exptype))

    def assign(self, model: Any, member: Mapping[str, Any], words: Mapping[str, str]) -> None:
        """Write a model's entries in the association, and its group, into its metadata."""
        for attribute in ("group_id", "tweakreg_catalog"):
            value = str(member.get(attribute) or "")
            if names_group(value):
                model.meta[attribute] = value
        recorded = dict(model.meta.get("asn") or {}) | {"exptype": member["exptype"]}
        recorded |= {name: words[key] for key, name in ASN_WORDS.items() if key in words}
        model.meta["asn"] = recorded
        group = self.entry(model).group
        if group:
            model.meta["group_id"] = group

    def check_wcs(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if the WCS of a model can't be corrected."""
        self.check(model, file_name)

    def check(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if a model can't be aligned."""
        kind = type(model).__name__
        if kind != "ImageModel":
            what = OTHER_PRODUCTS.get(kind, f"{kind}: give calibrated exposures (*_cal.asdf)")
            raise InputError(
                f"'{file_name}' is of Roman, but only calibrated images can be aligned and it is a "
                f"{what}."
            )
        mode = word(model, "exposure", "type")
        if mode and "IMAGE" not in mode.upper():
            raise InputError(
                f"'{file_name}' is an exposure of the type {mode}, but only images (WFI_IMAGE) can "
                "be aligned. Remove it from the input."
            )
        _check_wcs(model, file_name)
        _check_arrays(model, file_name)

    def images(self, model: Any) -> tuple[RomanImage]:
        """The image of a model."""
        return (RomanImage(model),)

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
            return RomanWCSCorrector(_with_known_correction(view.wcs), view.angles, meta=meta)
        except ValueError as error:
            raise InputError(
                f"The WCS of '{name}' can't be corrected: {error} It must have the frames of a "
                "Roman image and, if it was aligned before, a correction made by tweakwcs. Run "
                "'assign_wcs' on it again."
            ) from error

    def packed_wcs(self, wcs: Any) -> bytes:
        """The WCS of a view as bytes."""
        return packed_gwcs(wcs)

    def unpacked_wcs(self, content: bytes) -> Any:
        """The WCS of such bytes."""
        return unpacked_gwcs(content)

    def apply(self, model: Any, change: Change) -> list[str]:
        """Make the changes to a model; there are no problems with them."""
        meta = model.meta
        if not known(meta.get("filename")):
            meta["filename"] = change.name
        for catalog in change.catalogs:
            if catalog is not None:
                section = dict(meta.get("source_catalog") or {})
                meta["source_catalog"] = section | {"tweakreg_catalog_name": catalog}
        drop_tables(model)
        for wcs in change.wcs:  # one at most: that of the image
            wcs.name = wcs_name(wcs.name, change.reference)
            update_wcs(model, wcs)
        if change.status is not None:
            record_status(model, change.status.value)
        if change.essentials is not None:
            annotate(model, change.essentials, "" if change.status is None else change.status.value)
        return []

    def restore(self, model: Any) -> bool:
        """Restore a model's WCS as delivered, with its footprint."""
        return restore(model)


def _with_known_correction(wcs: Any) -> Any:
    """A WCS whose correction, if it has one, has the name that tweakwcs gives it today.

    Roman's pipeline has used the class for JWST, which gave its own name to the same transform.
    """
    frames = list(wcs.available_frames)
    if CORRECTED not in frames:
        return wcs
    step = wcs.pipeline[frames.index(CORRECTED) - 1]
    parts = getattr(step.transform, "submodel_names", ())
    name = RomanWCSCorrector.corrector_name
    if step.transform.name == name or not {"tp_affine", "det_to_optic_axis"} <= set(parts):
        return wcs
    result = copy.deepcopy(wcs)
    result.pipeline[frames.index(CORRECTED) - 1].transform.name = name
    return result


def _check_wcs(model: Any, file_name: str) -> None:
    wcs = model.meta.get("wcs")
    if wcs is None:
        raise InputError(
            f"'{file_name}' has no WCS, but 'meta.wcs' is needed. Run the step 'assign_wcs' on it "
            "first, or take the *_cal.asdf file of the archive."
        )
    frames = list(getattr(wcs, "available_frames", ()))
    if "v2v3" not in frames:
        raise InputError(
            f"The WCS of '{file_name}' has the frames {frames}, but a correction needs 'v2v3'. Run "
            "the step 'assign_wcs' on it again."
        )
    info = model.meta.get("wcsinfo") or {}
    missing = [angle for angle in REFERENCE_ANGLES if not known(info.get(angle))]
    if missing:
        raise InputError(
            f"'{file_name}' lacks {', '.join(missing)} in 'meta.wcsinfo', but a correction needs "
            f"{', '.join(REFERENCE_ANGLES)}. Run the step 'assign_wcs' on it again."
        )


def _check_arrays(model: Any, file_name: str) -> None:
    """Raise `InputError` unless an image has data, and err and dq, if any, of the same shape."""
    arrays = {name: model.get(name) for name in ("data", "err", "dq")}
    shapes = {name: np.shape(array) for name, array in arrays.items() if array is not None}
    data = shapes.get("data", ())
    if len(data) != 2 or set(shapes.values()) != {data}:
        raise InputError(
            f"'{file_name}' has arrays of the shapes {shapes}, but 'data' is needed, of two "
            "dimensions, and 'err' and 'dq' of the same shape if there are any. Make the file "
            "again."
        )
