"""Sources from images that AstroDrizzle has cleaned; the solution to the exposures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hst_visits import align, copied, largest_error, visit

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate.hst import Hits, HstTruth
from tweakreg_step.telescopes.hst import HST


@pytest.fixture
def truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HstTruth:
    monkeypatch.chdir(tmp_path)
    return visit(hits=Hits(5600.0), flagged=1.0, exposures=2)


def cleaned(truth: HstTruth, folder: Path) -> list[Path]:
    """The exposures, and beside them the same without cosmic rays."""
    files = copied(truth, folder)
    clean = visit(exposures=2)
    for path, other in zip(files, clean.files, strict=True):
        shutil.copy(other, path.with_name(path.name.replace("_flc", "_crclean")))
    return files


def test_sources_are_those_of_the_cleaned_images(truth: HstTruth, tmp_path: Path) -> None:
    files = cleaned(truth, tmp_path)
    shutil.copytree(tmp_path, tmp_path / "plain", ignore=shutil.ignore_patterns("plain"))
    given = list(map(str, files))
    result = align(given, truth, pixels_from="crclean", save_results=True, output_dir="out")
    assert len(result) == 2
    found = sorted(Path("out").glob("*_flc.fits"))
    assert largest_error(found, truth) < 1.5
    with fits.open(found[0]) as hdus, fits.open(files[0]) as before:
        np.testing.assert_array_equal(hdus["SCI", 1].data, before["SCI", 1].data)
        assert hdus["SCI", 1].header["CRVAL1"] != before["SCI", 1].header["CRVAL1"]


def test_flags_of_cosmic_rays_do_not_mask_what_was_replaced(
    truth: HstTruth, tmp_path: Path
) -> None:
    (path, _) = cleaned(truth, tmp_path)
    image = HST().images(HST().open(path))[0]
    raw, clean = image.pixels(), image.cleaned_pixels()
    assert raw.mask.sum() > 1000
    assert not clean.mask.any()
    np.testing.assert_array_equal(clean.error, raw.error)
    assert clean.data.max() < raw.data.max() or clean.data.std() < raw.data.std()


def test_what_is_missing(truth: HstTruth, tmp_path: Path) -> None:
    files = cleaned(truth, tmp_path)
    gone = files[0].with_name("j94f0500q_crclean.fits")
    gone.unlink()
    given = list(map(str, files))
    with pytest.raises(InputError, match=r"there is no 'j94f0500q_crclean\.fits' beside.*driz_cr"):
        TweakRegStep.call(given, pixels_from="crclean", on_failure="raise")
    with fits.open(files[0]) as hdus:
        del hdus["SCI", 2]
        hdus.writeto(gone)
    with pytest.raises(InputError, match=r"has no chip \(SCI,2\) of \(256, 512\) pixels"):
        TweakRegStep.call(given, pixels_from="crclean", on_failure="raise")
