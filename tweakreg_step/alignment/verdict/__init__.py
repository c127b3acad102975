"""Verdicts: whether each group's correction is applied, from which evidence, and remedies."""

from __future__ import annotations

from .judge import groups_to_reject, verdicts
from .remedies import Failures, advise

__all__ = ["Failures", "advise", "groups_to_reject", "verdicts"]
