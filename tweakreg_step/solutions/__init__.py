"""Solutions: what was found, as a file; put on exposures, taken back, carried to others."""

from __future__ import annotations

from .apply import plan_of
from .file import SCHEMA, read_solution, save_solution, solution_path, with_checksum, write_solution
from .joining import old_targets, put_in_place_of, refuse_known
from .merge import merged
from .record import (
    SavedGroups,
    SavedImages,
    SavedLevel,
    SavedSolution,
    parameters_of_run,
)
from .solution_of_run import Marks, solution_of
from .targets import OpenTarget, Plan, Target, carry_out, planned, targets_of
from .transfer import plan_of_transfer
from .undo import plan_of_undo, remove_correction

__all__ = [
    "SCHEMA",
    "Marks",
    "OpenTarget",
    "Plan",
    "SavedGroups",
    "SavedImages",
    "SavedLevel",
    "SavedSolution",
    "Target",
    "carry_out",
    "merged",
    "old_targets",
    "parameters_of_run",
    "plan_of",
    "plan_of_transfer",
    "plan_of_undo",
    "planned",
    "put_in_place_of",
    "read_solution",
    "refuse_known",
    "remove_correction",
    "save_solution",
    "solution_of",
    "solution_path",
    "targets_of",
    "with_checksum",
    "write_solution",
]
