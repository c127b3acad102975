"""What keeps an exposure from being aligned is said, with what brings it in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest
from astropy.io import fits

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate.hst import CAMERAS, template
from tweakreg_step.telescopes.hst.checks import check
from tweakreg_step.telescopes.hst.chip_motions import chips_apart
from tweakreg_step.telescopes.hst.exposure import HstExposure

REAL = Path(__file__).parents[4] / "shared" / "data" / "hst" / "wfc3"


def hdus() -> fits.HDUList:
    return template(CAMERAS["ACS/WFC"], (10, 10), (5.0, 5.0, 0.0), "j94f05bgq", 100.0)


def checked(given: fits.HDUList, folder: Path) -> None:
    path = folder / "j94f05bgq_flc.fits"
    given.writeto(path)
    check(HstExposure.open(path), path.name)


def each(change: Callable[[fits.Header], Any]) -> Callable[[fits.HDUList], None]:
    def apply(given: fits.HDUList) -> None:
        for hdu in given:
            if hdu.name == "SCI":
                change(hdu.header)

    return apply


def no_sip(header: fits.Header) -> None:
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    del header["A_*"], header["B_*"]


def all_keys(header: fits.Header) -> None:
    for letter in ascii_uppercase:
        header[f"WCSNAME{letter}"] = f"solution {letter}"


def set_primary(**words: Any) -> Callable[[fits.HDUList], None]:
    return lambda given: given[0].header.update(words)


def test_what_the_archive_delivers_is_taken(tmp_path: Path) -> None:
    checked(hdus(), tmp_path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (each(lambda h: h.remove("CTYPE1")), r"has no WCS of an image \(CTYPE1 is 'missing'\)"),
        (each(lambda h: h.remove("CRVAL1")), r"no reference position in its WCS"),
        (each(no_sip), r"has no distortion model .* updatewcs\('j94f05bgq_flc\.fits'\)"),
        (lambda g: g.pop(g.index_of(("D2IMARR", 2))), r"are not in the file: D2IMARR,2\. In"),
        (each(all_keys), r"an alternate WCS under each of the letters.*deleteWCS"),
        (set_primary(EXPTIME=0.0), r"has an exposure time of 0 s"),
        (set_primary(FILTER1="G800L"), r"holds spectra \(G800L\)"),
        (set_primary(OBSTYPE="SPECTROSCOPIC"), r"holds spectra \(OBSTYPE\)"),
        (set_primary(SCAN_TYP="C"), r"while the telescope scanned"),
        (lambda g: [g.pop(1) for _ in range(6)], r"has no image: no extension SCI"),
    ],
)
def test_refused(tmp_path: Path, spoil: Callable[[fits.HDUList], Any], sentence: str) -> None:
    given = hdus()
    spoil(given)
    with pytest.raises(InputError, match=sentence):
        checked(given, tmp_path)


@pytest.mark.parametrize("missing", ["PA_V3", "EXPTIME", "EXPSTART", "OBSTYPE", "EXPFLAG"])
def test_what_is_not_needed_may_be_missing(tmp_path: Path, missing: str) -> None:
    given = hdus()
    del given[0].header[missing]
    checked(given, tmp_path)


def test_a_failure_of_guiding_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = hdus()
    given[0].header["EXPFLAG"] = "TDF-DOWN AT EXPSTART"
    checked(given, tmp_path)
    assert "guiding failed during the exposure" in caplog.text


def test_a_solution_that_moves_chips_apart_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = hdus()
    for number in (1, 2):
        header = given["SCI", number].header
        for word in ("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
            header[f"{word}A"] = header[word]
        header["WCSNAMEA"], header["WCSNAME"] = header["WCSNAME"], "IDC_0461802ej-FIT_IMG_GAIA"
        header["CRVAL2"] += 1e-5  # both chips
    assert not chips_apart(HstExposure.of_hdus(given))
    given["SCI", 1].header["CD1_1"] *= 1.001  # one of them
    checked(given, tmp_path)
    assert "'IDC_0461802ej-FIT_IMG_GAIA' in it moves its chips apart" in caplog.text
    assert "It is the present one" in caplog.text


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/hst")
def test_a_real_solution_that_moves_chips_apart(caplog: pytest.LogCaptureFixture) -> None:
    """In a headerlet, by 86 mas; the present solution is a common motion to 0.2 mas."""
    exposure = HstExposure.open(REAL / "sample_svm_flc.fits")
    assert chips_apart(exposure) == {
        "IDC_2731450pi-FIT_REL_GAIAeDR3 (headerlet)": pytest.approx(86.0, abs=3.0)
    }
    check(exposure, "sample_svm_flc.fits")
    assert "It is not the present one; do not restore it." in caplog.text
