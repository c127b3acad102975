"""TweakReg as users of DrizzlePac call it, on simulated visits of HST.

The .cfg files in tests/data were written by TEAL of DrizzlePac 3.11 (``saveParList``).
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from hst_visits import catalogs, copied, largest_error, star_list, visit
from stwcs.distortion.utils import output_wcs
from stwcs.wcsutil import HSTWCS

from tweakreg_step import TweakReg, apply, cli
from tweakreg_step.core.exceptions import CatalogError, InputError, OutputError, ParameterError
from tweakreg_step.simulate import simulate_mosaic
from tweakreg_step.simulate.hst import HstTruth, Scene, simulate_hst
from tweakreg_step.simulate.stars import Stars
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of

DATA = Path(__file__).parents[1] / "data"
QUIET: dict[str, Any] = {"see2dplot": False, "residplot": "No plot", "writecat": False}
TOLERANCE_MAS = 1.5


@pytest.fixture
def truth() -> HstTruth:
    return visit()


@pytest.fixture(autouse=True)
def files(truth: HstTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The exposures, in the folder where one works."""
    monkeypatch.chdir(tmp_path)
    return copied(truth, tmp_path)


def test_a_dry_run_by_a_cfg_file_whose_solution_can_be_applied(
    truth: HstTruth, files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    star_list(truth)
    before = [path.read_bytes() for path in files]
    cfg = shutil.copy(DATA / "tweakreg_dry_run.cfg", ".")
    find = shutil.copy(DATA / "imagefindpars.cfg", ".")
    assert cli.main(["from-cfg", str(cfg), "--imagefindpars", str(find)]) == 0
    shown = capsys.readouterr()
    assert "3 of 3 groups tied to stars.txt" in shown.out
    assert "tweakreg apply j94f0500q_tweakreg_solution.asdf" in shown.out
    assert "tolerance = 1 pixels of TweakReg is tolerance and abs_tolerance = 0.0500" in shown.err
    assert "snr_threshold" in Path("tweakreg.log").read_text()
    assert [path.read_bytes() for path in files] == before
    assert not list(Path().glob("*_cat*"))
    apply("j94f0500q_tweakreg_solution.asdf", [str(path) for path in files])
    assert largest_error(files, truth) < TOLERANCE_MAS
    assert {fits.getval(path, "WCSNAME", ("SCI", 1)) for path in files} == {"TWEAK"}
    _check_shifts(truth, files)


def _check_shifts(truth: HstTruth, files: list[Path]) -> None:
    """The shifts move the delivered positions to where the solution has them."""
    lines = Path("shifts.txt").read_text().splitlines()
    assert lines[:4] == [
        "# frame: output", "# refimage: shifts_wcs.fits[wcs]", "# form: delta", "# units: pixels"
    ]  # fmt: skip
    with fits.open("shifts_wcs.fits") as hdus:
        assert hdus[0].data is None
        header = hdus["WCS"].header
        assert header["NAXIS"] == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has axes and no pixels
            frame = WCS(header)
    same = output_wcs_of(truth.files)
    np.testing.assert_allclose(frame.wcs.crval, same.wcs.crval, atol=1e-9)
    np.testing.assert_allclose(frame.wcs.crpix, same.wcs.crpix, atol=1e-6)
    np.testing.assert_allclose(frame.pixel_scale_matrix, same.wcs.cd, atol=1e-12)
    assert (header["NPIX1"], header["NPIX2"]) == same.pixel_shape
    assert header["ORIENTAT"] == pytest.approx(same.orientat)
    x, y = np.meshgrid([1.0, 500.0], [1.0, 250.0])
    for line, delivered, solved in zip(lines[4:], truth.files, files, strict=True):
        name, *words = line.split()
        assert name == solved.name
        dx, dy, angle, scale, *rms = map(float, words)
        assert all(0.0 < value < 0.1 for value in rms)
        one, two = (
            np.stack(frame.wcs_world2pix(*_sky(path, x, y), 1)) - frame.wcs.crpix[:, None]
            for path in (solved, delivered)
        )
        turn = np.deg2rad(-angle)
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ one
        np.testing.assert_allclose(scale * turned + [[dx], [dy]], two, atol=3e-3)
        assert np.hypot(dx, dy) > 1.0


def output_wcs_of(paths: tuple[Path, ...]) -> Any:
    """The WCS without distortion that stwcs makes of all chips."""
    chips = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            with fits.open(path) as hdus:
                chips += [HSTWCS(hdus, ext=("SCI", chip)) for chip in (1, 2)]
        return output_wcs(chips)


def _sky(path: Path, x: Any, y: Any) -> Any:
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        wcs = WCS(hdus["SCI", 1].header, hdus)
        return wcs.all_pix2world(np.ravel(x), np.ravel(y), 1)


def test_an_update_by_a_cfg_file_with_catalogs_of_chips_and_headerlets(
    truth: HstTruth, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    catalogs(truth)
    Path("images.txt").write_text("".join(f"{path.name}\n" for path in files))
    result = TweakReg(configobj=DATA / "tweakreg_update.cfg", refcat=star_list(truth))
    assert result.ok
    assert result.run.run.product
    assert largest_error(files, truth) < 2.0
    for path in files:
        root = path.name.split("_")[0]
        with fits.open(path) as hdus:
            header = hdus["SCI", 1].header
            assert header["WCSNAME"] == "MYCAT"
            assert hdus["HDRLET"].header["HDRNAME"] == "MYCAT"
        words = fits.getheader(f"{root}_mine_hlet.fits")
        assert (words["DESTIM"], words["AUTHOR"]) == (root, "A User")
        assert (words["DESCRIP"], words["CATALOG"]) == ("Catalogs by hand", "stars.txt")
        assert words["NMATCH"] == header["NMATCH"] > 20
        assert words["RMS_RA"] == header["CRDER1"] > 0
    with pytest.raises(InputError, match=r"A WCS named 'MYCAT' is in .* already.*reusename=True"):
        TweakReg(configobj=DATA / "tweakreg_update.cfg", refcat="stars.txt")


def mosaic_of(truth: HstTruth, name: str) -> Path:
    """An image without distortion of the same stars, as AstroDrizzle would make it."""
    sky = Table.read(truth.folder / "sky.ecsv")
    stars = Stars(*(np.asarray(sky[word]) for word in ("RA", "DEC", "FLUX")))
    scene = Scene(
        seed=5, camera="ACS/WFC drizzled", exposures=1, shape=(700, 700), pointing_error=(0, 0, 0)
    )
    made = simulate_hst(Path("mosaic"), scene, stars)
    return made.files[0].rename(name)


def test_a_mosaic_as_reference_by_a_cfg_file_and_exclusions(
    truth: HstTruth, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    mosaic = mosaic_of(truth, "mosaic_drc.fits")
    before = mosaic.read_bytes()
    Path("corner.reg").write_text("pixel\n20 30 40\n")
    Path("exclusions.txt").write_text(
        f"{files[0].name} None corner.reg\nmosaic_drc.fits corner.reg\n"
    )
    with caplog.at_level("INFO"):
        TweakReg([str(files[0]), str(files[1])], configobj=DATA / "tweakreg_refimage.cfg",
                 refimagefindcfg={"threshold": 60.0, "conv_width": 4.0, "ascend": True},
                 imagefindcfg={"threshold": 60.0})  # fmt: skip
    assert "Reference image: conv_width = 4 pixels of TweakReg is kernel_fwhm = 2 " in caplog.text
    assert "Reference image: TweakReg's parameter 'ascend' is True, but has no effect" in (
        caplog.text
    )
    assert "sources of the reference image are the reference" in caplog.text
    assert f"{files[0].name}[SCI,2]: " in caplog.text
    assert "by exclusions" in caplog.text
    assert mosaic.read_bytes() == before
    pairs = list(zip(files[:2], truth.exposures[:2], strict=True))
    errors = largest_error([path for path, _ in pairs], HstTruth(
        truth.folder, truth.catalog, tuple(one for _, one in pairs)))  # fmt: skip
    assert errors < 3.0
    assert not list(Path().glob("*.log"))
    assert not list(Path().glob("*_cat*"))


def test_without_a_reference_the_first_image_stays(
    truth: HstTruth, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    result = TweakReg(
        "*_flc.fits", updatehdr=True, threshold=50.0, runfile="", writecat=False,
        refimagefindcfg={"ascend": True, "conv_width": 3.5},
    )  # fmt: skip
    assert result.ok
    assert "'ascend' of 'refimagefindcfg' has no effect: an image outside" in caplog.text
    assert "</html>" in Path("j94f0500q_tweakreg.html").read_text()  # see2dplot, residplot
    first, *others = files
    np.testing.assert_allclose(
        _sky(first, [1.0], [1.0]), _sky(truth.files[0], [1.0], [1.0]), atol=1e-12
    )
    assert others
    assert result.solution.parameter("refimage") == first.name


def test_catalogs_beside_the_images_on_a_list(truth: HstTruth, files: list[Path]) -> None:
    result = TweakReg(f"@{catalogs(truth)}", runfile="", **QUIET)
    assert result.ok
    assert result.solution.parameter("use_custom_catalogs") is True
    assert result.solution.parameter("xyorigin") == 1


def test_reference_positions_in_pixels_of_an_image(truth: HstTruth, files: list[Path]) -> None:
    mosaic = mosaic_of(truth, "mosaic_drc.fits")
    with fits.open(mosaic) as hdus:
        wcs = WCS(hdus["SCI", 1].header)
    table = Table.read(truth.catalog)
    xy = np.stack(wcs.all_world2pix(table["RA"], table["DEC"], 1), 1)
    np.savetxt("pixels.txt", np.column_stack([np.arange(len(xy)) + 7, xy]), fmt="%.6f")
    TweakReg(
        "*_flc.fits", refcat="pixels.txt", refxcol=2, refycol="c3", refxyunits="pixels",
        refimage="mosaic_drc.fits", updatehdr=True, threshold=50.0, runfile="", **QUIET,
    )  # fmt: skip
    assert largest_error(files, truth) < TOLERANCE_MAS


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"editpars": True}, ParameterError, "no editor of parameters"),
        ({"updatewcs": True}, ParameterError, r"Run stwcs\.updatewcs\.updatewcs on the files"),
        ({"tolerence": 2.0}, ParameterError, "Did you mean 'tolerance'"),
        ({"files": "*_nothing.fits"}, InputError, "nothing"),
        ({"refimage": "gone_drc.fits"}, InputError, "'gone_drc.fits' does not exist"),
        ({"headerlet": True, "hdrfile": "one.fits"}, ParameterError, "3 images, each with a head"),
        ({"headerlet": True, "author": "é"}, ParameterError, "'author' is 'é'"),
        ({"headerlet": True, "wcsname": "", "hdrname": " "}, ParameterError, "'hdrname' nor 'wcs"),
        ({"headerlet": True, "history": "gone"}, InputError, "history of the headerlets, 'gone'"),
        ({"headerlet": True, "hdrfile": "x"}, OutputError, r"^\S+_x_hlet\.fits exists already\."),
        ({"updatehdr": True, "wcsname": "IDC_0461802ej"}, InputError, "named 'IDC_0461802ej' is"),
        (
            {"wcsname": "N" * 69},
            ParameterError,
            "69 letters, but a FITS header can hold at most 68",
        ),
        ({"runfile": "no/such/folder.log"}, OutputError, "log file 'no/such/folder.log' can't be"),
        ({"catfile": "stars.txt"}, InputError, "names"),
        ({"exclusions": "wrong.txt"}, InputError, "names 'other_flc.fits', but each image"),
        ({"catfile": "one.txt"}, CatalogError, "2 chips, but the list of catalogs names one"),
        ({"catfile": "catalogs.txt", "xcol": 4}, CatalogError, "'xcol' is '4', but .* 3 columns"),
        ({"refcat": "stars.txt", "refycol": 3}, CatalogError, "'refycol' is '3', but .* 2 columns"),
    ],
    ids=str,
)
def test_what_is_refused_changes_nothing(
    truth: HstTruth,
    files: list[Path],
    given: dict[str, Any],
    error: type[Exception],
    sentence: str,
) -> None:
    star_list(truth)
    catalogs(truth)
    for path in files:
        with fits.open(path, mode="update") as hdus:
            for chip in (1, 2):
                hdus["SCI", chip].header["WCSNAMEA"] = "IDC_0461802ej"
                hdus["SCI", chip].header["CRVAL1A"] = 1.0
                hdus["SCI", chip].header["WCSAXESA"] = 2
    Path("one.txt").write_text(f"{files[0].name} {files[0].stem}_1.coo\n")
    shutil.copy(files[0], "j94f0500q_x_hlet.fits")
    Path("wrong.txt").write_text("other_flc.fits None\n")
    before = [path.read_bytes() for path in files]
    options = {"files": "*_flc.fits", "runfile": ""} | QUIET | given
    with pytest.raises(error, match=sentence):
        TweakReg(**options)
    assert [path.read_bytes() for path in files] == before


def test_files_of_another_mission(tmp_path: Path) -> None:
    mosaic = simulate_mosaic(
        tmp_path / "jwst", seed=3, tiles=(1, 1), dithers=2, detectors=("NRCALONG",),
        shape=(256, 256), stars_per_image=40, flux_limits=(20.0, 3000.0), reference_fraction=0.8,
    )  # fmt: skip
    given = list(map(str, mosaic.files))
    with pytest.raises(InputError, match=r"is no image of HST, and only these have headerlets"):
        TweakReg(given, headerlet=True, runfile="", **QUIET)
    table = Table.read(mosaic.catalog)
    np.savetxt("stars.txt", np.stack([table["RA"], table["DEC"]], 1), fmt="%.12f")
    find = {"threshold": 40.0, "conv_width": 4.0}
    result = TweakReg(
        given, imagefindcfg=find, refcat="stars.txt", searchrad=3.0, shiftfile=True, runfile="",
        **QUIET,
    )  # fmt: skip
    assert result.ok
    assert len(Path("shifts.txt").read_text().splitlines()) == 4 + len(given)
    frame = fits.getheader("shifts_wcs.fits", "WCS")
    with open_exposure(mosaic.files[0]) as model:
        (image,) = telescope_of(model).images(model)
    corners = np.stack(np.meshgrid(*image.bounding_box)).reshape(2, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has axes and no pixels
        x, y = WCS(frame).wcs_world2pix(*image.to_sky(*corners), 1)
    for pixels, size in ((x, frame["NPIX1"]), (y, frame["NPIX2"])):
        assert 0.0 < pixels.min() < 3.0
        assert size - 3.0 < pixels.max() <= size
