"""An open exposure: its HDUs, and the changes to their headers; pixels stay where they are."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from astropy.io.fits import ImageHDU

from tweakreg_step.core.exceptions import InputError

from .chip_wcs import TABLES, chip_wcs, packed
from .storage import Storage, in_file, in_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io.fits import HDUList, Header

    from .chip_wcs import ChipWCS
    from .headers import Cards

__all__ = ["Chip", "HstExposure", "Meta"]

DRIZZLED = ("_drz", "_drc", "_sci")
"""How names of images end that AstroDrizzle has made: without distortion, with weights."""

CLEANED = "_crclean.fits"
"""How names of images end in which AstroDrizzle has replaced cosmic rays."""

QUALITY = {"_c0m": "_c1m", "_c0f": "_c1f"}
"""Names of files of WFPC2, and of those with their data quality."""

WEIGHTS = {"_single_sci": "_single_wht"}
"""Names of images that were drizzled singly, and of their weights."""


@dataclass
class Meta:
    """What the step keeps of an exposure outside of its file.

    Attributes
    ----------
    filename
        Name of the file.
    group_id
        Group that the association gives, '' for none.
    exptype
        Type in the association.
    catalog
        Path of a source catalog that the association gives, '' for none.
    """

    filename: str
    group_id: str = ""
    exptype: str = "science"
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """Where the parts of one image are.

    Attributes
    ----------
    science
        Index of the HDU with its pixels.
    version
        EXTVER of that.
    error, quality, weight
        Indices of the HDUs with its errors, data quality, and weights; None where there are none.
    """

    science: int
    version: int
    error: int | None
    quality: int | None
    weight: int | None


@dataclass
class HstExposure:
    """A file of HST, or HDUs in memory, as stpipe wants models."""

    storage: Storage
    meta: Meta
    path: Path | None = None
    """The file that it is from, None for HDUs without one."""
    changed: dict[int, Cards] = field(default_factory=dict)
    """Headers that were changed, by HDU."""
    tables: bytes | None = None
    """The lookup tables of distortion, once they were read."""
    made: dict[str, ChipWCS] = field(default_factory=dict, repr=False)
    """WCS that were made, by the text of their headers: making one takes longer than copying it."""

    crds_observatory = "hst"

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file; of its pixels nothing is read yet."""
        return cls(in_file(path), Meta(path.name), path)

    @classmethod
    def of_hdus(cls, hdus: HDUList) -> Self:
        """The exposure in HDUs that a user has opened, which are copied."""
        name = hdus.filename()
        path = None if name is None else Path(name).absolute()
        own = in_memory(in_memory(hdus).hdus({}))
        told = str(own.headers[0].header.get("FILENAME") or "")
        return cls(own, Meta(path.name if path else told), path)

    # ---- as stpipe wants models

    def get_crds_parameters(self) -> dict[str, str]:
        """Values by which CRDS could choose parameters: none."""
        return {}

    def copy(self) -> HstExposure:
        """An exposure whose headers can be changed without changing this one."""
        return replace(self, meta=replace(self.meta), changed=dict(self.changed))

    def save(self, path: str | Path, **_options: Any) -> str:
        """Write a file: changed headers, and all other bytes as they are."""
        target, changed = Path(path), dict(self.changed)
        primary = self.cards(0)
        said = primary.header.get("FILENAME")
        if said is not None and target.name != said:
            comment = primary.header.comments["FILENAME"]
            changed[0] = primary.with_values({"FILENAME": (target.name, comment)})
        self.storage.write(target, changed)
        return str(target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    # ---- content

    def hdus(self) -> HDUList:
        """All HDUs in memory, with the changes that were made."""
        return self.storage.hdus(self.changed)

    def cards(self, index: int) -> Cards:
        """The header of an HDU."""
        return self.changed.get(index) or self.storage.headers[index]

    def header(self, index: int = 0) -> Header:
        """The header of an HDU, for reading."""
        return self.cards(index).header

    def array(self, index: int) -> Any:
        """The array of an HDU."""
        return self.storage.array(index)

    @property
    def root(self) -> str:
        """Name of the file without its ending."""
        return self.meta.filename.removesuffix(".gz").removesuffix(".fits")

    @property
    def is_drizzled(self) -> bool:
        """Whether AstroDrizzle has made it."""
        return self.root.endswith(DRIZZLED) or "D001DATA" in self.cards(0)

    @property
    def chips(self) -> list[Chip]:
        """Its images: HDUs named SCI of two dimensions, else the first HDU if it has pixels."""
        names = self._names()
        chips = [
            Chip(index, version, *(names.get((word, version)) for word in ("ERR", "DQ", "WHT")))
            for (name, version), index in names.items()
            if name == "SCI" and _is_image(self.header(index))
        ]
        if not chips and _is_image(self.header()):
            chips = [Chip(0, 1, None, None, None)]
        return sorted(chips, key=lambda chip: chip.version)

    def wcs(self, chip: Chip, cards: Cards | None = None) -> ChipWCS:
        """The WCS of a chip, or that of another header for it."""
        if self.tables is None:
            places = [index for (name, _), index in self._names().items() if name in TABLES]
            self.tables = packed([self._table(index) for index in places])
        text = (cards or self.cards(chip.science)).text
        if text not in self.made:
            self.made[text] = chip_wcs(text, self.tables)
        return deepcopy(self.made[text])

    def has_table(self, name: str, version: int) -> bool:
        """Whether there is a lookup table of a name and number."""
        return (name, version) in self._names()

    def headerlets(self) -> list[bytes]:
        """The FITS file in each headerlet that is in the file and not compressed."""
        places = [index for (name, _), index in self._names().items() if name == "HDRLET"]
        contents = (self.storage.content(index) for index in places)
        return [content for content in contents if content.startswith(b"SIMPLE")]

    def quality(self, chip: Chip) -> Any:
        """Data quality of a chip, None where there is none."""
        return self._companion(chip, QUALITY) if chip.quality is None else self.array(chip.quality)

    def weight(self, chip: Chip) -> Any:
        """Weights of a drizzled image, None where there are none."""
        return self._companion(chip, WEIGHTS) if chip.weight is None else self.array(chip.weight)

    def cleaned(self, chip: Chip) -> Any:
        """The array of a chip without cosmic rays, from the file that AstroDrizzle writes.

        Raises
        ------
        InputError
            If it is not there, or does not have this chip.
        """
        name = f"{self.root.rpartition('_')[0] or self.root}{CLEANED}"
        path = None if self.path is None else self.path.with_name(name)
        if path is None or not path.is_file():
            raise InputError(
                f"pixels_from='crclean', but there is no '{name}' beside '{self.meta.filename}'. "
                "AstroDrizzle writes it with driz_cr_corr=True. Run that, or take the pixels of "
                "the exposure."
            )
        beside = HstExposure.open(path)
        shape = np.shape(self.array(chip.science))
        for other in beside.chips:
            if other.version == chip.version:
                found = beside.array(other.science)
                if np.shape(found) == shape:
                    return found
        raise InputError(
            f"'{name}' has no chip (SCI,{chip.version}) of {shape} pixels, as "
            f"'{self.meta.filename}' has. Make it again with AstroDrizzle."
        )

    def _companion(self, chip: Chip, names: Mapping[str, str]) -> Any:
        """An array of a chip that is in a file of its own beside that of the exposure."""
        if self.path is None:
            return None
        for own, other in names.items():
            path = self.path.with_name(self.path.name.replace(own, other))
            if path.name != self.path.name and path.is_file():
                beside = HstExposure.open(path)
                return next((beside.array(c.science) for c in beside.chips if c == chip), None)
        return None

    def _names(self) -> dict[tuple[str, int], int]:
        """Index of each HDU by EXTNAME and EXTVER."""
        found: dict[tuple[str, int], int] = {}
        for index in range(len(self.storage.headers)):
            header = self.header(index)
            name = str(header.get("EXTNAME") or "").strip().upper()
            found.setdefault((name, int(header.get("EXTVER") or 1)), index)
        return found

    def _table(self, index: int) -> ImageHDU:
        return ImageHDU(self.array(index), self.header(index))


def _is_image(header: Header) -> bool:
    return header.get("NAXIS") == 2 and str(header.get("XTENSION", "IMAGE")).strip() == "IMAGE"
