"""One exposure: read, its sources found, its catalog kept, its result written whole."""

from __future__ import annotations

from .exposure import UNUSABLE, VERSION, Refusal
from .read import Found, read_exposures
from .write import deliver_all, problem_of, undelivered

__all__ = [
    "UNUSABLE",
    "VERSION",
    "Found",
    "Refusal",
    "deliver_all",
    "problem_of",
    "read_exposures",
    "undelivered",
]
