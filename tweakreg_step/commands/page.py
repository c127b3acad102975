"""The command ``tweakreg page``: the page of pictures, of a run that was done before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.whole_files import check_folder
from tweakreg_step.report import write_page
from tweakreg_step.results import read_state, state_path

from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["run_page"]


def run_page(options: argparse.Namespace) -> int:
    """Make the page of a run; returns the exit status."""
    path = Path(options.report).expanduser()
    state = read_state(path if path.suffix == ".asdf" else _state_beside(path))
    folder = path.parent if options.output_dir is None else Path(options.output_dir).expanduser()
    check_folder(folder)
    say(write_page(state.result, folder))
    return 0


def _state_beside(report: Path) -> Path:
    """The state beside a report, which has what the pictures are made of."""
    try:
        product = json.loads(report.read_text(encoding="utf-8"))["product"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"The report '{report}' can't be read: {error}. It must be a file *_tweakreg.json that "
            "a run wrote. Check the name."
        ) from error
    return state_path(report.parent, str(product))
