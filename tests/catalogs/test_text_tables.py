"""Text files of SExtractor, IRAF's DAOPHOT, stand-alone DAOPHOT, and lists of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from tweakreg_step.catalogs.text_tables import is_text, read_text

SEXTRACTOR = """\
#   1 NUMBER                 Running object number
#   2 FLUX_APER              Flux vector within fixed circular aperture(s)   [count]
#   5 X_IMAGE                Object position along x                         [pixel]
#   6 Y_IMAGE                Object position along y                         [pixel]
#   7 FLAGS                  Extraction flags
         1  10.5  11.5  12.5   101.2500   202.5000   0
         2  20.5  21.5  22.5   301.7500    12.1250   4
"""
IRAF = """\
#K IRAF       = NOAO/IRAFV2.10EXPORT    version    %-23s
#K MERGERAD   = INDEF                   scaleunit  %-23.7g
#
#N ID    XCENTER   YCENTER   MAG         MERR          MSKY           NITER    \\
#U ##    pixels    pixels    magnitudes  magnitudes    counts         ##       \\
#F %-9d  %-10.3f   %-10.3f   %-12.3f     %-14.3f       %-15.7g        %-6d
#
#N         SHARPNESS   CHI         PIER  PERROR                                \\
#U         ##          ##          ##    perrors                               \\
#F         %-23.3f     %-12.3f     %-6d  %-13s
#
14       138.538   256.405   15.461      0.003         34.85955       4        \\
           -0.032      0.802       0     No_error
18       18.114    280.170   INDEF       INDEF         30.12784       4        \\
           -2.544      1.104       305   BadPixels
"""
DAOPHOT = """\
 NL   NX   NY  LOWBAD HIGHBAD  THRESH     AP1  PH/ADU  RNOISE    FRAD
  1 2048 2048   -50.0 60000.0   20.00    3.00    1.00    5.00    4.00

     1  100.250  200.500   14.321    0.500    0.100
     2  300.750   12.125   99.999    0.600    0.200
"""
APERTURES = """\
 NL   NX   NY  LOWBAD HIGHBAD  THRESH     AP1  PH/ADU  RNOISE    FRAD
  2 2048 2048   -50.0 60000.0   20.00    3.00    1.00    5.00    4.00


     1  100.250  200.500   14.321   14.100
      12.345  1.20  0.10    0.0100   0.0090

     2  300.750   12.125   15.321   15.100
      12.300  1.20  0.10    0.0200   0.0190
"""


def read(folder: Path, text: str, name: str = "list.txt") -> Table:
    path = folder / name
    path.write_text(text)
    return read_text(path)


def test_sextractor_names_the_elements_of_arrays(tmp_path: Path) -> None:
    table = read(tmp_path, SEXTRACTOR, "a.cat")
    assert table.colnames == [
        "NUMBER", "FLUX_APER", "FLUX_APER_1", "FLUX_APER_2", "X_IMAGE", "Y_IMAGE", "FLAGS",
    ]  # fmt: skip
    assert table["FLUX_APER_2"].tolist() == [12.5, 22.5]
    assert table["X_IMAGE"].tolist() == [101.25, 301.75]
    assert table["FLAGS"].tolist() == [0, 4]


def test_sextractor_is_read_as_by_astropy(tmp_path: Path) -> None:
    ours = read(tmp_path, SEXTRACTOR, "a.cat")
    other = Table.read(tmp_path / "a.cat", format="ascii.sextractor")
    for mine, theirs in zip(ours.itercols(), other.itercols(), strict=True):
        assert mine.tolist() == theirs.tolist()


def test_sextractor_without_a_source(tmp_path: Path) -> None:
    header = "".join(line for line in SEXTRACTOR.splitlines(True) if line.startswith("#"))
    table = read(tmp_path, header)
    assert len(table) == 0
    assert table.colnames[-1] == "FLAGS"


@pytest.mark.parametrize("comment", ["# 2 Files merged", "# 1 pixel is 31 mas"])
def test_a_comment_with_a_number_is_no_header(tmp_path: Path, comment: str) -> None:
    assert read(tmp_path, f"{comment}\n1.5 2.5 30\n")["col1"].tolist() == [1.5]


def test_comments_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("# étoiles\n1.5 2.5\n".encode("latin-1"))
    assert read_text(tmp_path / "a.txt")["col2"].tolist() == [2.5]


def test_iraf_joins_continued_lines_and_knows_indef(tmp_path: Path) -> None:
    table = read(tmp_path, IRAF, "a.als.1")
    assert table["XCENTER"].tolist() == [138.538, 18.114]
    assert table["CHI"].tolist() == [0.802, 1.104]
    assert table["MAG"].filled(np.nan)[0] == 15.461
    assert table["MAG"].mask.tolist() == [False, True]


def test_iraf_is_read_as_by_astropy(tmp_path: Path) -> None:
    ours = read(tmp_path, IRAF)
    other = Table.read(IRAF, format="ascii.daophot")
    for column in ("ID", "XCENTER", "YCENTER", "CHI"):
        assert ours[column].tolist() == other[column].tolist()


def test_iraf_with_cells_that_touch(tmp_path: Path) -> None:
    """Widths of columns decide then; a task can fill a column to its last character."""
    touching = IRAF.replace("138.538   256.405   ", "138.538123256.405123")
    table = read(tmp_path, touching)
    assert table["XCENTER"].tolist() == [138.538123, 18.114]
    assert table["YCENTER"].tolist() == [256.405123, 280.17]


@pytest.mark.parametrize("text", [DAOPHOT, APERTURES], ids=["coo", "ap"])
def test_stand_alone_daophot(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert table["XCENTER"].tolist() == [100.25, 300.75]
    assert table["YCENTER"].tolist() == [200.5, 12.125]
    assert table["MAG"][0] == 14.321
    assert bool(np.isnan(table["MAG"][1])) == (text is DAOPHOT)  # 99.999 is no magnitude


@pytest.mark.parametrize(
    "text",
    [
        "1.5 2.5 30\n 4.5 5.5 60\n",
        "1.5,2.5,30\n4.5, 5.5, 60\n",
        "# made by my hand\n1.5\t2.5\t30\n4.5 5.5 60",
    ],
)
def test_lists_without_names(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert table.meta["nameless"]
    assert table.colnames == ["col1", "col2", "col3"]
    assert table["col1"].tolist() == [1.5, 4.5]
    assert table["col3"].tolist() == [30, 60]


@pytest.mark.parametrize(
    "text",
    [
        "x y flux\n1.5 2.5 30\n",
        '"x","y","flux"\n1.5,2.5,30\n',
        "# a list\n# x y flux\n1.5 2.5 30\n",
    ],
)
def test_lists_with_names(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert table.colnames == ["x", "y", "flux"]
    assert table["flux"].tolist() == [30]


def test_a_comment_may_be_names_or_not(tmp_path: Path) -> None:
    table = read(tmp_path, "# by hand\n1.5 2.5\n")
    assert table.colnames == ["by", "hand"]
    assert table.meta["nameless"]
    assert "nameless" not in read(tmp_path, "x y\n1.5 2.5\n").meta


def test_missing_numbers_are_masked(tmp_path: Path) -> None:
    table = read(tmp_path, "x,y,flux\n1,2,\n3,INDEF,5\nnan,4,6\n7,8,9\n")
    assert table["flux"].mask.tolist() == [True, False, False, False]
    assert table["y"].mask.tolist() == [False, True, False, False]
    assert table["x"].mask.tolist() == [False, False, True, False]


def test_a_list_of_names_alone_is_empty(tmp_path: Path) -> None:
    table = read(tmp_path, "x y flux\n")
    assert (table.colnames, len(table)) == (["x", "y", "flux"], 0)
    assert len(read(tmp_path, "# x y\n")) == 0


@pytest.mark.parametrize("text", ["", "\n  \n", "1 2 3\n4 5\n"])
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"empty|columns"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("a.cat", b"1 2 3", True),
        ("a.csv", b"x,y", True),
        ("a.ecsv", b"# %ECSV 1.0", False),
        ("a.txt", b"# %ECSV 1.0", False),
        ("a.dat", b"\x00\x01", False),
        ("a.xml", b"<VOTABLE", False),
        ("a.tbl", b"| ra | dec |", False),
    ],
)
def test_what_is_text(name: str, start: bytes, expected: bool) -> None:
    assert is_text(Path(name), start) == expected
