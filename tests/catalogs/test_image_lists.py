"""The user's list of images and catalogs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_step.catalogs.image_lists import check_images, read_catfile
from tweakreg_step.core.exceptions import InputError


def write(folder: Path, text: str) -> Path:
    path = folder / "catfile.txt"
    path.write_text(text)
    return path


def test_paths_start_at_the_catfile(tmp_path: Path) -> None:
    text = "# image catalog\n\na_cal.fits  cats/a.ecsv\nb_cal.fits\nsub/c_cal.fits /abs/c.csv\n"
    assert read_catfile(write(tmp_path, text)) == {
        "a_cal.fits": tmp_path / "cats" / "a.ecsv",
        "b_cal.fits": None,
        "c_cal.fits": Path("/abs/c.csv"),
    }


def test_a_line_may_have_a_file_for_each_chip(tmp_path: Path) -> None:
    path = write(tmp_path, "a.fits None c/a2.ecsv\nb.fits b1.cat[2] INDEF b3.cat\n")
    assert read_catfile(path) == {
        "a.fits[SCI,1]": None,
        "a.fits[SCI,2]": tmp_path / "c" / "a2.ecsv",
        "b.fits[SCI,1]": tmp_path / "b1.cat[2]",
        "b.fits[SCI,2]": None,
        "b.fits[SCI,3]": tmp_path / "b3.cat",
    }


def test_an_image_listed_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.fits a.ecsv\na.fits b.ecsv c.ecsv\n")
    with pytest.raises(InputError, match=r"Line 2 .* 'a.fits' a second time"):
        read_catfile(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00binary\x81"])
def test_an_unreadable_catfile_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "catfile.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"catfile\.txt' can't be read.*Check 'catfile'"):
        read_catfile(path)


def test_words_for_nothing_and_extensions(tmp_path: Path) -> None:
    text = "a.fits None\nb.fits INDEF\nc.fits c.cat[2]\n"
    assert read_catfile(write(tmp_path, text)) == {
        "a.fits": None,
        "b.fits": None,
        "c.fits": tmp_path / "c.cat[2]",
    }


def test_errors_name_the_list_and_its_column(tmp_path: Path) -> None:
    path = write(tmp_path, "a.fits a.reg\na.fits b.reg\n")
    with pytest.raises(InputError, match=r"of the exclusions file .* 'a.fits' a second time"):
        read_catfile(path, "exclusions file", "region file")
    with pytest.raises(InputError, match=r"Check 'exclusions'"):
        read_catfile(tmp_path / "gone", "exclusions file", "region file")


def test_unknown_images_are_refused() -> None:
    check_images({"a.fits": None}, ["a.fits", "b.fits"], "list")
    with pytest.raises(InputError, match=r"The catfile 'list' names 'c\.fits', but .*'a\.fits'"):
        check_images({"a.fits": None, "c.fits": None}, ["a.fits"], "list")
