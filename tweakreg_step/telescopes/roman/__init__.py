"""Roman: models, images, and the FWHM of stars."""

from __future__ import annotations

from .models import Roman

__all__ = ["Roman"]
