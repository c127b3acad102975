"""The command ``tweakreg simulate``: exposures with known pointing errors, to try it on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError, ParameterError
from tweakreg_step.core.wording import nearest
from tweakreg_step.files.whole_files import check_folder
from tweakreg_step.simulate import EXAMPLES, missing_package

from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["run_simulate"]

SIDE = 1024
"""Rows and columns of an image: quickly made, and with stars enough."""


def run_simulate(options: argparse.Namespace) -> int:
    """Simulate exposures; returns the exit status."""
    mission, folder = options.mission or next(iter(EXAMPLES)), Path(options.folder).expanduser()
    if mission not in EXAMPLES:
        raise ParameterError(
            f"--mission={mission}, but images of {' and '.join(EXAMPLES)} can be simulated. "
            f"{nearest(mission, EXAMPLES)}Name one of them."
        )
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(
            f"The folder '{folder}' is not empty, but simulated exposures need one of their own. "
            "Give another name, or remove what is in it."
        )
    check_folder(folder)
    exposures = EXAMPLES[mission](folder, SIDE)
    needed = missing_package(mission)
    first = (
        f"To align them the package {needed} is needed, which is not installed: "
        f"pip install {needed}. Then do it"
        if needed
        else "Align them"
    )
    catalog = shlex.quote(str(folder / "reference.ecsv"))
    say(
        f"{exposures[0]} images with pointing errors of some 0.3 arcsec are in '{folder}'. {first} "
        f"with:\n  tweakreg align {exposures[1]} --abs-refcat={catalog} "
        "--output-dir=aligned --save-plots"
    )
    return 0
