"""A mosaic's alignment on its exposures: ``transfer`` beside DrizzlePac's tweakback.

Both carry back the same alignment of the same mosaic (``make test-hst``).
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from drizzled import drizzle
from hst_visits import copied, largest_error, visit

from tweakreg_step import align, transfer
from tweakreg_step.simulate.hst import HstTruth, errors_mas
from tweakreg_step.simulate.hst.motion import Motion, moved

pytestmark = [pytest.mark.hst, pytest.mark.filterwarnings("ignore")]

OFF = Motion(0.3, -0.25, 20.0)
"""By which all exposures of the visit are off."""

ROUNDING_MAS = 1e-3
"""Of positions that are written in degrees and read again."""


@dataclass(frozen=True)
class Aligned:
    """A visit whose mosaic is aligned.

    Attributes
    ----------
    truth
        The visit.
    folder
        With the mosaic, and with the exposures as the mosaic was made of them in "in".
    solution
        Of the mosaic.
    names
        WCSNAME of the mosaic by alternate key.
    """

    truth: HstTruth
    folder: Path
    solution: Any
    names: dict[str, str]

    @property
    def mosaic(self) -> str:
        """Path of the mosaic."""
        return str(self.folder / "final_drc.fits")


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Aligned:
    pytest.importorskip("drizzlepac")
    folder = tmp_path_factory.mktemp("tweakback")
    truth = visit(pointing_error=(0.0, 0.0, 0.0), reference_error=0.2, reference_fraction=1.0)
    for path in copied(truth, folder / "in"):
        _move(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "in")
        separate = dict.fromkeys(["driz_separate", "median", "blot", "driz_cr"], False)
        drizzle("*_flc.fits", "../final", **separate)
        patch.chdir(folder)
        result = align("final_drc.fits", str(truth.catalog), update_inputs=True)
    header = fits.getheader(folder / "final_drc.fits", ("SCI", 1))
    names = {word.removeprefix("WCSNAME"): name for word, name in header["WCSNAME*"].items()}
    return Aligned(truth, folder, result.solution, names)


def _move(path: Path) -> None:
    """Put an exposure off."""
    with fits.open(path, mode="update") as hdus:
        for chip in (1, 2):
            header = moved(hdus["SCI", chip].header, OFF, (150.1, 2.2))
            for word in ("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
                hdus["SCI", chip].header[word] = header[word]


def carried(aligned: Aligned, folder: Path, carry: Callable[[list[str]], Any]) -> np.ndarray:
    """Errors [mas] of all chips of copies of the exposures, once something was done to them."""
    shutil.copytree(aligned.folder / "in", folder)
    pairs = [(folder / one.path.name, one) for one in aligned.truth.exposures]
    with contextlib.redirect_stdout(io.StringIO()):
        carry([str(path) for path, _ in pairs])
    return np.concatenate([errors_mas(path, one) for path, one in pairs])


def test_it_is_as_near_to_the_truth_as_tweakback_with_explicit_names(
    aligned: Aligned, tmp_path: Path
) -> None:
    tweakback = pytest.importorskip("drizzlepac.tweakback")
    delivered, solved = aligned.names["T"], aligned.names[""]
    before = carried(aligned, tmp_path / "before", lambda _: None)
    ours = carried(aligned, tmp_path / "ours", lambda files: transfer(aligned.solution, files))
    theirs = carried(
        aligned,
        tmp_path / "theirs",
        lambda files: tweakback.tweakback(
            aligned.mosaic, ",".join(files), origwcs=delivered, wcsname=solved, newname="BACK"
        ),
    )
    assert before.min() > 300.0
    assert ours.max() < 0.3
    assert (ours <= theirs + ROUNDING_MAS).all(), (ours, theirs)


def test_without_names_tweakback_carries_the_old_wcs(aligned: Aligned, tmp_path: Path) -> None:
    """Why names are needed there; `transfer` has no such choice."""
    tweakback = pytest.importorskip("drizzlepac.tweakback")
    theirs = carried(
        aligned,
        tmp_path / "theirs",
        lambda files: tweakback.tweakback(aligned.mosaic, ",".join(files), newname="BACK"),
    )
    assert theirs.min() > 300.0


def test_exposures_that_were_carried_make_a_mosaic_at_the_truth(
    aligned: Aligned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried(aligned, tmp_path / "ours", lambda files: transfer(aligned.solution, files))
    monkeypatch.chdir(tmp_path / "ours")
    drizzle("*_flc.fits", "again", driz_separate=False, median=False, blot=False, driz_cr=False)
    result = align("again_drc.fits", str(aligned.truth.catalog), apply_correction=False)
    assert np.hypot(*1e3 * result.solution.images.shift[0]) < 0.3
    assert largest_error(sorted(Path().glob("*_flc.fits")), aligned.truth) < 0.3
