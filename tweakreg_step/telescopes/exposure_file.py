"""The file of an exposure, with what its association says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .choose_mission import open_exposure, open_to_read, open_to_write, telescope_of

if TYPE_CHECKING:
    from .telescope import Draft

__all__ = ["ExposureFile", "file_of"]


@dataclass(frozen=True, slots=True)
class ExposureFile:
    """The file of an exposure, and its entries in the association; sent to worker processes.

    Attributes
    ----------
    path
        Path of the file.
    member
        Entry of the exposure in the association.
    association
        Values of the association that are recorded in exposures, `table_name` and `asn_pool`.
    """

    path: str
    member: dict[str, Any]
    association: dict[str, str]

    def open(self) -> Any:
        """Open the exposure as a model, with the values of its association in its metadata.

        Raises
        ------
        InputError
            If it can't be opened.
        """
        return self._assigned(open_exposure(self.path))

    def open_to_read(self) -> Any:
        """Open it as a model that may lack arrays that the alignment does not need.

        Raises
        ------
        InputError
            If it can't be opened.
        """
        return self._assigned(open_to_read(self.path))

    def open_to_write(self) -> Draft | None:
        """Open its metadata alone, to be changed; None where it must be opened whole for that."""
        draft = open_to_write(Path(self.path))
        if draft is not None:
            self._assigned(draft.model)
        return draft

    def _assigned(self, model: Any) -> Any:
        telescope_of(model).assign(model, self.member, self.association)
        return model


def file_of(library: Any, index: int) -> ExposureFile | None:
    """The file of an exposure, None where a library has it in memory, or tells of no files."""
    known = getattr(library, "exposure_file", None)
    return None if known is None else cast("ExposureFile | None", known(index))
