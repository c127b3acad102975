"""The user's files for the chips of an exposure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.exposures.chips import check_chips, of_image, part_of, regions_of
from tweakreg_step.sources.regions import read_exclusions

CHIPS = ("a.fits[SCI,1]", "a.fits[SCI,2]")


def test_the_entry_of_a_chip_or_of_its_file() -> None:
    known = {"a.fits[SCI,2]": 2, "a.fits": 0, "b.fits[SCI,1]": 1}
    assert of_image(known, "a.fits[SCI,2]") == 2
    assert of_image(known, "a.fits[SCI,1]") == 0
    assert of_image(known, "b.fits") == 1  # a file with one image
    assert of_image(known, "b.fits[SCI,2]") is None
    assert part_of(known, "a.fits") == {"a.fits[SCI,2]": 2, "a.fits": 0}


def test_regions_in_pixels_are_of_the_first_chip_those_on_the_sky_of_all(tmp_path: Path) -> None:
    (tmp_path / "a.reg").write_text("pixel\n10 20 5\nsky\n10:00:01 -02:30:00 3\n")
    (tmp_path / "b.reg").write_text("image\n-circle(10,20,5)\n")
    both, pixels = (read_exclusions(tmp_path / name) for name in ("a.reg", "b.reg"))
    assert regions_of({"a.fits": both}, "a.fits[SCI,1]") is both
    second = regions_of({"a.fits": both}, "a.fits[SCI,2]")
    assert second is not None
    assert len(second.regions) == 1
    assert regions_of({"a.fits": pixels}, "a.fits[SCI,2]") is None
    assert regions_of({"a.fits[SCI,2]": pixels}, "a.fits[SCI,2]") is pixels
    assert regions_of({"a.fits": pixels}, "a.fits") is pixels
    ra = second.regions[0][1].center.ra.deg
    assert ra == pytest.approx(15.0 * (10.0 + 1.0 / 3600.0))


def test_more_catalogs_than_chips() -> None:
    known: dict[str, Path | None] = {f"a.fits[SCI,{n}]": Path("c") for n in (1, 2, 3)}
    with pytest.raises(CatalogError, match=r"has 3 catalogs for 'a.fits', but it has 2 images"):
        check_chips(known, CHIPS, on_the_sky=False)
    with pytest.raises(CatalogError, match=r"but it has 1 image: a\.fits"):
        check_chips(known, ["a.fits"], on_the_sky=True)
    check_chips(known | {"a.fits[SCI,3]": None}, CHIPS, on_the_sky=False)


def test_one_catalog_for_two_chips() -> None:
    with pytest.raises(CatalogError, match=r"2 chips, but .* names one catalog for it, 'c'.*None"):
        check_chips({"a.fits": Path("c")}, CHIPS, on_the_sky=False)
    check_chips({"a.fits": Path("c")}, CHIPS, on_the_sky=True)
    check_chips({"a.fits": Path("c")}, ["a.fits"], on_the_sky=False)
    check_chips({"a.fits": None}, CHIPS, on_the_sky=False)
    check_chips({"a.fits[SCI,1]": Path("c"), "a.fits[SCI,2]": None}, CHIPS, on_the_sky=False)
