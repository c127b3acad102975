"""JWST: imaging exposures with an assigned WCS, as stdatamodels' ImageModel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from stdatamodels.jwst import datamodels
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.images import DETECTOR_SHIFT
from tweakreg_step.core.wording import first_line
from tweakreg_step.files.asdf_extensions import load_extensions
from tweakreg_step.files.open_fits import first_header
from tweakreg_step.telescopes.association_file import names_group
from tweakreg_step.telescopes.gwcs_image import REFERENCE_ANGLES
from tweakreg_step.telescopes.observatories import L2
from tweakreg_step.telescopes.telescope import Entry, Label
from tweakreg_step.telescopes.wcs import TanCorrector, is_tan, packed_gwcs, unpacked_gwcs

from .cal_file import with_pixels
from .copied_draft import CopiedDraft, copied_draft
from .image import JwstImage
from .update import annotate, restore, update_wcs, wcs_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table

    from tweakreg_step.telescopes.change import Change
    from tweakreg_step.telescopes.image import View

__all__ = ["JWST", "group_of", "group_of_name"]

# Exposures taken simultaneously have the same parts of the file name up to the detector.
GROUP_KEYWORDS = (
    ("program_number", "observation_number", "visit_number"),
    ("visit_group", "sequence_id", "activity_id"),
    ("exposure_number",),
)
IN_HEADER = {
    "PROGRAM": "program_number", "OBSERVTN": "observation_number", "VISIT": "visit_number",
    "VISITGRP": "visit_group", "SEQ_ID": "sequence_id", "ACT_ID": "activity_id",
    "EXPOSURE": "exposure_number",
}  # fmt: skip
"""What these are called in FITS headers."""
EXPOSURE_NAME = re.compile(r"(jw\d{11}_[0-9a-z]{5})_(\d{5})_")
SPECTRUM = re.compile(r"WFSS|GRISM|SOSS|LRS|MRS|IFU|MSASPEC|FIXEDSLIT|BRIGHTOBJ")
"""In types of exposures that are spectra."""
ASN_WORDS = {"table_name": "table_name", "asn_pool": "pool_name"}
"""Keys of an association that are recorded in its exposures, and their names in ``meta.asn``."""


class JWST:
    """The `Telescope` of JWST."""

    name = "JWST"
    crds_observatory = "jwst"
    observatory = L2
    fitgeometry = "rshift"
    detector_shift = DETECTOR_SHIFT
    suffixes = ("cal", "calints", "tweakreg", "skymatch", "crf", "rate", "i2d", "tweakregstep")
    packages = ("stdatamodels",)

    def owns(self, model: Any) -> bool:
        """Whether a model is of JWST: one of stdatamodels that does not say otherwise."""
        if not isinstance(model, datamodels.JwstDataModel) or "roman" in model.instance:
            return False
        return (model.meta.telescope or self.name) == self.name

    def open(self, path: Path) -> Any:
        """Open a file as a JWST model.

        Raises
        ------
        InputError
            If it is not one.
        """
        load_extensions()
        try:
            return datamodels.open(path)
        except MemoryError:
            raise  # not an error of the file
        except Exception as error:  # readers raise whatever they like on a broken file
            raise InputError(_not_a_model(path, error)) from error

    def open_to_read(self, path: Path) -> Any:
        """A model of a file that is as stdatamodels writes it, else None."""
        return with_pixels(path)

    def open_to_write(self, path: Path) -> CopiedDraft | None:
        """The metadata of a file that is as stdatamodels writes it, else None."""
        return copied_draft(path)

    def adopted(self, model: Any) -> Any:
        """A copy of a model."""
        return model.copy()

    def result_name(self, file_name: str, *, beside: bool) -> str:  # noqa: ARG002 - the protocol's
        """Nothing: results are named by stpipe's pattern."""
        return ""

    def group_of_name(self, file_name: str) -> str:
        """The group of an exposure from its file name; see `group_of_name`."""
        return group_of_name(file_name)

    def label_of_file(self, path: Path) -> Label:
        """What the header of the file of an exposure says of it."""
        try:
            header = first_header(path)
            values = {name: header.get(key) for key, name in IN_HEADER.items()}
        except Exception:  # noqa: BLE001 - no FITS, or damaged: the error comes when it is read
            return Label("", "")
        detector, catalog = (str(header.get(key) or "").strip() for key in ("DETECTOR", "TCATFILE"))
        return Label(group_of(values) or "", detector, catalog)

    def label(self, model: Any) -> Label:
        """What the metadata of a model say of it."""
        detector = getattr(getattr(model.meta, "instrument", None), "detector", None)
        catalog = getattr(model.meta, "tweakreg_catalog", None)
        return Label(self.entry(model).group, str(detector or ""), str(catalog or "").strip())

    def entry(self, model: Any) -> Entry:
        """File name, group and exposure type of a model."""
        observation = getattr(getattr(model.meta, "observation", None), "instance", {})
        given = getattr(model.meta, "group_id", None)
        group = given if names_group(given) else group_of(observation)
        if is_tan(getattr(model.meta, "wcs", None)):  # what it was made of moves as one
            group = Path(model.meta.filename or "").stem
        exptype = getattr(model.meta.asn, "exptype", None) or "science"
        return Entry(model.meta.filename or "", group or "", exptype)

    def assign(self, model: Any, member: Mapping[str, Any], words: Mapping[str, str]) -> None:
        """Write a model's entries in the association, and its group, into its metadata."""
        for attribute in ("group_id", "tweakreg_catalog"):
            value = str(member.get(attribute) or "")
            if names_group(value):
                setattr(model.meta, attribute, value)
        model.meta.asn.exptype = member["exptype"]
        for key, attribute in ASN_WORDS.items():
            if key in words:
                setattr(model.meta.asn, attribute, words[key])
        group = self.entry(model).group
        if group and not is_tan(getattr(model.meta, "wcs", None)):
            model.meta.group_id = group

    def check(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if a model can't be aligned."""
        if not isinstance(model, datamodels.ImageModel):
            if not model.meta.telescope:
                raise InputError(
                    f"'{file_name}' does not say of which mission it is (keyword TELESCOP), and it "
                    f"is no image of {self.name}, but those are needed. Remove it from the input, "
                    "or give the calibrated exposure (usually *_cal.fits)."
                )
            raise InputError(
                f"'{file_name}' is a {type(model).__name__}, but only images can be aligned. Give "
                "calibrated imaging exposures (ImageModel, usually *_cal.fits)."
            )
        self.check_wcs(model, file_name)
        _check_arrays(model, file_name)

    def check_wcs(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if the WCS of a model can't be corrected: images, and cubes of them.

        Cubes are what coronagraphy and time series have.
        """
        kind = str(model.meta.exposure.type or "") if _has_words(model, "exposure") else ""
        if SPECTRUM.search(kind):
            raise InputError(
                f"'{file_name}' is a spectrum ({kind}), but only images can be aligned, and "
                "motions are carried to images alone. Remove it from the input."
            )
        if not isinstance(model, datamodels.ImageModel | datamodels.CubeModel):
            raise InputError(
                f"'{file_name}' is a {type(model).__name__}, but motions are carried to images "
                "alone. Give imaging exposures, such as *_cal.fits or *_calints.fits."
            )
        wcs = getattr(model.meta, "wcs", None)
        if wcs is None:
            raise InputError(
                f"'{file_name}' has no WCS, but 'meta.wcs' is needed. Run the step 'assign_wcs' "
                "on it first, or take the *_cal.fits file of the archive."
            )
        _check_words(model, file_name)
        if is_tan(wcs):  # of a mosaic, which is corrected in its own plane
            return
        frames = list(getattr(wcs, "available_frames", ()))
        if "v2v3" not in frames:
            raise InputError(
                f"The WCS of '{file_name}' has the frames {frames}, but a correction needs "
                "'v2v3', or the one tangent plane of a mosaic (*_i2d.fits). Give the exposures "
                "that it was made of."
            )
        _check_angles(model, file_name)

    def images(self, model: Any) -> tuple[JwstImage]:
        """The image of a model."""
        return (JwstImage(model),)

    def corrector(self, view: View, catalog: Table, name: str, group: str) -> Any:
        """The tweakwcs corrector of an image."""
        meta = {
            "catalog": catalog,
            "name": name,
            "group_id": group,
            "detector": view.detector,
            "filter": view.band,
            "guide_star": view.guide_star,
            "epoch": view.epoch,
            "observatory": self.observatory,
        }
        if is_tan(view.wcs):
            return TanCorrector(view.wcs, meta)
        try:
            return JWSTWCSCorrector(view.wcs, view.angles, meta=meta)
        except ValueError as error:
            raise InputError(
                f"The WCS of '{name}' can't be corrected: {error} It must have the frames of a "
                "JWST image and, if it was aligned before, a correction made by tweakwcs. Run "
                "'assign_wcs' on it again."
            ) from error

    def packed_wcs(self, wcs: Any) -> bytes:
        """The WCS of a view as bytes."""
        return packed_gwcs(wcs)

    def unpacked_wcs(self, content: bytes) -> Any:
        """The WCS of such bytes."""
        return unpacked_gwcs(content)

    def apply(self, model: Any, change: Change) -> list[str]:
        """Make the changes to a model; returns the problems with them."""
        problems = []
        model.meta.filename = model.meta.filename or change.name
        for catalog in change.catalogs:
            if catalog is not None:
                model.meta.tweakreg_catalog = catalog
        for wcs in change.wcs:  # one at most: that of the image
            wcs.name = wcs_name(wcs.name, change.reference)
            problem = update_wcs(model, wcs, change.sip)
            if problem:
                problems.append(problem)
        if change.status is not None:
            model.meta.cal_step.tweakreg = change.status.value
        if change.essentials is not None:
            annotate(model, change.essentials)
        return problems

    def restore(self, model: Any) -> bool:
        """Restore a model's WCS as delivered, with the footprint and keywords made from it."""
        return restore(model)


def group_of(observation: dict[str, Any]) -> str | None:
    """The group of an exposure from the keywords of its observation, None if one is missing.

    Parameters
    ----------
    observation
        ``meta.observation`` as a dict.
    """
    values = [[observation.get(keyword) for keyword in part] for part in GROUP_KEYWORDS]
    if any(value in {None, ""} for part in values for value in part):
        return None
    return "jw" + "_".join("".join(str(value) for value in part) for part in values)


def group_of_name(name: str) -> str:
    """The group of an exposure from its file name, '' if that is no name of a JWST exposure.

    For files that can't be opened.
    """
    match = EXPOSURE_NAME.match(name)
    return f"{match[1]}_{int(match[2])}" if match else ""


def _not_a_model(path: Path, error: Exception) -> str:
    return (
        f"'{path}' can't be opened: {first_line(error)}. It must be a JWST exposure in FITS or "
        "ASDF. Remove it from the input, or fetch it again if it is damaged."
    )


def _check_words(model: Any, file_name: str) -> None:
    """What holds words of its own must: results could not be recorded else."""
    for name in ("asn", "cal_step", "exposure", "instrument", "observation", "wcsinfo"):
        words = model.meta.instance.get(name, {})
        if not isinstance(words, dict):
            raise InputError(
                f"'{file_name}' has a {type(words).__name__} as 'meta.{name}', but it must be a "
                "set of keywords, or results can't be recorded. Fetch the file again."
            )


def _has_words(model: Any, name: str) -> bool:
    return isinstance(model.meta.instance.get(name), dict)


def _check_angles(model: Any, file_name: str) -> None:
    missing = [a for a in REFERENCE_ANGLES if getattr(model.meta.wcsinfo, a, None) is None]
    if missing:
        raise InputError(
            f"'{file_name}' lacks {', '.join(missing)} in 'meta.wcsinfo', but a correction needs "
            f"{', '.join(REFERENCE_ANGLES)}. Run the step 'assign_wcs' on it again."
        )


def _check_arrays(model: Any, file_name: str) -> None:
    """Raise `InputError` unless an image has data, and err and dq, if any, of the same shape."""
    shapes = {n: np.shape(a) for n in ("data", "err", "dq") if (a := getattr(model, n)) is not None}
    data = shapes.get("data", ())
    if len(data) != 2 or set(shapes.values()) != {data}:
        raise InputError(
            f"'{file_name}' has arrays of the shapes {shapes}, but 'data' is needed, of two "
            "dimensions, and 'err' and 'dq' of the same shape if there are any. Make the file "
            "again."
        )
