"""HST exposures with known truth: stars, noise and cosmic rays in files as the archive has them."""

from __future__ import annotations

from .cameras import CAMERAS, Camera, template
from .cosmic_rays import Hits, cosmic_rays
from .motion import NO_MOTION, Motion, moved
from .scene import Scene, simulate_hst
from .truth import ExposureTruth, HstTruth, errors_mas

__all__ = [
    "CAMERAS",
    "NO_MOTION",
    "Camera",
    "ExposureTruth",
    "Hits",
    "HstTruth",
    "Motion",
    "Scene",
    "cosmic_rays",
    "errors_mas",
    "moved",
    "simulate_hst",
    "template",
]
