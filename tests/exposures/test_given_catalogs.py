"""The user's catalogs and regions: what is used of them, and what is said before the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from spoiled import edit
from step_outputs import opened

from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.exposures.read import ReadExposures, read_exposures
from tweakreg_step.exposures.user_lists import exclusions_of, warn_without_catalogs
from tweakreg_step.parameters import Parameters
from tweakreg_step.simulate import Truth, pixel_of, true_wcs
from tweakreg_step.telescopes.inputs import open_library

COUNT = 300


def parameters(**given: Any) -> Parameters:
    from types import SimpleNamespace

    return Parameters.of(SimpleNamespace(**given))


def reading(files: Truth, given: Any = None, **options: Any) -> ReadExposures:
    library = open_library(
        [str(path) for path in files.files] if given is None else given,
        in_memory=True,
        owned=False,
    )
    return read_exposures(
        library, [path.name for path in files.files], parameters(**options), Path()
    )


@pytest.fixture
def catfile(files: Truth) -> str:
    """300 sources for each image, with fluxes."""
    rng = np.random.default_rng(8)
    lines = []
    for path in files.files:
        x, y = rng.uniform(1.0, 510.0, (2, COUNT))
        Table({"x": x, "y": y, "flux": rng.uniform(1.0, 9.0, COUNT)}).write(f"{path.stem}.ecsv")
        lines.append(f"{path.name} {path.stem}.ecsv\n")
    Path("catfile.txt").write_text("".join(lines))
    return "catfile.txt"


@pytest.mark.parametrize(
    ("given", "left"), [({}, COUNT), ({"brightest": None}, COUNT), ({"brightest": 50}, 50)]
)
def test_given_catalogs_are_cut_if_that_is_wanted(
    files: Truth, catfile: str, given: dict[str, Any], left: int
) -> None:
    read = reading(files, use_custom_catalogs=True, catfile=catfile, **given)
    assert [len(image.sources) for image in read.images] == [left] * 3


def test_all_that_are_found_are_kept_on_request(files: Truth) -> None:
    some = reading(files, brightest=9)
    every = reading(files, brightest=None, snr_threshold=5.0)
    assert [len(image.sources) for image in some.images] == [9] * 3
    assert all(len(image.sources) > 30 for image in every.images)


@pytest.mark.parametrize("kind", ["files", "models", "empty catfile"])
def test_no_image_has_a_catalog(
    files: Truth, kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tweakreg_step.exposures.exposure_catalog.find_sources", stop)
    options: dict[str, Any] = {"use_custom_catalogs": True}
    if kind == "empty catfile":
        Path("catfile.txt").write_text(f"{files.files[0].name}\n")
        options["catfile"] = "catfile.txt"
    with pytest.raises(KeyboardInterrupt):
        reading(files, opened(files) if kind == "models" else None, **options)
    assert "use_custom_catalogs=True, but none of the 3 images has a catalog" in caplog.text


def test_one_image_names_its_catalog(files: Truth, caplog: pytest.LogCaptureFixture) -> None:
    Table({"x": np.arange(20.0), "y": np.arange(20.0) ** 1.5}).write("own.ecsv")
    edit(files.files[1], tweakreg_catalog=str(Path("own.ecsv").absolute()))
    read = reading(files, use_custom_catalogs=True)
    assert len(read.images[1].sources) == 20
    assert "none of the 3 images" not in caplog.text


@pytest.mark.parametrize(
    ("catfile", "named", "said"),
    [
        ({}, ["", ""], True),
        ({"a": None}, [False, False], True),
        ({}, ["", None], False),
        ({}, ["", "x.cat"], False),
        ({"a": Path("x.cat")}, ["", ""], False),
    ],
)
def test_what_is_not_known_is_not_said(
    catfile: dict[str, Path | None],
    named: list[Any],
    said: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_without_catalogs(parameters(), {}, ["", ""])
    assert not caplog.text
    warn_without_catalogs(parameters(use_custom_catalogs=True), catfile, named)
    assert bool(caplog.text) == said


@pytest.mark.parametrize(
    ("regions", "level", "counts"),
    [
        ("circle(5,5,3)\ncircle(9,9,3)\n", "WARNING", "has 2 include regions and 0 exclude"),
        ("circle(5,5,3)\n-circle(9,9,3)\n", "INFO", "has 1 include regions and 1 exclude"),
        ("-circle(9,9,3)\n", "", ""),
        ("circle(5,5,3) # include=0\n", "", ""),
    ],
)
def test_include_regions_are_said_before_the_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, regions: str, level: str, counts: str
) -> None:
    (tmp_path / "a.reg").write_text(regions)
    (tmp_path / "list.txt").write_text("a.fits a.reg\nb.fits a.reg\n")
    with caplog.at_level("INFO", logger="tweakreg_step"):
        exclusions_of(parameters(exclusions=str(tmp_path / "list.txt")), ["a.fits", "b.fits"])
    assert [record.levelname for record in caplog.records] == [level] * bool(level)
    assert counts in caplog.text
    if level:
        assert "only sources inside of its include regions are used" in caplog.text
        assert "write '-' before each shape, or set its property 'Exclude' in DS9" in caplog.text


def test_sources_outside_of_include_regions_are_said_so(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    Path("a.reg").write_text("circle(256,256,100)\n")
    Path("list.txt").write_text(f"{files.files[0].name} a.reg\n")
    with caplog.at_level("INFO", logger="tweakreg_step"):
        reading(files, exclusions="list.txt")
    assert "by exclusions (they lie in none of its include regions)" in caplog.text


def listed(files: Truth, shift: float, names: str, count: int | None = None) -> dict[str, Any]:
    """A list for each image of where its stars are, counted from 0 plus a shift."""
    table = Table.read(files.catalog)
    lines = []
    for image, path in zip(files.images, files.files, strict=True):
        x, y = pixel_of(true_wcs(image), np.asarray(table["RA"]), np.asarray(table["DEC"]))
        on = (x > 5) & (x < 506) & (y > 5) & (y < 506)
        rows = np.stack([x[on], y[on]], axis=1)[:count] + shift
        Path(f"{path.stem}.txt").write_text(names + "".join(f"{a:.3f} {b:.3f}\n" for a, b in rows))
        lines.append(f"{path.name} {path.stem}.txt\n")
    Path("catfile.txt").write_text("".join(lines))
    return {"use_custom_catalogs": True, "catfile": "catfile.txt"}


@pytest.mark.parametrize("names", ["", "x y\n"])
def test_lists_that_count_from_one_are_corrected(
    files: Truth, names: str, caplog: pytest.LogCaptureFixture
) -> None:
    right = reading(files, **listed(files, 0.0, names))
    assert not caplog.records
    corrected = reading(files, **listed(files, 1.0, names))
    assert caplog.text.count("count pixels from 1, but were taken to count from 0") == 3
    assert "lie (1, 1) pixel beside the light" in caplog.text
    assert "They are corrected by it. Set xyorigin=1" in caplog.text
    for one, other in zip(right.images, corrected.images, strict=True):
        np.testing.assert_allclose(one.sources.x, other.sources.x, atol=2e-3)
        np.testing.assert_allclose(one.sources.y, other.sources.y, atol=2e-3)
    caplog.clear()
    told = reading(files, xyorigin=1, **listed(files, 1.0, names))
    assert not caplog.records
    np.testing.assert_allclose(told.images[0].sources.x, right.images[0].sources.x, atol=2e-3)


def test_an_origin_that_is_given_is_kept(files: Truth, caplog: pytest.LogCaptureFixture) -> None:
    read = reading(files, xyorigin=1, **listed(files, 0.0, ""))
    assert "count pixels from 0, but were taken to count from 1" in caplog.text
    assert "They are used as they are, since 'xyorigin' is given." in caplog.text
    right = reading(files, **listed(files, 0.0, ""))
    np.testing.assert_allclose(read.images[0].sources.x, right.images[0].sources.x - 1.0, atol=2e-3)


def test_columns_of_sextractor_that_count_from_zero(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    options = listed(files, 0.0, "# 1 X_IMAGE\n# 2 Y_IMAGE\n")
    read = reading(files, **options)
    assert "or give its columns the names 'x' and 'y'" in caplog.text
    right = reading(files, **listed(files, 0.0, ""))
    np.testing.assert_allclose(read.images[0].sources.x, right.images[0].sources.x, atol=2e-3)


def test_few_positions_beside_the_light_are_refused(files: Truth) -> None:
    with pytest.raises(CatalogError, match=r"seem to count pixels from 1.* Set xyorigin=1.*=0 if"):
        reading(files, **listed(files, 1.0, "", count=6))


def test_a_list_that_can_not_be_told(files: Truth, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(3)
    options = listed(files, 0.0, "")
    for path in files.files:
        np.savetxt(f"{path.stem}.txt", rng.uniform(5.0, 500.0, (40, 2)), fmt="%.3f")
    reading(files, **options)
    assert caplog.text.count("has no names of columns, and the pixels of") == 3
    assert "0 is taken. Give 'xyorigin'" in caplog.text
    caplog.clear()
    reading(files, xyorigin=1, **options)
    assert not caplog.records
