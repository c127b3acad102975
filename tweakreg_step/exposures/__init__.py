"""One exposure: read, its sources found, its catalog kept, its result written whole."""

from __future__ import annotations

from .exposure import UNUSABLE, VERSION, Refusal
from .read import Found, read_exposures
from .write import problem_of, unwritten, write_exposures

__all__ = [
    "UNUSABLE",
    "VERSION",
    "Found",
    "Refusal",
    "problem_of",
    "read_exposures",
    "unwritten",
    "write_exposures",
]
