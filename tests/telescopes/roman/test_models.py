"""Roman's models behind the protocol of a mission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest
from astropy.table import Table
from conftest import REAL_DATA
from roman_datamodels import datamodels
from roman_exposures import exposures, opened

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.outcome import Status
from tweakreg_step.parameters import SipParameters
from tweakreg_step.telescopes import Change
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of
from tweakreg_step.telescopes.roman import Roman, roman_package
from tweakreg_step.telescopes.wcs import CorrectorPlane, correct

ROMAN = Roman()
REAL = REAL_DATA / "roman" / "roman_l2_wcs.asdf"


@pytest.fixture
def model() -> Any:
    return opened(exposures().files[0])


def test_an_exposure_is_grouped_with_the_other_detectors(model: Any) -> None:
    entry = ROMAN.entry(model)
    assert entry.group == "00001010010010010010001"
    assert ROMAN.group_of_name(entry.file_name) == entry.group
    model.meta["group_id"] = "mine"
    assert ROMAN.entry(model).group == "mine"
    model.meta.observation["observation_id"] = "?"
    del model.meta["group_id"]
    assert ROMAN.entry(model).group == ""
    assert ROMAN.group_of_name("mine.asdf") == ""


@pytest.mark.parametrize("name", ["a_cal.asdf", "a_tweakreg.asdf", "a.asdf"])
@pytest.mark.parametrize("beside", [True, False])
def test_names_of_results(name: str, beside: bool) -> None:
    assert ROMAN.result_name(name, beside=beside) == "a_tweakreg.asdf"


def test_what_the_association_says_is_written_into_the_model(model: Any) -> None:
    member = {"exptype": "science", "tweakreg_catalog": "a.ecsv"}
    ROMAN.assign(model, member, {"table_name": "asn.json", "asn_pool": "pool"})
    assert dict(model.meta.asn) == {
        "exptype": "science",
        "table_name": "asn.json",
        "pool_name": "pool",
    }
    (image,) = ROMAN.images(model)
    assert image.catalog == "a.ecsv"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("ScienceRawModel", "raw exposure .level 1.: run the exposure pipeline"),
        ("MosaicModel", "mosaic .level 3.: give the exposures"),
        ("DarkRefModel", "DarkRefModel: give calibrated exposures"),
    ],
)
def test_other_products_are_refused(kind: str, sentence: str) -> None:
    other = getattr(datamodels, kind).create_fake_data()
    assert telescope_of(other).name == "ROMAN"
    with pytest.raises(InputError, match=rf"'a' is of Roman, but only .* {sentence}"):
        ROMAN.check(other, "a")


def spectrum(model: Any) -> None:
    model.meta.exposure["type"] = "WFI_PRISM"


def no_wcs(model: Any) -> None:
    del model.meta["wcs"]


def other_wcs(model: Any) -> None:
    model.meta["wcs"] = datamodels.ImageModel.create_fake_data().meta.wcs


def no_angle(model: Any) -> None:
    model.meta.wcsinfo["v2_ref"] = -999999.0


def other_shape(model: Any) -> None:
    model["dq"] = np.zeros((3, 4), np.uint32)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spectrum, "of the type WFI_PRISM, but only images"),
        (no_wcs, "has no WCS, but 'meta.wcs' is needed"),
        (other_wcs, "but a correction needs 'v2v3'"),
        (no_angle, "lacks v2_ref in 'meta.wcsinfo'"),
        (other_shape, "arrays of the shapes"),
    ],
)
def test_what_can_not_be_aligned(model: Any, spoil: Any, sentence: str) -> None:
    ROMAN.check(model, "a")
    spoil(model)
    with pytest.raises(InputError, match=sentence):
        ROMAN.check(model, "a")


def test_without_the_package_a_sentence_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roman_package, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(InputError, match=r"is a Roman image, but .* not installed.*pip install"):
        open_exposure(exposures().files[0])


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "r_cal.asdf"
    path.write_bytes(exposures().files[0].read_bytes()[:5000])
    with pytest.raises(InputError, match=r"r_cal\.asdf' can't be opened"):
        ROMAN.open(path)


# it was written with an extension that later versions of the package have replaced
@pytest.mark.filterwarnings("ignore:File .*was created with extension")
@pytest.mark.skipif(not REAL.exists(), reason=f"there is no {REAL}")
def test_a_correction_of_older_software_is_composed_with() -> None:
    with asdf.open(REAL) as file:
        meta = file["roman"]["meta"]
        wcs, info, instrument = meta["wcs"], meta["wcsinfo"], meta["instrument"]
    model = datamodels.ImageModel.create_fake_data(shape=(4, 4))
    model.meta["wcs"], model.meta["wcsinfo"] = wcs, info
    model.meta["instrument"] = instrument
    ROMAN.check(model, "real")
    (image,) = ROMAN.images(model)
    view = image.view()
    assert view.corrected
    assert view.detector == "WFI01 F158"
    assert view.band == "F158"
    corrector = ROMAN.corrector(view, Table(), "real", "g")
    x, y = np.meshgrid(np.linspace(0, 4087, 5), np.linspace(0, 4087, 5))
    before = np.array(wcs.forward_transform(x, y))
    plane = CorrectorPlane(corrector, ((-0.5, 4087.5), (-0.5, 4087.5)))
    centre = float(before[0].mean()), float(before[1].mean())
    correct(plane, centre, (np.eye(2), np.array([0.1, -0.2])), None)
    after = np.array(corrector.wcs.forward_transform(x, y))
    moved = 3600.0 * (after - before)
    # the axes of the sky turn over the image: directions to 2 mas, lengths as they are
    east = moved[0] * np.cos(np.deg2rad(before[1]))
    np.testing.assert_allclose([east, moved[1]], np.full((5, 5, 2), [0.1, -0.2]).T, atol=2e-3)
    np.testing.assert_allclose(np.hypot(east, moved[1]), np.hypot(0.1, 0.2), atol=1e-5)
    # the WCS that was given is as it was
    np.testing.assert_array_equal(np.array(wcs.forward_transform(x, y)), before)


def test_a_change_without_a_reference_drops_the_name_of_an_earlier_one(model: Any) -> None:
    model.meta.wcs.name = "FIT-LVL2-GAIADR3"
    change = Change(
        name="a_cal.asdf",
        status=Status("COMPLETE"),
        wcs=(model.meta.wcs,),
        reference=None,
        essentials=(),
        catalogs=("a_cat.ecsv",),
        telescope=ROMAN,
        sip=SipParameters(),
    )
    change(model)
    assert model.meta.wcs.name == ""
    assert model.meta.source_catalog["tweakreg_catalog_name"] == "a_cat.ecsv"
    assert model.meta.cal_step.tweakreg == "COMPLETE"
