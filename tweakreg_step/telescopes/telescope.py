"""The protocol of a mission: all that the step needs of its files and models.

An open exposure is a model, of whatever class the mission uses. It must be an
`stpipe.datamodel.AbstractDataModel` (``save``, and the parameters for CRDS), have ``copy()`` and
``meta.filename``, and be a context manager that closes its file. Everything else goes through the
protocol. A file holds one or more images (`OpenImage`), each with a WCS of its own, which are
aligned; the images of a file are of one group, and are written together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from astropy.table import Table

    from tweakreg_step.core.images import Observatory

    from .change import Change
    from .image import OpenImage, View

__all__ = ["Draft", "Entry", "Label", "Telescope"]


@dataclass(frozen=True, slots=True)
class Entry:
    """File name, group and type of an open exposure, as an association lists them.

    Attributes
    ----------
    file_name
        Name of its file, '' where it has none.
    group
        Group of exposures that it belongs to, '' where its metadata name none.
    exptype
        Type of the exposure in the association.
    path
        Path of the file that it was opened from, '' where that is not known.
    """

    file_name: str
    group: str
    exptype: str = "science"
    path: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What the metadata of an exposure say of it, '' where they don't.

    Attributes
    ----------
    group
        Group of exposures that it belongs to.
    detector
        Name of its detector.
    catalog
        File with its sources; None where that is not known before it is opened.
    """

    group: str
    detector: str
    catalog: str | None = None


class Draft(Protocol):
    """An exposure whose metadata alone are open, and whose pixels are copied from file to file."""

    @property
    def model(self) -> Any:
        """The model, whose metadata may be changed; its arrays are no use."""

    def save(self, path: Path) -> None:
        """Write what saving the whole model would write."""


class Telescope(Protocol):
    """Conversions between a mission's models and the types of this package; without state."""

    @property
    def name(self) -> str:
        """Value of the keyword TELESCOP."""

    @property
    def crds_observatory(self) -> str:
        """Name of the mission in CRDS."""

    @property
    def observatory(self) -> Observatory:
        """Place of the observatory."""

    @property
    def fitgeometry(self) -> str:
        """Default of the parameter ``fitgeometry``."""

    @property
    def detector_shift(self) -> float:
        """How far a detector may be from where the WCS has it, per axis [arcsec]."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of file names that are replaced by that of the result."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that read and write its files: reports list their versions."""

    # ---- files

    def owns(self, model: Any) -> bool:
        """Whether a model is of this mission."""

    def open(self, path: Path) -> Any:
        """Open a file of this mission as a model; raise `InputError` if it can't be done."""

    def open_to_read(self, path: Path) -> Any:
        """Open a file as a model that has what the alignment needs, and may lack other arrays.

        It is None where the file must be opened by `open`, which also says what is wrong with it.
        Damaged files may raise anything.
        """

    def open_to_write(self, path: Path) -> Draft | None:
        """Open the metadata of a file alone, to be changed; None and errors as `open_to_read`."""

    def adopted(self, model: Any) -> Any:
        """A model of its own of what a user has opened, which is not changed."""

    def result_name(self, file_name: str, *, beside: bool) -> str:
        """Name of the file of a result, '' where it is made by stpipe's pattern.

        Parameters
        ----------
        file_name
            Name of the exposure's file.
        beside
            Whether a result of the same name would take the place of its input.
        """

    def group_of_name(self, file_name: str) -> str:
        """The group of an exposure from its file name, '' if that is no name of this mission.

        For files that can't be opened.
        """

    def label_of_file(self, path: Path) -> Label:
        """What the header of the file of an exposure says of it."""

    # ---- models

    def label(self, model: Any) -> Label:
        """What the metadata of a model say of it."""

    def entry(self, model: Any) -> Entry:
        """File name, group and type of a model."""

    def assign(self, model: Any, member: Mapping[str, Any], words: Mapping[str, str]) -> None:
        """Write a model's entries in the association, and its group, into its metadata.

        Parameters
        ----------
        model
            Changed.
        member
            Entry of the exposure: ``exptype`` and perhaps ``group_id`` and ``tweakreg_catalog``.
        words
            ``table_name`` and ``asn_pool`` of the association, if it has them.
        """

    def check(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if a model can't be aligned."""

    def check_wcs(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if the WCS of a model can't be corrected, whatever its pixels are.

        Spectra are refused.
        """

    def images(self, model: Any) -> Sequence[OpenImage]:
        """The images of a model."""

    def corrector(self, view: View, catalog: Table, name: str, group: str) -> Any:
        """The tweakwcs corrector of an image.

        Its ``meta`` holds ``catalog``, ``name``, ``group_id``, ``detector``, ``epoch`` and
        ``places``. Raises `InputError` if the WCS can't be corrected.
        """

    def packed_wcs(self, wcs: Any) -> bytes:
        """The WCS of a view as bytes, to be written."""

    def unpacked_wcs(self, content: bytes) -> Any:
        """The WCS of such bytes, the same to the bit."""

    # ---- results

    def apply(self, model: Any, change: Change) -> Sequence[str]:
        """Make the changes to a model.

        Written are the corrected WCS, named after the reference catalog, with the footprint and
        keywords made from it, the status, and the essential results. Values that are overwritten
        are saved, so that `restore` can undo it.

        Returns
        -------
        sequence of str
            Problems; the WCS is written in any case.
        """

    def restore(self, model: Any) -> bool:
        """Restore a model's WCS as delivered; returns whether it had a correction."""
