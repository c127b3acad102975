"""Simulated exposures of Roman's Wide Field Instrument."""

from __future__ import annotations

from .exposure import RomanIdentity, roman_model
from .wfi import DETECTORS, wfi

__all__ = ["DETECTORS", "RomanIdentity", "roman_model", "wfi"]
