"""JWST: models, images, and the FWHM of stars."""

from __future__ import annotations

from .models import JWST

__all__ = ["JWST"]
