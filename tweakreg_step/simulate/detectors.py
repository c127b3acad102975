"""The detectors of all simulated cameras that a GWCS describes, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.simulate.nircam import nircam
from tweakreg_step.simulate.roman import DETECTORS as WFI
from tweakreg_step.simulate.roman import wfi

if TYPE_CHECKING:
    from tweakreg_step.simulate.optics import Detector

__all__ = ["detector_named", "is_roman"]


def is_roman(name: str) -> bool:
    """Whether a detector is Roman's."""
    return name.upper() in WFI


def detector_named(name: str, shape: tuple[int, int] | None = None) -> Detector:
    """A detector of NIRCam or Roman, cut to ``shape`` (ny, nx) around its reference pixel."""
    camera = wfi if is_roman(name) else nircam
    return camera(name) if shape is None else camera(name, shape)
