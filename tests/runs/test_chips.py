"""From files to files: catalogs and FITS masks of some chips, and none of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hst_visits import align, catalogs, copied, largest_error, star_list, visit

from tweakreg_step import TweakReg, cli
from tweakreg_step.simulate.hst import HstTruth, errors_mas

DATA = Path(__file__).parents[1] / "data"

QUIET: dict[str, Any] = {"see2dplot": False, "residplot": "No plot", "runfile": ""}
LIMIT_MAS = 2.0
OFF = 3.0
"""Pixels by which what is under the mask is off."""

EDGE = 200
"""Columns from here on are under the mask."""


@pytest.fixture
def truth() -> HstTruth:
    return visit()


@pytest.fixture
def files(truth: HstTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The exposures and a mask, in the folder where one works."""
    monkeypatch.chdir(tmp_path)
    good = np.ones((256, 512), np.int16)
    good[:, EDGE:] = 0
    fits.PrimaryHDU(good).writeto("mask.fits")
    return copied(truth, tmp_path)


def lists(truth: HstTruth) -> None:
    """A catalog for both chips of the first exposure, for one of the second and of the third.

    On the second chip of the first exposure most sources are off, all of them under the mask.
    """
    star_list(truth)
    catalogs(truth)
    first, second, third = (line.split() for line in Path("catalogs.txt").read_text().splitlines())
    rows = np.loadtxt(first[2])
    hidden = rows[:, 0] > EDGE + 1
    assert 0.5 < hidden.mean() < 0.9
    rows[hidden, 1] += OFF
    np.savetxt(first[2], rows, fmt="%.4f")
    second[1], third[2] = "None", "INDEF"
    lines = (first, second, third)
    Path("catalogs.txt").write_text("".join(" ".join(line) + "\n" for line in lines))
    Path("exclusions.txt").write_text(
        f"{first[0]} None mask.fits\n{second[0]} INDEF None\n{third[0]} None\n"
    )


def taken(name: str) -> np.ndarray:
    """Places (N, 2) from 0 of the matches of an image, from the table that the run has written."""
    (path,) = Path().glob("*_matches.ecsv")
    table = Table.read(path)
    rows = table[table["image"] == name]
    return np.stack([rows["x"], rows["y"]], 1)


def listed(name: str) -> np.ndarray:
    """Places (N, 2) from 0 in a catalog."""
    return np.loadtxt(name)[:, :2] - 1.0


def part_listed(places: np.ndarray, name: str) -> float:
    """The part of places that are in a catalog, to its last digit."""
    distance = np.abs(places[:, None] - listed(name)).max(axis=2).min(axis=1)
    return float(np.mean(distance < 1e-3))


@pytest.mark.parametrize("front", ["python", "command"])
def test_masks_and_catalogs_of_some_chips(truth: HstTruth, files: list[Path], front: str) -> None:
    lists(truth)
    given = {"refcat": "stars.txt", "catfile": "catalogs.txt", "exclusions": "exclusions.txt"}
    if front == "python":
        assert TweakReg("*_flc.fits", updatehdr=True, **QUIET, **given).ok
    else:
        options = [word for pair in given.items() for word in ("--set", "=".join(pair))]
        words = ["from-cfg", str(DATA / "tweakreg_dry_run.cfg"), "*_flc.fits", *options]
        assert cli.main([*words, "--set", "updatehdr=yes", "--set", "writecat=no"]) == 0
    assert largest_error(files, truth) < LIMIT_MAS
    roots = [path.name.removesuffix("_flc.fits") for path in files]
    for number, root in enumerate(roots):
        for chip in (1, 2):
            places = taken(f"{root}_flc.fits[SCI,{chip}]")
            # the middle exposure has no catalog of chip 1, the last none of chip 2
            from_pixels = (number, chip) in {(1, 1), (2, 2)}
            part = part_listed(places, f"{root}_flc_{chip}.coo")
            assert part < 0.2 if from_pixels else part == 1.0, (root, chip)
            assert len(places) > 10
            hidden = (places[:, 0] > EDGE).any()
            assert hidden == ((number, chip) != (0, 2)), (root, chip)


def test_a_mask_holds_for_sources_that_are_found(truth: HstTruth, files: list[Path]) -> None:
    """The light of the second chip is moved under the mask."""
    with fits.open(files[0], mode="update") as hdus:
        for name in ("SCI", "ERR", "DQ"):
            data = hdus[name, 2].data
            data[:, EDGE + 10 :] = np.roll(data[:, EDGE + 10 :], 3, axis=0)
    Path("exclusions.txt").write_text(f"{files[0].name} None mask.fits\n")
    given = list(map(str, files))
    align(given, truth, exclusions="exclusions.txt", save_results=True, output_dir="out",
          save_report=True)  # fmt: skip
    (table,) = Path("out").glob("*_matches.ecsv")
    table.rename(table.name)  # where `taken` looks for it
    assert largest_error([Path("out") / path.name for path in files], truth) < LIMIT_MAS
    assert len(taken(f"{files[0].name}[SCI,2]")) > 10
    assert taken(f"{files[0].name}[SCI,2]")[:, 0].max() < EDGE
    assert taken(f"{files[0].name}[SCI,1]")[:, 0].max() > EDGE


def test_a_mask_of_another_shape_costs_its_exposure_alone(
    truth: HstTruth, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    fits.PrimaryHDU(np.ones((512, 256), np.int16)).writeto("turned.fits")
    Path("exclusions.txt").write_text(f"{files[0].name} None turned.fits\n")
    TweakReg(
        "*_flc.fits", refcat=star_list(truth), exclusions="exclusions.txt", threshold=50.0,
        updatehdr=True, **QUIET,
    )  # fmt: skip
    assert f"{files[0].name} is left out" in caplog.text
    assert "'turned.fits' has 256 x 512 pixels, but the image has 512 x 256" in caplog.text
    for chip in (1, 2):
        delivered = fits.getheader(truth.files[0], ("SCI", chip))
        assert fits.getheader(files[0], ("SCI", chip)) == delivered
    others = zip(files[1:], truth.exposures[1:], strict=True)
    assert max(error for path, one in others for error in errors_mas(path, one)) < LIMIT_MAS
