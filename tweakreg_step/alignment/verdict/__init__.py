"""Is a correction better than none? Evidence for and against each, and what to do about it."""

from __future__ import annotations

from .judge import groups_to_reject, verdicts
from .remedies import Failures, advise

__all__ = ["Failures", "advise", "groups_to_reject", "verdicts"]
