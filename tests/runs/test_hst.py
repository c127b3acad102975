"""HST exposures from files to files, and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hst_visits import REFINED, align, aligned, copied, largest_error, results, visit
from stwcs.wcsutil import HSTWCS
from stwcs.wcsutil.altwcs import wcsnames

from tweakreg_step import remove_correction

TOLERANCE_MAS = 1.0
"""A fiftieth of a pixel of ACS; the errors of these scenes are 0.1 to 0.3 mas."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def texts(paths: list[Path]) -> list[str]:
    return list(map(str, paths))


def science(path: Path) -> list[fits.Header]:
    with fits.open(path) as hdus:
        return [hdu.header for hdu in hdus if hdu.name == "SCI"]


def bytes_beside_headers(path: Path) -> list[bytes]:
    content = path.read_bytes()
    with fits.open(path) as hdus:
        places = [(hdu.fileinfo()["datLoc"], hdu.fileinfo()["datSpan"]) for hdu in hdus]
    return [content[start : start + length] for start, length in places]


def test_from_files_to_files(tmp_path: Path) -> None:
    truth = visit()
    found = results(truth, aligned())
    assert largest_error([*truth.files], truth) > 100.0 > TOLERANCE_MAS
    assert largest_error(found, truth) < TOLERANCE_MAS
    report = json.loads(next(aligned().glob("*.json")).read_text())
    assert [len(group["images"]) for group in report["groups"]] == [2, 2, 2]
    values = {one["name"]: (one["value"], one["origin"]) for one in report["parameters"]}
    assert values["fitgeometry"] == ("rscale", "default of HST")
    assert report["versions"]["stwcs"] != "unknown"


def test_only_headers_are_changed_and_undone_to_the_bit(tmp_path: Path) -> None:
    truth = visit()
    shutil.copytree(aligned(), "out")
    for given, result in zip(truth.files, results(truth, tmp_path / "out"), strict=True):
        assert bytes_beside_headers(given) == bytes_beside_headers(result)
        remove_correction(result)
        assert result.read_bytes() == given.read_bytes()


def test_what_headers_say(tmp_path: Path) -> None:
    truth = visit()
    path = results(truth, aligned())[1]
    delivered = science(truth.files[1])
    root = path.name.removesuffix(".fits")
    with fits.open(path) as hdus:
        primary = hdus[0].header
        assert primary["TWRVERD"] == "aligned"
        for number, old in enumerate(delivered, start=1):
            header = hdus["SCI", number].header
            name = "IDC_0461802ej-FIT_REL_reference"
            assert header["WCSNAME"] == name
            assert header["WCSTYPE"].startswith("undistorted a posteriori solution relatively")
            assert header["HDRNAME"] == f"{root}_{name}-hlet.fits"
            assert header["NMATCH"] == primary["TWRNMAT"] > 90
            assert header["RMS_RA"] == header["RMS_DEC"] == primary["TWRRMS"]
            assert header["CRDER1"] == pytest.approx(header["RMS_RA"] / 3.6e6)
            names = wcsnames(header)
            assert len(set(names.values())) == len(names) == 2
            key = header["TWDKEY"]
            assert names[key] == "IDC_0461802ej"
            assert header[f"CRVAL1{key}"] == old["CRVAL1"] != header["CRVAL1"]
            assert header["A_2_0"] == old["A_2_0"]
            again = HSTWCS(hdus, ext=("SCI", number))
            assert again.wcs.crval[0] == header["CRVAL1"]


def test_the_delivered_wcs_is_archived_once(tmp_path: Path) -> None:
    truth = visit()
    paths = copied(truth, tmp_path)
    for _ in range(2):
        align(texts(paths), truth, update_inputs=True)
    assert largest_error(paths, truth) < TOLERANCE_MAS
    for header, delivered in zip(science(paths[0]), science(truth.files[0]), strict=True):
        assert len(wcsnames(header)) == 2
        assert header["TWDKEY"] == "T"
        assert header["CRVAL2T"] == delivered["CRVAL2"]
    for path, delivered in zip(paths, truth.files, strict=True):
        remove_correction(path)
        assert path.read_bytes() == delivered.read_bytes()


def test_names_of_results(tmp_path: Path) -> None:
    truth = visit()
    paths = copied(truth, tmp_path)
    align(texts(paths), truth, save_results=True)
    beside = results(truth, tmp_path, "{root}_tweakreg_flc.fits")
    assert largest_error(beside, truth) < TOLERANCE_MAS
    assert fits.getval(beside[0], "FILENAME") == beside[0].name
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in truth.files]


def test_inputs_are_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    truth = visit()
    paths = copied(truth, tmp_path / "in")
    paths[1].chmod(0o444)
    with pytest.raises(Exception, match=r"is read-only, but update_inputs=True replaces it"):
        align(texts(paths), truth, update_inputs=True)
    assert paths[1].read_bytes() == truth.files[1].read_bytes()
    others = [paths[0], paths[2]]
    assert max(max(errors) for errors in map(errors_of(truth), others)) < TOLERANCE_MAS
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [p.name for p in paths]


def errors_of(truth):
    from tweakreg_step.simulate.hst import errors_mas

    by_name = {one.path.name: one for one in truth.exposures}
    return lambda path: errors_mas(path, by_name[path.name])


def test_workers_and_exposures_on_disk_give_the_same_bits(tmp_path: Path) -> None:
    truth = visit()
    given = texts([*truth.files])
    align(given, truth, **REFINED, save_results=True, output_dir="b", in_memory=False)
    align(given, truth, **REFINED, save_results=True, output_dir="c", n_workers=2)
    first, *others = (results(truth, tmp_path / folder) for folder in (aligned(), "b", "c"))
    for other in others:
        assert [p.read_bytes() for p in first] == [p.read_bytes() for p in other]


def test_align_from_the_wcs_as_delivered(tmp_path: Path) -> None:
    """What an earlier alignment has written is no part of it."""
    truth = visit()
    first = results(truth, aligned())
    align(texts(first), truth, **REFINED, save_results=True, output_dir="b", reset_wcs=True)
    for one, two in zip(first, results(truth, tmp_path / "b"), strict=True):
        for old, new in zip(science(one), science(two), strict=True):
            assert np.allclose(
                *[list(h["CD?_?"].values()) for h in (old, new)], rtol=1e-12, atol=0.0
            )
            assert old["CRVAL1"] == pytest.approx(new["CRVAL1"], abs=1e-13)


def test_hdus_in_memory_are_not_changed(tmp_path: Path) -> None:
    truth = visit()
    opened = [fits.open(path) for path in truth.files]
    before = [hdus["SCI", 1].header.copy() for hdus in opened]
    library = align(opened, truth, save_results=True, output_dir="out")
    assert [hdus["SCI", 1].header for hdus in opened] == before
    assert largest_error(results(truth, tmp_path / "out"), truth) < TOLERANCE_MAS
    with library:
        model = library.borrow(0)
        assert model.hdus()["SCI", 1].header["CRVAL1"] != before[0]["CRVAL1"]
        library.shelve(model, 0, modify=False)
    for hdus in opened:
        hdus.close()
