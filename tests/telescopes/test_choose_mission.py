"""Whose is a file, or a model? Said for each, and said clearly where it can't be aligned."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace

import asdf
import numpy as np
import pytest
from astropy.io import fits
from stdatamodels.jwst.datamodels import ImageModel

from tweakreg_step import TweakRegStep, remove_correction
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.choose_mission import (
    group_of_name,
    open_exposure,
    telescope_of,
    telescope_of_file,
)
from tweakreg_step.telescopes.mission_name import mission_in_file

REAL = Path(__file__).parents[3] / "shared" / "data"


def fits_of(mission: str | None, path: Path, *, cards: int = 0) -> Path:
    header = fits.Header([(f"CARD{number}", number) for number in range(cards)])
    if mission is not None:
        header["TELESCOP"] = (mission, "telescope used to acquire the data")
    fits.PrimaryHDU(header=header).writeto(path)
    return path


def asdf_of(tree: dict[str, object], path: Path) -> Path:
    asdf.AsdfFile({"aaa": np.arange(9.0), **tree}).write_to(path)
    return path


@pytest.mark.parametrize(
    ("mission", "cards", "found"), [("HST", 3, "HST"), ("jwst", 100, "JWST"), (None, 50, "")]
)
def test_the_header_of_a_fits_file_says_it(
    tmp_path: Path, mission: str | None, cards: int, found: str
) -> None:
    path = fits_of(mission, tmp_path / "a.fits", cards=cards)
    assert mission_in_file(path) == found
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert mission_in_file(packed) == found


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        ({"roman": {"meta": {"filename": "a"}}}, "ROMAN"),
        ({"meta": {"telescope": "JWST", "logs": ["a\n...\nb"]}}, "JWST"),
        ({"meta": {"filename": "a"}}, ""),
    ],
)
def test_the_tree_of_an_asdf_file_says_it(
    tmp_path: Path, tree: dict[str, object], found: str
) -> None:
    assert mission_in_file(asdf_of(tree, tmp_path / "a.asdf")) == found


@pytest.mark.parametrize("content", [b"", b"no image", b"SIMPLE  =", b"#ASDF", b"\x1f\x8bbroken"])
def test_what_says_nothing_is_no_error_here(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert mission_in_file(tmp_path / "a") == ""
    assert mission_in_file(tmp_path) == mission_in_file(tmp_path / "none") == ""


@pytest.mark.skipif(not REAL.exists(), reason="the real data are not here")
def test_real_files() -> None:
    assert mission_in_file(REAL / "roman" / "roman_l2_wcs.asdf") == "ROMAN"
    assert mission_in_file(REAL / "hst" / "wfc3" / "sample_svm_flc.fits") == "HST"
    assert mission_in_file(REAL / "hst" / "acs_wfc" / "acs_wfc_flc_empty.fits.gz") == "HST"


def test_a_file_of_the_mission(stack: Truth) -> None:
    assert telescope_of_file(stack.files[0]).name == "JWST"
    with open_exposure(stack.files[0]) as model:
        assert telescope_of(model).name == "JWST"
    assert telescope_of(ImageModel((2, 2))).name == "JWST"  # it says nothing else


def test_a_file_of_another_mission(tmp_path: Path) -> None:
    path = fits_of("CHANDRA", tmp_path / "a_flc.fits")
    sentence = r"a_flc\.fits' is an image of CHANDRA, but .* of JWST and HST and ROMAN: other"
    for refuse in (open_exposure, remove_correction, lambda p: TweakRegStep.call(str(p))):
        with pytest.raises(InputError, match=sentence):
            refuse(path)


def test_an_open_file_of_another_mission(tmp_path: Path) -> None:
    with fits.open(fits_of("CHANDRA", tmp_path / "b_flt.fits")) as hdus:
        for given in (hdus, [hdus, hdus]):
            with pytest.raises(InputError, match=r"'b_flt\.fits' is an image of CHANDRA, but"):
                TweakRegStep.call(given)


def test_a_model_of_another_mission() -> None:
    meta = SimpleNamespace(filename="r_cal.asdf", telescope="Roman")
    with pytest.raises(InputError, match=r"'r_cal\.asdf' is an exposure of ROMAN that was opened"):
        telescope_of(SimpleNamespace(meta=meta))


def test_what_is_no_exposure_at_all() -> None:
    with pytest.raises(InputError, match=r"is a SimpleNamespace, which is no exposure of JWST"):
        telescope_of(SimpleNamespace())


def test_another_mission_among_the_files_costs_no_other_image(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    fits_of("CHANDRA", Path("c_flc.fits"))
    library = TweakRegStep.call([*map(str, files.files), "c_flc.fits"])
    assert len(library) == len(files.files)
    assert "c_flc.fits is left out (unreadable)" in caplog.text


def test_groups_by_name() -> None:
    assert group_of_name("jw01345001001_14201_00003_nrca1_cal.fits") == "jw01345001001_14201_3"
    assert group_of_name("j94f05bgq_flc.fits") == "j94f05bgq"
    assert group_of_name("mosaic.fits") == ""


@pytest.mark.filterwarnings("ignore")  # stdatamodels' own, on the same
def test_a_file_that_names_no_mission_is_not_called_a_model(tmp_path: Path) -> None:
    path = fits_of(None, tmp_path / "a_cal.fits")
    with pytest.raises(InputError, match="does not say of which mission it is") as caught:
        TweakRegStep.call(str(path))
    assert "JwstDataModel" not in str(caught.value)
