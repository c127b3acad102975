"""A mission that exists in tests alone: each of its files holds two images, and is written as one.

Its chips are images of the simulated mosaics, two detectors of an exposure in a file.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from astropy.io import fits
from stdatamodels.jwst import datamodels
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Pixels
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes import EARTH, Change, Entry, View
from tweakreg_step.telescopes.telescope import Label
from tweakreg_step.telescopes.wcs import pixels_within


@dataclass
class Chip:
    """One image of a file, with what is known of it."""

    label: str
    data: np.ndarray
    wcs: Any
    angles: dict[str, float]
    delivered: Any = None
    fwhm = 2.0
    exposure_time = None
    full_of_hits = False
    catalog = ""
    table = None

    @property
    def bounding_box(self) -> Any:
        return tuple(tuple(map(float, limits)) for limits in self.wcs.bounding_box)

    def pixels(self, _usable: int | None = None) -> Pixels:
        error = np.full(self.data.shape, np.nan)
        return Pixels(self.data, error, ~np.isfinite(self.data), None)

    def to_sky(self, x: Any, y: Any) -> Any:
        return self.wcs.forward_transform(x, y)

    def to_pixels(self, ra: Any, dec: Any) -> Any:
        return pixels_within(self.wcs, self.bounding_box, ra, dec)

    def view(self, *, reset: bool = False) -> View:
        wcs = self.delivered if reset and self.delivered is not None else self.wcs
        return View(wcs, self.angles, self.label, 2024.5, self.delivered is not None)


@dataclass
class TwoChips:
    """An open file, as stpipe wants models."""

    chips: list[Chip]
    meta: Any = field(default_factory=SimpleNamespace)
    crds_observatory = "twochip"

    def get_crds_parameters(self) -> dict[str, str]:
        return {}

    def copy(self) -> TwoChips:
        return copy.deepcopy(self)

    def save(self, path: Any, **_options: Any) -> str:
        hdus = fits.HDUList([fits.PrimaryHDU()])
        hdus[0].header["TELESCOP"] = "TWOCHIP"
        content = pickle.dumps((self.chips, self.meta))
        hdus.append(fits.ImageHDU(np.frombuffer(content, np.uint8), name="ALL"))
        hdus.writeto(path, overwrite=True)
        return str(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


class TwoChipMission:
    """The `Telescope`."""

    name = "TWOCHIP"
    crds_observatory = "twochip"
    observatory = EARTH
    fitgeometry = "rscale"
    detector_shift = 0.02
    suffixes = ("flc",)
    packages = ("pytest",)

    def owns(self, model: Any) -> bool:
        return isinstance(model, TwoChips)

    def open(self, path: Path) -> TwoChips:
        try:
            chips, meta = pickle.loads(fits.getdata(path, "ALL").tobytes())  # noqa: S301 - ours
        except (OSError, KeyError) as error:
            raise InputError(f"'{path}' can't be opened.") from error
        return TwoChips(chips, meta)

    def adopted(self, model: TwoChips) -> TwoChips:
        return model.copy()

    def result_name(self, _file_name: str, **_where: bool) -> str:
        return ""

    def group_of_name(self, file_name: str) -> str:
        return file_name.split("_", maxsplit=1)[0] if file_name.endswith("_flc.fits") else ""

    def label_of_file(self, path: Path) -> Label:
        return Label(self.group_of_name(path.name), "")

    def label(self, model: TwoChips) -> Label:
        return Label(self.entry(model).group, "")

    def entry(self, model: TwoChips) -> Entry:
        return Entry(model.meta.filename, self.group_of_name(model.meta.filename))

    def assign(self, model: TwoChips, member: Any, words: Any) -> None:
        model.meta.association = member["exptype"], words.get("table_name")

    def check(self, model: TwoChips, file_name: str) -> None:
        if len(model.chips) != 2:
            raise InputError(f"'{file_name}' has {len(model.chips)} chips, two are needed.")

    def images(self, model: TwoChips) -> list[Chip]:
        return model.chips

    def corrector(self, view: View, catalog: Any, name: str, group: str) -> Any:
        meta = {"catalog": catalog, "name": name, "group_id": group, "epoch": view.epoch}
        meta |= {"detector": view.detector, "observatory": self.observatory}
        return JWSTWCSCorrector(view.wcs, view.angles, meta=meta)

    def apply(self, model: TwoChips, change: Change) -> list[str]:
        for chip, wcs in zip(model.chips, change.wcs, strict=bool(change.wcs)):
            chip.delivered, chip.wcs = chip.delivered or chip.wcs, wcs
        model.meta.status, model.meta.reference = change.status, change.reference
        model.meta.facts = change.essentials and {f.name: f.value for f in change.essentials}
        model.meta.catalogs = change.catalogs
        return ["the wind was too strong"]

    def restore(self, model: TwoChips) -> bool:
        had = any(chip.delivered is not None for chip in model.chips)
        for chip in model.chips:
            chip.delivered, chip.wcs = None, chip.delivered or chip.wcs
        return had


def two_chip_files(truth: Truth, folder: Path) -> list[Path]:
    """A file for each exposure of a mosaic of two detectors, in the order of its exposures."""
    paths = []
    for number, group in enumerate(dict.fromkeys(image.group for image in truth.images)):
        chips = []
        for image in truth.images:
            if image.group != group:
                continue
            with datamodels.open(truth.folder / image.file_name) as model:
                info = model.meta.wcsinfo
                angles = {name: getattr(info, name) for name in ("v2_ref", "v3_ref", "roll_ref")}
                data, label = np.array(model.data), f"SCI,{len(chips) + 1}"
                chips.append(Chip(label, data, model.meta.wcs, angles))
        name = f"exp{number}_flc.fits"
        paths.append(folder / name)
        TwoChips(chips, SimpleNamespace(filename=name)).save(paths[-1])
    return paths
