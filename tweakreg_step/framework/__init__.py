"""Base of an stpipe step: sources of parameters, old names, output, report of a failed run."""

from __future__ import annotations

from .base_step import BaseStep
from .failed_run import reports_errors
from .outputs import warn_overwritten

__all__ = ["BaseStep", "reports_errors", "warn_overwritten"]
