"""The command ``tweakreg simulate``: exposures with known pointing errors, to try it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.files.whole_files import check_folder
from tweakreg_step.simulate import simulate_mosaic
from tweakreg_step.simulate.hst import Scene, simulate_hst

from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["run_simulate"]

SEED = 20261121
SIDE = 1024
"""Rows and columns of an image: quickly made, and with stars enough."""


def run_simulate(options: argparse.Namespace) -> int:
    """Simulate exposures; returns the exit status."""
    folder = Path(options.folder).expanduser()
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(
            f"The folder '{folder}' is not empty, but simulated exposures need one of their own. "
            "Give another name, or remove what is in it."
        )
    check_folder(folder)
    exposures = _hst(folder) if options.mission == "hst" else _jwst(folder)
    say(
        f"{exposures[0]} images with pointing errors of some 0.3 arcsec are in '{folder}'. Align "
        f"them with:\n  tweakreg align {exposures[1]} --abs-refcat={folder / 'reference.ecsv'} "
        "--output-dir=aligned --save-plots"
    )
    return 0


def _jwst(folder: Path) -> tuple[int, str]:
    """A mosaic of NIRCam: the number of images, and what to align."""
    truth = simulate_mosaic(folder, seed=SEED, shape=(SIDE, SIDE))
    return len(truth.images), str(truth.association)


def _hst(folder: Path) -> tuple[int, str]:
    """A visit of HST: the number of exposures, and what to align."""
    truth = simulate_hst(folder, Scene(SEED, shape=(SIDE, SIDE), exposures=4, stars=150))
    return len(truth.exposures), f"'{folder}/*_flc.fits'"
