"""Small exposures of Roman, made once for all tests that only read them."""

from __future__ import annotations

import atexit
import re
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from roman_datamodels import datamodels

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import Psf, Truth, simulate_mosaic, truth_error

__all__ = [
    "align",
    "aligned",
    "copied",
    "exposures",
    "largest_error",
    "opened",
    "results",
    "undated",
]


@cache
def exposures(**options: Any) -> Truth:
    """Two dithers of two detectors; nobody may change their files."""
    scene = {
        "seed": 3,
        "tiles": (1, 1),
        "dithers": 2,
        "detectors": ("WFI01", "WFI02"),
        "shape": (360, 360),
        "stars_per_image": 60,
        "psf": Psf(fwhm=1.2),
    }
    return simulate_mosaic(_folder(), **(scene | options))


@cache
def aligned() -> Path:
    """Folder of the results of the exposures, made once; nobody may change them."""
    folder, files = _folder(), exposures().files
    before = [path.read_bytes() for path in files]
    align([*map(str, files)], exposures(), save_results=True, output_dir=str(folder))
    assert [path.read_bytes() for path in files] == before
    return folder


def _folder() -> Path:
    folder = mkdtemp(prefix="roman-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def opened(path: Path) -> Any:
    """A file as a model, all of it in memory."""
    with datamodels.open(path) as model:
        return model.copy()


def copied(truth: Truth, folder: Path) -> list[Path]:
    """The exposures, copied to a folder where a test may change them."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, folder)) for path in truth.files]


def align(given: Any, truth: Truth, **options: Any) -> Any:
    """Align exposures to the scene's reference catalog."""
    return TweakRegStep.call(given, abs_refcat=str(truth.catalog), **options)


def results(truth: Truth, folder: Path) -> list[Path]:
    """Paths of the results of all exposures."""
    return [folder / path.name.replace("_cal.", "_tweakreg.") for path in truth.files]


def largest_error(paths: list[Path], truth: Truth) -> float:
    """The largest rms error [mas] of an image."""
    errors = []
    for path, image in zip(paths, truth.images, strict=True):
        with datamodels.open(path) as model:
            errors.append(truth_error(model.meta.wcs, image).rms_mas)
    return max(errors)


def undated(path: Path) -> bytes:
    """A file without the times when it was written and run."""
    return re.sub(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+", b"now", path.read_bytes())
