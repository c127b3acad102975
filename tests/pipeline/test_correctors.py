"""Correctors as users give them, and as they get them back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from scenes import make_correctors, make_scene

from tweakreg_step import relative_align
from tweakreg_step.core.exceptions import CatalogError, InputError
from tweakreg_step.core.images import Groups
from tweakreg_step.pipeline.correctors import correctors_of, group_names, images_of, is_moved
from tweakreg_step.telescopes import USUAL


@pytest.fixture
def correctors() -> list[Any]:
    return make_correctors(make_scene("4 dithers", seed=5))


def test_an_image_is_what_the_meta_of_its_corrector_says(correctors: list[Any]) -> None:
    images = images_of(correctors)
    for image, corrector in zip(images, correctors, strict=True):
        assert (image.name, image.group) == (corrector.meta["name"], corrector.meta["group_id"])
        np.testing.assert_array_equal(image.sources.x, corrector.meta["catalog"]["x"])
        assert image.plane.corrector is corrector
        assert (image.observatory, image.refused) == (USUAL, None)


def test_a_corrector_without_a_group_is_one_of_its_own(correctors: list[Any]) -> None:
    for corrector in correctors[1:3]:
        del corrector.meta["group_id"]
    first = correctors[0].meta["group_id"]
    assert group_names(correctors)[:3] == [first, 1, 2]
    assert len(Groups.of(images_of(correctors[:3]))) == 3


def test_of_one_after_another_only_what_is_needed_is_read(correctors: list[Any]) -> None:
    correctors[0].meta["catalog"]["flux"] = "bright"
    with pytest.raises(CatalogError, match="Column 'flux'"):
        images_of(correctors)
    assert np.isnan(images_of(correctors, measured=False)[0].sources.flux).all()


def test_tweakwcs_gets_the_sources_as_tables(correctors: list[Any]) -> None:
    groups = Groups.of(images_of(correctors))
    for given, image in zip(correctors_of(groups), groups.images, strict=True):
        table = given.meta["catalog"]
        assert isinstance(table, Table)
        np.testing.assert_array_equal(table["x"], image.sources.x)
        assert table.meta["name"] == image.name


def test_a_fixed_group_is_a_reference_and_the_others_are_moved(correctors: list[Any]) -> None:
    fixed = correctors[0].meta["name"]
    relative_align(correctors, refimage=fixed)
    states = [corrector.meta["fit_info"]["status"] for corrector in correctors]
    assert states[0] == "REFERENCE"
    assert set(states[1:]) == {"SUCCESS"}
    assert [is_moved(corrector) for corrector in correctors] == [s == "SUCCESS" for s in states]
    assert all(c.meta["fit_info"]["relative"].applied for c in correctors)


def image_at(epoch: Any) -> Any:
    (corrector, *_) = make_correctors(make_scene("4 dithers", seed=5))
    corrector.meta.update({"name": "a", "epoch": epoch})
    return images_of([corrector])[0]


@pytest.mark.parametrize("epoch", [2022.0, "J2022.0", "2022-01-01", Time(2022.0, format="jyear")])
def test_the_time_of_an_image_in_every_form(epoch: Any) -> None:
    assert image_at(epoch).epoch == pytest.approx(2022.0, abs=0.01)


@pytest.mark.parametrize("epoch", [None, np.nan, ""])
def test_an_image_without_a_time(epoch: Any) -> None:
    assert image_at(epoch).epoch is None


def test_days_are_no_time_of_an_image() -> None:
    with pytest.raises(
        InputError, match=r"meta\['epoch'\] of the corrector 'a' is 59580\.0, .*MJD"
    ):
        image_at(59580.0)
