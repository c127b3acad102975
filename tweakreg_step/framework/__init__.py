"""What stpipe needs of any step: parameters from anywhere, old names, a report of a failed run."""

from __future__ import annotations

from .base import BaseStep
from .failed_run import reports_errors

__all__ = ["BaseStep", "reports_errors"]
