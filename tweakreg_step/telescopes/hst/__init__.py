"""HST: calibrated exposures and drizzled images, with FITS WCS."""

from __future__ import annotations

from .exposure import HstExposure
from .models import HST

__all__ = ["HST", "HstExposure"]
