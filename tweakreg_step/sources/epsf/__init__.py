"""Positions of stars by a profile that is fitted to them, without the pixels that disagree."""

from __future__ import annotations

from .effective_psf import StarSet, refined_with_epsf, star_stamps
from .stars_first import stars_first

__all__ = ["StarSet", "refined_with_epsf", "star_stamps", "stars_first"]
