"""Verdicts: whether each group's correction is applied, from which evidence, and why not."""

from __future__ import annotations

from .criteria import findings, groups_to_reject
from .diagnosis import Failures, diagnose

__all__ = ["Failures", "diagnose", "findings", "groups_to_reject"]
