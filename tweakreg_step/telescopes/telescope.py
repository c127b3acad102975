"""The protocol of a mission: all that the step needs of its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from tweakreg_step.core.outcome import Essential, Status
    from tweakreg_step.core.sources import BoundingBox, Pixels
    from tweakreg_step.parameters.stages import SipParameters

    from .image import View

__all__ = ["Telescope"]


class Telescope(Protocol):
    """Conversions between a mission's models and the types of this package; without state."""

    name: str

    def check(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if a model can't be aligned."""

    def pixels(self, model: Any) -> Pixels:
        """The image, with unusable pixels masked."""

    def fwhm(self, model: Any) -> float | None:
        """FWHM of stars in a model [pixels], None where it is not known."""

    def bounding_box(self, model: Any) -> BoundingBox:
        """Limits of the image in pixels, ((xmin, xmax), (ymin, ymax))."""

    def exposure_time(self, model: Any) -> float | None:
        """Exposure time of a model [s], None where it is not known."""

    def is_corrected(self, model: Any) -> bool:
        """Whether the WCS of a model has a correction of an earlier alignment."""

    def view(self, model: Any, *, reset: bool = False) -> View:
        """The view of a model, with its WCS; with `reset`, the WCS as delivered."""

    def corrector(self, view: View, catalog: Table, name: str, group: str) -> Any:
        """The tweakwcs corrector of an exposure."""

    def update_wcs(self, model: Any, wcs: Any, sip: SipParameters) -> str:
        """Put a corrected WCS into a model; returns the problem, '' if there was none."""

    def record(self, model: Any, status: Status) -> None:
        """Write the status into a model's metadata."""

    def restore(self, model: Any) -> bool:
        """Restore a model's WCS as delivered; returns whether it had a correction."""

    def annotate(self, model: Any, essentials: Sequence[Essential]) -> None:
        """Write the essential results into a model's metadata and header; replaces earlier ones."""
