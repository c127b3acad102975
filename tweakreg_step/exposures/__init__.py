"""Exposures: read, sources found, catalogs written, results written whole or not at all."""

from __future__ import annotations

from .exposure import UNUSABLE, VERSION, Refusal, exposure_of
from .exposure_catalog import Reader
from .idle_sources import idle_by_reason
from .known_image import KnownImage, KnownRun
from .progress import progress
from .read import Member, ReadExposures, known_images, read_exposures, with_known
from .write import problem_of, tell_changed_words, unwritten, write_exposures

__all__ = [
    "UNUSABLE",
    "VERSION",
    "KnownImage",
    "KnownRun",
    "Member",
    "ReadExposures",
    "Reader",
    "Refusal",
    "exposure_of",
    "idle_by_reason",
    "known_images",
    "problem_of",
    "progress",
    "read_exposures",
    "tell_changed_words",
    "unwritten",
    "with_known",
    "write_exposures",
]
