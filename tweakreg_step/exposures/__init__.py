"""Exposures: read, sources found, catalogs written, results written whole or not at all."""

from __future__ import annotations

from .exposure import UNUSABLE, VERSION, Refusal
from .read import ReadExposures, read_exposures
from .write import problem_of, unwritten, write_exposures

__all__ = [
    "UNUSABLE",
    "VERSION",
    "ReadExposures",
    "Refusal",
    "problem_of",
    "read_exposures",
    "unwritten",
    "write_exposures",
]
