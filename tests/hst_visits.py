"""Small visits of HST, made once for all tests that only read them."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate.hst import HstTruth, Scene, errors_mas, simulate_hst

__all__ = ["align", "copied", "largest_error", "results", "visit"]


@cache
def visit(**options: Any) -> HstTruth:
    """A simulated visit; nobody may change its files."""
    folder = mkdtemp(prefix="visit-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return simulate_hst(folder, Scene(**({"seed": 5} | options)))


def copied(truth: HstTruth, folder: Path) -> list[Path]:
    """The exposures, copied to a folder where a test may change them."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, folder)) for path in truth.files]


def align(given: Any, truth: HstTruth, **options: Any) -> Any:
    """Align exposures to the visit's reference catalog."""
    return TweakRegStep.call(given, abs_refcat=str(truth.catalog), **options)


def results(truth: HstTruth, folder: Path, name: str = "{root}_flc.fits") -> list[Path]:
    """Paths of the results of a visit."""
    return [folder / name.format(root=path.name.split("_")[0]) for path in truth.files]


def largest_error(paths: list[Path], truth: HstTruth) -> float:
    """The largest rms error [mas] of a chip of results."""
    pairs = zip(paths, truth.exposures, strict=True)
    return max(error for path, one in pairs for error in errors_mas(path, one))
