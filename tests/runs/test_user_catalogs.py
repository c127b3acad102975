"""From file to file with catalogs of other programs, written from the truth, and with selections.

The reference catalog's stars are the truth here: their pixels follow from each image's true WCS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from stdatamodels.jwst import datamodels
from step_outputs import errors_mas, models_of, relative_errors_mas

from tweakreg_step import TweakRegStep
from tweakreg_step.catalogs import to_table
from tweakreg_step.core.exceptions import CatalogError, InputError, ParameterError
from tweakreg_step.exposures.read import read_exposures
from tweakreg_step.parameters.run_parameters import Parameters
from tweakreg_step.simulate import ImageTruth, Truth, pixel_of, true_wcs
from tweakreg_step.telescopes.library import ExposureLibrary

SCATTER = 0.003  # pixels; sqrt(2 / 30 stars) of it is 0.05 mas, the rest of the limit is rotation
LIMIT_MAS = 0.5  # an origin that is off by one pixel costs 89 mas


def stars(files: Truth, image: ImageTruth, seed: int) -> tuple[Any, Any, Any]:
    """x, y counted from 0 and magnitudes of the stars on an image."""
    table = Table.read(files.catalog)
    x, y = pixel_of(true_wcs(image), np.asarray(table["RA"]), np.asarray(table["DEC"]))
    ny, nx = image.shape
    inside = (x > 1) & (x < nx - 2) & (y > 1) & (y < ny - 2)
    assert inside.sum() > 20
    noise = np.random.default_rng(seed).normal(0.0, SCATTER, (2, inside.sum()))
    magnitude = 18.0 + 6.0 * np.random.default_rng(7).random(len(table))[inside]
    return x[inside] + noise[0], y[inside] + noise[1], magnitude


def ascii_head(path: Path, x: Any, y: Any, magnitude: Any) -> None:
    header = (
        "#   1 NUMBER          Running object number\n"
        "#   2 XWIN_IMAGE      Windowed position estimate along x      [pixel]\n"
        "#   3 YWIN_IMAGE      Windowed position estimate along y      [pixel]\n"
        "#   4 ERRX2WIN_IMAGE  Variance of windowed pos along x        [pixel**2]\n"
        "#   5 ERRY2WIN_IMAGE  Variance of windowed pos along y        [pixel**2]\n"
        "#   6 FLUX_AUTO       Flux within a Kron-like aperture        [count]\n"
        "#   7 FLAGS           Extraction flags\n"
    )
    rows = [
        f"{k:6d} {a + 1:11.4f} {b + 1:11.4f} {SCATTER**2:.4e} {SCATTER**2:.4e} "
        f"{10 ** (-0.4 * (m - 25)):12.6g} {0:3d}\n"
        for k, (a, b, m) in enumerate(zip(x, y, magnitude, strict=True), start=1)
    ]
    bad = f"{len(rows) + 1:6d} 250.0 250.0 1e-9 1e-9 1e6 4\n"  # saturated, and wrong
    path.write_text(header + "".join(rows) + bad)


def fits_ldac(path: Path, x: Any, y: Any, magnitude: Any) -> None:
    columns = [
        fits.Column("X_IMAGE", format="1D", unit="pixel", array=x + 1),
        fits.Column("Y_IMAGE", format="1D", unit="pixel", array=y + 1),
        fits.Column("MAG_AUTO", format="1E", unit="mag", array=magnitude),
        fits.Column("FLAGS", format="1I", array=np.zeros(len(x), np.int16)),
    ]
    header = fits.Column("Field Header Card", format="80A", array=np.array(["SIMPLE  = T"]))
    imhead = fits.BinTableHDU.from_columns([header], name="LDAC_IMHEAD")
    objects = fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS")
    fits.HDUList([fits.PrimaryHDU(), imhead, objects]).writeto(path)


def daophot(path: Path, x: Any, y: Any, magnitude: Any) -> None:
    header = "#N XCENTER   YCENTER   MAG      SHARPNESS   SROUND      GROUND      ID\n"
    header += "#U pixels    pixels    #        #           #           #           #\n"
    header += "#F %-13.3f   %-10.3f   %-9.3f   %-12.3f     %-12.3f     %-12.3f     %-6d\n"
    rows = [
        f"   {a + 1:<10.4f}{b + 1:<10.4f}{m:<9.3f}0.6 0.1 0.1 {k}\n"
        for k, (a, b, m) in enumerate(zip(x, y, magnitude, strict=True), start=1)
    ]
    path.write_text("#K IRAF = NOAO/IRAFV2.16 version %-23s\n" + header + "".join(rows))


def plain_list(path: Path, x: Any, y: Any, magnitude: Any) -> None:
    np.savetxt(path, np.column_stack([np.arange(len(x)), magnitude, x + 1, y + 1]), fmt="%.5f")


def catalogs(files: Truth, write: Callable[..., None]) -> str:
    """A catalog for each image, and the catfile."""
    lines = []
    for index, image in enumerate(files.images):
        path = Path(f"{index}.cat")
        write(path, *stars(files, image, index))
        extension = "[2]" if write is fits_ldac else ""
        lines.append(f"{image.file_name} {path}{extension}\n")
    Path("catfile.txt").write_text("".join(lines))
    return "catfile.txt"


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (ascii_head, {}),
        (fits_ldac, {}),
        (daophot, {}),
        (plain_list, {"xcol": 3, "ycol": "4", "fluxcol": 2, "fluxunits": "mag", "xyorigin": 1}),
    ],
)
def test_catalogs_of_other_programs_align(
    pair: Truth, write: Callable[..., None], options: dict[str, Any]
) -> None:
    library = TweakRegStep.call(
        str(pair.association),
        use_custom_catalogs=True,
        catfile=catalogs(pair, write),
        abs_refcat=str(pair.catalog),
        **options,
    )
    models = models_of(library)
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert max(errors_mas(models, pair)) < LIMIT_MAS


def test_positions_on_the_sky_align(pair: Truth) -> None:
    """Positions as a program gives them that knows the WCS which the file claims."""
    lines = []
    for index, image in enumerate(pair.images):
        x, y, magnitude = stars(pair, image, index)
        with datamodels.open(pair.files[index]) as model:
            ra, dec = model.meta.wcs.forward_transform(x, y)
        table = Table({"RA": ra, "DEC": dec, "mag": magnitude})
        table.add_row([ra[0] + 1.0, dec[0], 15.0])  # off the image
        table.write(f"{index}.ecsv")
        lines.append(f"{image.file_name} {index}.ecsv\n")
    Path("catfile.txt").write_text("".join(lines))
    library = TweakRegStep.call(
        str(pair.association),
        use_custom_catalogs=True,
        catfile="catfile.txt",
        xyunits="degrees",
        abs_refcat=str(pair.catalog),
    )
    models = models_of(library)
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert max(errors_mas(models, pair)) < LIMIT_MAS


# ---- selections


def chosen(files: Truth, **options: Any) -> list[Table]:
    """The catalogs that would be aligned."""
    library = ExposureLibrary(str(files.association))
    names = [image.file_name for image in files.images]
    step = TweakRegStep(**options)
    found = read_exposures(library, names, Parameters.of(step), Path()).images
    return [to_table(image.sources, image.name) for image in found]


def test_found_and_given_catalogs_are_selected_alike(pair: Truth, tmp_path: Path) -> None:
    """The saved catalogs of a run without selections, with them, are what a run with them finds."""
    found = chosen(pair, save_catalogs=True, peakmin=-1e9)  # all peaks are in the catalogs
    lines = [f"{i.file_name} {Path(i.file_name).stem}_cat.ecsv\n" for i in pair.images]
    Path("catfile.txt").write_text("".join(lines))
    region = "image\n-circle(256,256,80)\n"
    Path("a.reg").write_text(region)
    Path("exclusions.txt").write_text("".join(f"{i.file_name} a.reg\n" for i in pair.images))
    flux = np.concatenate([table["flux"] for table in found])
    peak = np.concatenate([table["peak"] for table in found])
    options = {
        "fluxmin": float(np.quantile(flux, 0.2)),
        "fluxmax": float(np.quantile(flux, 0.95)),
        "peakmin": float(np.quantile(peak, 0.25)),
        "border": 20,
        "brightest": 15,
        "exclusions": "exclusions.txt",
    }
    again = chosen(pair, **options)
    given = chosen(pair, use_custom_catalogs=True, catfile="catfile.txt", **options)
    for all_of_it, one, two in zip(found, again, given, strict=True):
        assert one["x"].tolist() == two["x"].tolist()
        assert 5 < len(one) <= 15 < len(all_of_it)
        assert np.min(one["flux"]) >= options["fluxmin"]
        assert np.max(one["flux"]) <= options["fluxmax"]
        assert np.min(one["peak"]) >= options["peakmin"]
        assert np.min(np.hypot(one["x"] - 255.0, one["y"] - 255.0)) >= 80.0
        assert min(np.min(one["x"]), np.min(one["y"])) >= 19.5
        assert max(np.max(one["x"]), np.max(one["y"])) <= 491.5
        assert np.all(np.diff(one["flux"]) <= 0)


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
def test_the_brightest_are_those_of_the_selected(pair: Truth, starfinder: str) -> None:
    whole = chosen(pair, brightest=10_000, starfinder=starfinder)
    limit = float(np.median(whole[0]["flux"]))
    best = chosen(pair, brightest=5, fluxmax=limit, starfinder=starfinder)[0]
    expected = np.sort(whole[0]["flux"][whole[0]["flux"] <= limit])[::-1][:5]
    assert best["flux"].tolist() == expected.tolist()


def test_regions_of_one_image_leave_the_others_alone(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tweakreg_step")
    before = chosen(pair)
    Path("a.reg").write_text("image\ncircle(256,256,120)\n")
    names = [image.file_name for image in pair.images]
    Path("exclusions.txt").write_text(f"{names[0]} a.reg\n{names[1]} None\n")
    after = chosen(pair, exclusions="exclusions.txt")
    assert len(after[0]) < len(before[0])
    assert np.max(np.hypot(after[0]["x"] - 255.0, after[0]["y"] - 255.0)) < 120.0
    assert sorted(after[1]["x"]) == sorted(before[1]["x"])
    # of all that were found, those that only flags keep out of the alignment included
    told = re.search(
        r"(\d+) of (\d+) sources are kept; dropped are (\d+) by exclusions", caplog.text
    )
    assert told is not None
    kept, found, dropped = map(int, told.groups())
    assert kept + dropped == found >= len(before[0])


@pytest.mark.parametrize("n_workers", [1, 2])
def test_regions_off_all_their_images_are_warned_of_once(
    files: Truth, caplog: pytest.LogCaptureFixture, n_workers: int
) -> None:
    Path("off.reg").write_text("image\n-circle(-200,256,20)\n")
    Path("on.reg").write_text("image\n-circle(200,256,20)\n")
    Path("empty.reg").write_text("# nothing\n")
    names = [image.file_name for image in files.images]
    Path("exclusions.txt").write_text(f"{names[0]} off.reg\n{names[1]} off.reg\n")
    options = {"exclusions": "exclusions.txt", "n_workers": n_workers}
    TweakRegStep.call(str(files.association), **options)
    said = f"None of the regions of 'off.reg' lies on its image: {names[0]}, {names[1]}."
    assert caplog.text.count("off.reg") == caplog.text.count(said) == 1
    caplog.clear()
    lines = zip(names, ("on.reg", "empty.reg", "empty.reg"), strict=True)
    Path("exclusions.txt").write_text("".join(f"{name} {file}\n" for name, file in lines))
    TweakRegStep.call(str(files.association), **options)
    assert "lies on its image" not in caplog.text
    assert caplog.text.count("The region file 'empty.reg' has no regions") == 1


def test_an_aligned_run_with_all_selections(pair: Truth) -> None:
    """Stars that were put in wrong places are left out by a region, on the sky and on the image."""
    lines = []
    for index, image in enumerate(pair.images):
        x, y, magnitude = stars(pair, image, index)
        wrong = (x > 300) & (y > 300)
        x[wrong] += 3.0 * (index + 1)
        ascii_head(Path(f"{index}.cat"), x, y, magnitude)
        lines.append(f"{image.file_name} {index}.cat\n")
        with datamodels.open(pair.files[index]) as model:
            corners = model.meta.wcs.forward_transform(
                [290.0, 520, 520, 290], [290.0, 290, 520, 520]
            )
        vertices = ",".join(f"{v:.9f}" for v in np.transpose(corners).ravel())
        kind = [f"icrs\n-polygon({vertices})\n", "image\n-box(401,401,220,220,0)\n"][index % 2]
        Path(f"{index}.reg").write_text(kind)
    Path("catfile.txt").write_text("".join(lines))
    pairs = [f"{image.file_name} {index}.reg\n" for index, image in enumerate(pair.images)]
    Path("exclusions.txt").write_text("".join(pairs))
    library = TweakRegStep.call(
        str(pair.association),
        use_custom_catalogs=True,
        catfile="catfile.txt",
        exclusions="exclusions.txt",
        fluxmin=0.0,
        border=2,
        minobj=8,
        detector_motion="none",
    )
    models = models_of(library)
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert max(relative_errors_mas(models, pair)) < LIMIT_MAS


# ---- bad input


def test_an_exclusions_file_that_names_an_unknown_image(files: Truth) -> None:
    Path("exclusions.txt").write_text("unknown.fits a.reg\n")
    with pytest.raises(
        InputError, match=r"exclusions file 'exclusions\.txt' names 'unknown\.fits'"
    ):
        TweakRegStep.call(str(files.association), exclusions="exclusions.txt")


def test_a_region_file_that_does_not_exist(files: Truth) -> None:
    Path("exclusions.txt").write_text(f"{files.images[0].file_name} gone.reg\n")
    with pytest.raises(InputError, match=r"region file 'gone\.reg' can't be read.*'exclusions'"):
        TweakRegStep.call(str(files.association), exclusions="exclusions.txt")


def test_an_exclusions_file_that_does_not_exist(files: Truth) -> None:
    with pytest.raises(InputError, match=r"exclusions file 'gone' can't be read.*'exclusions'"):
        TweakRegStep.call(str(files.association), exclusions="gone")


def test_a_column_beyond_the_last(files: Truth) -> None:
    catfile = catalogs(files, plain_list)
    with pytest.raises(CatalogError, match=r"'xcol' is '5', but the catalog .* has 4 columns"):
        TweakRegStep.call(
            str(files.association), use_custom_catalogs=True, catfile=catfile, xcol=5, ycol=4
        )


def test_hours_in_place_of_degrees(files: Truth) -> None:
    table = Table.read(files.catalog)
    Table({"RA": table["RA"] / 15.0, "DEC": table["DEC"]}).write("hours.ecsv")
    Path("catfile.txt").write_text(f"{files.images[0].file_name} hours.ecsv\n")
    with pytest.raises(CatalogError, match=r"None of the .*hours\.ecsv' lies on its image.*hours"):
        TweakRegStep.call(
            str(files.association),
            use_custom_catalogs=True,
            catfile="catfile.txt",
            xyunits="degrees",
        )


def test_magnitudes_as_limits_in_counts(files: Truth) -> None:
    catfile = catalogs(files, fits_ldac)
    options = {"use_custom_catalogs": True, "catfile": catfile}
    with pytest.raises(CatalogError, match=r"limits are in counts, but .*magnitudes.*'MAG_AUTO'"):
        TweakRegStep.call(str(files.association), fluxmin=18.0, fluxmax=24.0, **options)
    with pytest.raises(ParameterError, match=r"'fluxmin' is 24 and 'fluxmax' is 18.*fluxunits='m"):
        TweakRegStep.call(str(files.association), fluxmin=24.0, fluxmax=18.0, **options)


def test_a_selection_that_leaves_nothing(pair: Truth, caplog: pytest.LogCaptureFixture) -> None:
    library = TweakRegStep.call(str(pair.association), fluxmin=1e30)
    assert [m.meta.cal_step.tweakreg for m in models_of(library)] == ["FAILED"] * 2
    assert "0 of " in caplog.text
    assert "by fluxmin, fluxmax" in caplog.text


def test_rates_without_an_exposure_time(files: Truth) -> None:
    with datamodels.open(files.files[0]) as model:
        model.meta.exposure.effective_exposure_time = None
        model.meta.exposure.exposure_time = None
        model.save(files.files[0])
    with pytest.raises(InputError, match=r"has the exposure time None, but flux limits in cps"):
        TweakRegStep.call(str(files.association), fluxmin=1.0, fluxunits="cps", on_failure="raise")
