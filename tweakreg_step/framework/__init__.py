"""Base of an stpipe step: sources of parameters, old names, output, report of a failed run."""

from __future__ import annotations

from .base import BaseStep
from .failed_run import reports_errors

__all__ = ["BaseStep", "reports_errors"]
