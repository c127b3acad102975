"""The command ``tweakreg from-cfg``: a run with the .cfg file of DrizzlePac's TweakReg."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.drizzlepac import TweakReg
from tweakreg_step.solutions import solution_path

from .align import SOME_FAILED
from .output import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["run_from_cfg"]


def run_from_cfg(options: argparse.Namespace) -> int:
    """Align with a .cfg file; returns the exit status."""
    files = options.exposures
    given: dict[str, Any] = {
        "files": (files[0] if len(files) == 1 else files) or None,
        "configobj": options.config,
        "imagefindcfg": options.imagefindpars,
        "refimagefindcfg": options.refimagefindpars,
        "output_dir": options.output_dir,
    }
    result = TweakReg(**_given(options.set) | given)
    say(result)
    solution = solution_path(Path(options.output_dir).expanduser(), result.run.run.product)
    if result.run.run.dry_run and solution.is_file():
        say(f"Nothing was changed. Put it on the images with: tweakreg apply {solution} <images>")
    return 0 if result.ok else SOME_FAILED


def _given(words: Sequence[str]) -> dict[str, str]:
    """The parameters in NAME=VALUE."""
    pairs = [word.partition("=") for word in words]
    bad = [name for name, separator, _ in pairs if not separator]
    if bad:
        raise ParameterError(
            f"--set was given '{bad[0]}', but a name and a value are needed: --set {bad[0]}=VALUE."
        )
    return {name.strip(): value for name, _, value in pairs}
