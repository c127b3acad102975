"""What the step asks of a mission: the protocol that each mission's models are behind."""

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
    """Between a mission's models and the nouns of this package. Nothing here has a state."""

    name: str

    def check(self, model: Any, file_name: str) -> None:
        """Raise `InputError` if a model can't be aligned."""

    def pixels(self, model: Any) -> Pixels:
        """The image, with what must not be used masked."""

    def fwhm(self, model: Any) -> float | None:
        """Width of a star in a model [pixels], None where it is not known."""

    def bounding_box(self, model: Any) -> BoundingBox:
        """Limits of the image in pixels, ((xmin, xmax), (ymin, ymax))."""

    def exposure_time(self, model: Any) -> float | None:
        """How long a model was exposed [s], None where it does not say."""

    def is_corrected(self, model: Any) -> bool:
        """Whether the WCS of a model has a correction of an earlier alignment."""

    def view(self, model: Any, *, reset: bool = False) -> View:
        """What the alignment needs of a model, with its WCS or that as delivered."""

    def corrector(self, view: View, catalog: Table, name: str, group: str) -> Any:
        """The tweakwcs corrector of an exposure."""

    def update_wcs(self, model: Any, wcs: Any, sip: SipParameters) -> str:
        """Put a corrected WCS into a model; what went wrong on the way, or an empty text."""

    def record(self, model: Any, status: Status) -> None:
        """Write into a model's metadata what became of it."""

    def restore(self, model: Any) -> bool:
        """Give a model its WCS as delivered; whether it had a correction."""

    def annotate(self, model: Any, essentials: Sequence[Essential]) -> None:
        """Write the essentials into a model's metadata and header, in place of earlier ones."""
