"""Exposures: read, sources found, catalogs written, results written whole or not at all."""

from __future__ import annotations

from .exposure import UNUSABLE, VERSION, Refusal, exposure_of
from .exposure_catalog import Reader
from .idle_sources import idle_by_reason
from .read import Member, ReadExposures, read_exposures
from .write import problem_of, tell_changed_words, unwritten, write_exposures

__all__ = [
    "UNUSABLE",
    "VERSION",
    "Member",
    "ReadExposures",
    "Reader",
    "Refusal",
    "exposure_of",
    "idle_by_reason",
    "problem_of",
    "read_exposures",
    "tell_changed_words",
    "unwritten",
    "write_exposures",
]
