"""The delivered WCS is archived once under a key of our own, and comes back to the bit."""

from __future__ import annotations

from string import ascii_uppercase

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS

from tweakreg_step.telescopes.hst.headers import Cards, as_delivered, cards_of, is_aligned
from tweakreg_step.telescopes.hst.headers.archive import archived, free_key
from tweakreg_step.telescopes.hst.headers.update import Fit, corrected

FIT = Fit("j94f05bgq_flc", "GAIADR3", 40, 1.5)


def header(**words: object) -> Header:
    values = {
        "NAXIS": 2,
        "NAXIS1": 100,
        "NAXIS2": 50,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRPIX1": 50.0,
        "CRPIX2": 25.0,
        "CRVAL1": 137.86461036472123,
        "CRVAL2": -64.904104906916,
        "CD1_1": 4.9732592453003e-06,
        "CD1_2": -9.5531476446754e-06,
        "CD2_1": -9.8875649844199e-06,
        "CD2_2": -5.5858985586108e-06,
        "ORIENTAT": -120.3,
        "WCSNAME": "IDC_2731450pi",
        "S_REGION": "POLYGON ICRS 137.863 -64.878 137.817 -64.889 137.865 -64.930",
    }
    return Header(list((values | words).items()))


def aligned(cards: Cards, east: float = 1e-5, fit: Fit = FIT) -> Cards:
    before, after = WCS(cards.header), WCS(cards.header)
    after.wcs.crval = np.add(after.wcs.crval, [east, 0.0])
    after.wcs.cd = after.wcs.cd * 1.00001
    return corrected(cards, before, after, fit)


def test_it_is_archived_once_and_comes_back_to_the_bit() -> None:
    given = cards_of(header())
    first = aligned(given)
    again = aligned(aligned(first))
    for cards in (first, again):
        assert is_aligned(cards)
        assert cards.header["CRVAL1T"] == given.header["CRVAL1"]
        assert cards.header["WCSNAMET"] == "IDC_2731450pi"
        assert cards.header["WCSNAME"] == "IDC_2731450pi-FIT_REL_GAIADR3"
        assert cards.header["S_REGION"] != given.header["S_REGION"]
        assert cards.header["ORIENTAT"] == pytest.approx(-120.3, abs=1.0)
        assert as_delivered(cards) == given
    assert again.keywords() == first.keywords()
    assert not is_aligned(given)
    assert as_delivered(given) == given


def test_other_software_that_replaces_ours_delivers_anew() -> None:
    ours = aligned(cards_of(header()))
    theirs = ours.with_values({"CRVAL1": (10.0, ""), "WCSNAME": ("IDC_2731450pi-FIT_SVM", "")})
    assert not is_aligned(theirs)
    assert as_delivered(theirs) == theirs
    again = aligned(theirs)
    assert again.header["CRVAL1T"] == 10.0
    assert as_delivered(again).header["CRVAL1"] == 10.0
    assert sum(word.startswith("CRVAL1") for word in again.keywords()) == 2


def test_no_name_is_written_twice() -> None:
    taken = {f"{word}A": value for word, value in header().items() if word[:2] == "CR"}
    given = cards_of(header(WCSNAMEA="IDC_2731450pi", WCSNAMEB="IDC_2731450pi-FIT_REL_GAIADR3"))
    given = given.with_values({word: (value, "") for word, value in taken.items()})
    result = aligned(given)
    names = [value.upper() for word, value in result.header.items() if word[:7] == "WCSNAME"]
    assert len(set(names)) == len(names) == 4
    assert as_delivered(result) == given


def test_a_letter_of_others_is_not_taken() -> None:
    given = cards_of(header(WCSNAMET="of others", CRVAL1U=3.0))
    assert free_key(given) == "V"
    assert archived(given).header["WCSNAMET"] == "of others"
    full = cards_of(header(**{f"WCSNAME{letter}": letter for letter in ascii_uppercase}))
    assert free_key(full) == ""


def test_words_of_an_earlier_fit_are_not_left() -> None:
    old = {"NMATCHES": 494, "FITGEOM": "rscale", "RMS_RA": 6.1, "CRDER1": 1e-6, "FITNAME": "old"}
    given = cards_of(header(**old))
    found = aligned(given).header
    assert found["NMATCH"] == found["NMATCHES"] == 40
    assert found["RMS_RA"] == 1.5
    assert found["CRDER1"] == pytest.approx(1.5 / 3.6e6)
    assert found["FITNAME"] == found["WCSNAME"]
    assert found["FITGEOM"] == "N/A"
    assert found["HDRNAME"] == "j94f05bgq_flc_IDC_2731450pi-FIT_REL_GAIADR3-hlet.fits"
    assert as_delivered(aligned(given)) == given


@pytest.mark.parametrize(
    ("reference", "name"), [("", "NONE"), ("my-cat_2.ecsv", "mycat2"), ("GAIADR3", "GAIADR3")]
)
def test_the_type_of_fit_in_the_words_of_the_archive(reference: str, name: str) -> None:
    found = aligned(cards_of(header()), fit=Fit("a_flt", reference, None, None)).header
    assert found["WCSNAME"] == f"IDC_2731450pi-FIT_REL_{name}"
    words = f"undistorted a posteriori solution relatively aligned to {name.upper()}"
    assert found["WCSTYPE"] == words
    assert "NMATCH" not in found
