"""The protocol of HST: whose file, which group, what its result is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from tweakreg_step.simulate.hst import CAMERAS, template
from tweakreg_step.telescopes import EARTH
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of
from tweakreg_step.telescopes.hst import HST

MISSION = HST()


def written(folder: Path, camera: str = "ACS/WFC", name: str = "") -> Path:
    hdus = template(CAMERAS[camera], (20, 30), (5.0, 5.0, 0.0), "j94f05bgq", 100.0)
    path = folder / (name or hdus[0].header["FILENAME"])
    hdus.writeto(path)
    return path


@pytest.mark.parametrize(
    ("name", "own", "beside"),
    [
        ("j94f05bgq_flc.fits", "j94f05bgq_flc.fits", "j94f05bgq_tweakreg_flc.fits"),
        ("j94f05bgq_flt.fits.gz", "j94f05bgq_flt.fits", "j94f05bgq_tweakreg_flt.fits"),
        ("final_drc.fits", "final_drc.fits", "final_tweakreg_drc.fits"),
        ("a_tweakreg_flc.fits", "a_tweakreg_flc.fits", "a_tweakreg_flc.fits"),
        ("mosaic.fits", "mosaic.fits", "mosaic_tweakreg.fits"),
    ],
)
def test_names_of_results(name: str, own: str, beside: str) -> None:
    assert MISSION.result_name(name, beside=False) == own
    assert MISSION.result_name(name, beside=True) == beside


def test_exposures_are_groups_by_rootname_and_mosaics_by_name(tmp_path: Path) -> None:
    exposure = open_exposure(written(tmp_path, name="renamed_flc.fits"))
    assert telescope_of(exposure).entry(exposure).group == "j94f05bgq"
    mosaic = open_exposure(written(tmp_path, "ACS/WFC drizzled", "field_drc.fits"))
    entry = MISSION.entry(mosaic)
    assert (entry.group, entry.file_name) == ("field_drc", "field_drc.fits")
    assert Path(entry.path) == tmp_path / "field_drc.fits"


def test_entries_of_an_association_count(tmp_path: Path) -> None:
    exposure = open_exposure(written(tmp_path))
    MISSION.assign(exposure, {"exptype": "science", "group_id": "mine"}, {})
    assert MISSION.entry(exposure).group == "mine"
    assert MISSION.observatory is EARTH


@pytest.mark.parametrize(("camera", "count"), [("ACS/WFC", 2), ("WFC3/IR", 1), ("WFPC2", 4)])
def test_images_are_the_chips(tmp_path: Path, camera: str, count: int) -> None:
    images = MISSION.images(open_exposure(written(tmp_path, camera)))
    labels = [image.label for image in images]
    assert labels == ([""] if count == 1 else [f"SCI,{n}" for n in range(1, count + 1)])
    views = [image.view() for image in images]
    assert len({view.detector for view in views}) == count
    assert all(view.epoch == pytest.approx(2011.13, abs=0.01) for view in views)
    assert not any(view.corrected for view in views)


def test_a_copy_is_changed_alone(tmp_path: Path) -> None:
    exposure = open_exposure(written(tmp_path))
    twin = exposure.copy()
    twin.changed[0] = twin.cards(0).with_values({"TARGNAME": ("other", "")})
    assert "TARGNAME" not in exposure.header()
    assert twin.header()["TARGNAME"] == "other"
    twin.save(tmp_path / "twin_flc.fits")
    assert fits.getval(tmp_path / "twin_flc.fits", "FILENAME") == "twin_flc.fits"


def test_what_is_saved_unchanged_is_the_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "out").mkdir()
    open_exposure(path).save(tmp_path / "out" / path.name)
    assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
