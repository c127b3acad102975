"""Headers that ask for more than a file can hold are refused before they are believed."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import tweakreg_step
from tweakreg_step.catalogs import read_catalog
from tweakreg_step.core.exceptions import CatalogError, InputError
from tweakreg_step.files.open_fits import first_header, open_fits
from tweakreg_step.sources.mask_file import read_mask
from tweakreg_step.telescopes.choose_mission import open_exposure

MANY = 1_000_000_000_000


def written(path: Path) -> bytes:
    """A file with an image, a table and an image."""
    table = fits.BinTableHDU(Table({"x": np.arange(5.0), "name": ["a", "bb", "c", "d", "e"]}))
    images = [fits.ImageHDU(np.ones((7, 11), np.float32), name=name) for name in ("A", "B")]
    fits.HDUList([fits.PrimaryHDU(), images[0], table, images[1]]).writeto(path)
    return path.read_bytes()


def with_card(content: bytes, key: str, value: object, number: int) -> bytes:
    """The content with another value in the card of a key that is there `number` times before."""
    starts = [n for n in range(0, len(content), 80) if content[n : n + 8] == key.ljust(8).encode()]
    at = starts[number]
    return content[:at] + f"{key:8}= {value:>20}".ljust(80).encode() + content[at + 80 :]


@pytest.mark.parametrize("number", range(4))
def test_axes_without_end_are_refused_in_each_header(tmp_path: Path, number: int) -> None:
    content = with_card(written(tmp_path / "a.fits"), "NAXIS", MANY, number)
    for source in (tmp_path / "b.fits", tmp_path / "b.fits.gz", io.BytesIO(content)):
        if isinstance(source, Path):
            source.write_bytes(gzip.compress(content) if source.suffix == ".gz" else content)
        with pytest.raises(ValueError, match=f"NAXIS = {MANY}, but there are 999 at most"):
            open_fits(source)


def test_columns_without_end_are_refused(tmp_path: Path) -> None:
    content = with_card(written(tmp_path / "a.fits"), "TFIELDS", MANY, 0)
    with pytest.raises(ValueError, match="TFIELDS"):
        open_fits(io.BytesIO(content))


@pytest.mark.parametrize(("key", "value"), [("A_ORDER", 5000), ("WCSAXES", 10**9)])
def test_coefficients_without_end_are_refused(tmp_path: Path, key: str, value: int) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(header=fits.Header({key: value})).writeto(path)
    for read in (open_fits, first_header):
        with pytest.raises(ValueError, match=f"{key} = {value}"):
            read(path)


@pytest.mark.parametrize(("axes", "length"), [(2, 10**19), (999, 10**29)])
def test_data_that_no_file_can_hold_are_refused(tmp_path: Path, axes: int, length: int) -> None:
    cards = [("SIMPLE", "T"), ("BITPIX", -32), ("NAXIS", axes)]
    cards += [(f"NAXIS{number}", length) for number in range(1, axes + 1)]
    lines = [f"{key:8}= {value:>20}".ljust(80) for key, value in cards] + ["END".ljust(80)]
    content = "".join(lines).encode()
    path = tmp_path / "a.fits"
    path.write_bytes(content.ljust(-(-len(content) // 2880) * 2880))
    with pytest.raises(ValueError, match="longer than a file can be"):
        open_fits(path)
    with pytest.raises(InputError, match="can't be read: its header says"):
        read_mask(path)


@pytest.mark.parametrize(("blocks", "refused"), [(10, False), (300, True)])
def test_data_are_not_read_as_a_header_for_long(tmp_path: Path, blocks: int, refused: bool) -> None:
    content = written(tmp_path / "a.fits") + b"\x07" * (2880 * blocks)
    if refused:
        with pytest.raises(ValueError, match="no end, or its data are not as long as it says"):
            open_fits(io.BytesIO(content))
    else:
        with open_fits(io.BytesIO(content)) as hdus:
            assert hdus[1].name == "A"


def test_whole_files_are_opened_where_they_begin(tmp_path: Path) -> None:
    content = written(tmp_path / "a.fits")
    for source in (tmp_path / "a.fits", io.BytesIO(content)):
        with open_fits(source) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "A", "", "B"]
            assert hdus["B"].data.sum() == 77.0
    assert first_header(tmp_path / "a.fits")["NAXIS"] == 0


def test_exposures_and_catalogs_that_count_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a_cal.fits"
    content = with_card(written(path), "NAXIS", MANY, 0)
    path.write_bytes(content)
    with pytest.raises(InputError, match="NAXIS"):
        open_exposure(path)
    with pytest.raises(CatalogError, match="NAXIS"):
        read_catalog(path, "a")


def test_files_of_users_are_opened_here_alone() -> None:
    root = Path(tweakreg_step.__file__).parent
    allowed = {"files/open_fits.py", "telescopes/checksums.py", "simulate/hst/scene.py"}
    allowed |= {
        "simulate/hst/truth.py",
        "telescopes/hst/storage.py",
        "telescopes/hst/headerlets.py",
    }
    allowed |= {"telescopes/hst/chip_wcs.py"}  # of what was made here, or for an update
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"\bfits\.(open|getheader|getdata)\(", path.read_text())
    }
    assert found <= allowed
