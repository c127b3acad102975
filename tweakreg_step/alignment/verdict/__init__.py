"""Verdicts: whether each group's correction is applied, from which evidence, and why not."""

from __future__ import annotations

from .diagnosis import Failures, diagnose
from .judge import findings, groups_to_reject

__all__ = ["Failures", "diagnose", "findings", "groups_to_reject"]
