"""Verdicts: whether each group's correction is applied, from which evidence, and why not."""

from __future__ import annotations

from .chance import Chances, chances
from .criteria import findings, groups_to_reject, star_counts, stars_near
from .diagnosis import Failures, diagnose
from .image_claims import claimed
from .image_evidence import ImageEvidence, image_evidence
from .lost_images import where_it_matches
from .reserved import positions_without
from .rest import Rest

__all__ = [
    "Chances",
    "Failures",
    "ImageEvidence",
    "Rest",
    "chances",
    "claimed",
    "diagnose",
    "findings",
    "groups_to_reject",
    "image_evidence",
    "positions_without",
    "star_counts",
    "stars_near",
    "where_it_matches",
]
