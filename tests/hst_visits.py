"""Small visits of HST, made once for all tests that only read them."""

from __future__ import annotations

import atexit
import shutil
import warnings
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate.hst import HstTruth, Scene, errors_mas, simulate_hst

__all__ = [
    "REFINED",
    "align",
    "aligned",
    "catalogs",
    "copied",
    "largest_error",
    "results",
    "star_list",
    "visit",
]


REFINED = {"refine_centroids": "auto"}
"""How positions are refined by default, which is with an effective PSF here."""


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
    """Align exposures to the visit's reference catalog; positions are windowed if not told else.

    An effective PSF of each image takes a quarter of a run's time.
    """
    own = {"abs_refcat": str(truth.catalog), "refine_centroids": "window"}
    return TweakRegStep.call(given, **(own | options))


@cache
def aligned() -> Path:
    """Folder of a visit's results with `REFINED` positions, made once; nobody may change them."""
    folder = Path(mkdtemp(prefix="visit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    before = [path.read_bytes() for path in visit().files]
    options = REFINED | {"save_results": True, "output_dir": str(folder)}
    align(list(map(str, visit().files)), visit(), **options)
    assert [path.read_bytes() for path in visit().files] == before
    return folder


def results(truth: HstTruth, folder: Path, name: str = "{root}_flc.fits") -> list[Path]:
    """Paths of the results of a visit."""
    return [folder / name.format(root=path.name.split("_")[0]) for path in truth.files]


def largest_error(paths: list[Path], truth: HstTruth) -> float:
    """The largest rms error [mas] of a chip of results."""
    pairs = zip(paths, truth.exposures, strict=True)
    return max(error for path, one in pairs for error in errors_mas(path, one))


def star_list(truth: HstTruth, name: str = "stars.txt") -> str:
    """The reference catalog as a list without names."""
    table = Table.read(truth.catalog)
    np.savetxt(name, np.stack([table["RA"], table["DEC"]], 1), fmt="%.12f")
    return name


def catalogs(truth: HstTruth, name: str = "catalogs.txt") -> str:
    """Lists of x, y, magnitude that count from 1, one for each chip on a line."""
    sky = Table.read(truth.folder / "sky.ecsv")
    rng, lines = np.random.default_rng(1), []
    for one in truth.exposures:
        words = [one.path.name]
        for chip, header in enumerate(one.headers, start=1):
            with warnings.catch_warnings(), fits.open(one.path) as hdus:
                warnings.simplefilter("ignore")
                wcs = WCS(header, hdus)
                x, y = wcs.all_world2pix(sky["RA"], sky["DEC"], 1, quiet=True)
                ny, nx = hdus["SCI", chip].shape
            inside = (x > 1) & (x < nx) & (y > 1) & (y < ny)
            places = np.stack([x, y], 1)[inside] + 0.02 * rng.standard_normal((inside.sum(), 2))
            mags = 30.0 - 2.5 * np.log10(sky["FLUX"][inside])
            words.append(f"{one.path.stem}_{chip}.coo")
            np.savetxt(words[-1], np.column_stack([places, mags]), fmt="%.4f")
        lines.append(" ".join(words))
    Path(name).write_text("\n".join(lines) + "\n")
    return name
