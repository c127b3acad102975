"""The stars of a reference catalog where and when each group sees them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time

from tweakreg_step.catalogs.reference import at_epoch, place, stars_of
from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.images import Groups
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.reference_stars import load_reference, reference_of
from tweakreg_step.telescopes import EARTH, L2
from tweakreg_step.telescopes.wcs import group_observatories

EPOCH = 2023.1499
PARALLAX = 500.0  # mas: a hundredth of it is seen between the two places


def catalog() -> Table:
    rng = np.random.default_rng(5)
    columns = {name: rng.normal(0.0, 30.0, 20) for name in ("pmra", "pmdec")}
    columns |= {"RA": rng.uniform(53.0, 53.1, 20), "DEC": rng.uniform(-30.0, -29.9, 20)}
    columns |= {"parallax": np.full(20, PARALLAX), "ref_epoch": np.full(20, 2016.0)}
    return Table(columns)


def test_each_group_has_its_own_observatory() -> None:
    table = catalog()
    epochs, seen_from = np.full(3, EPOCH), [L2, EARTH, L2]
    reference = reference_of(at_epoch(table, EPOCH, L2), epochs, seen_from)
    assert reference.epoch_ra is not None
    assert reference.epoch_dec is not None
    for ra, dec, observatory in zip(
        reference.epoch_ra, reference.epoch_dec, seen_from, strict=True
    ):
        expected = place(stars_of(table), EPOCH, observatory)
        np.testing.assert_allclose((ra, dec), expected[:2], rtol=0.0, atol=1e-11)
    east = np.cos(np.radians(table["DEC"])) * np.diff(reference.epoch_ra[:2], axis=0)[0]
    parted = 3.6e6 * np.hypot(east, np.diff(reference.epoch_dec[:2], axis=0)[0])
    assert 0.1 < parted.min() < parted.max() < 0.0102 * PARALLAX


def test_one_place_for_all_is_one_set_of_positions() -> None:
    for observatory in (L2, EARTH):
        moved = at_epoch(catalog(), EPOCH, observatory)
        reference = reference_of(moved, np.full(3, EPOCH), [observatory] * 3)
        assert reference.epoch_ra is None
        np.testing.assert_array_equal(reference.ra, moved["RA"])
        assert reference_of(moved, np.full(3, EPOCH), [observatory]).epoch_ra is None


def test_images_say_where_they_were_taken() -> None:
    """Correctors that do not are of the usual place, as they always were."""
    box = ((0.0, 10.0), (0.0, 10.0))

    def corrector(**meta: object) -> SimpleNamespace:
        known = {"catalog": Table({"x": [], "y": []}), "epoch": EPOCH} | meta
        return SimpleNamespace(
            meta=known,
            bounding_box=box,
            wcs=None,
            det_to_world=lambda x, y: (53.05 + 1e-5 * x, -29.95 + 1e-5 * y),
        )

    bare, earthly = corrector(), corrector(observatory=EARTH)
    groups = Groups.of(images_of([bare, earthly, bare]))
    assert group_observatories(groups) == [L2, EARTH, L2]
    assert group_observatories(Groups.of([])) == []
    for first, observatory in ((bare, L2), (earthly, EARTH)):
        found = load_reference(catalog(), images_of([first]))
        expected = at_epoch(catalog(), EPOCH, observatory)
        np.testing.assert_array_equal(found["RA"], expected["RA"])


def dated(*epochs: Any) -> tuple[Any, ...]:
    """Images that see the field, each at its time."""
    corners = np.array([[53.0, -30.0], [53.1, -30.0], [53.1, -29.9], [53.0, -29.9]])
    plane = SimpleNamespace(corners=lambda: corners)
    return tuple(
        SimpleNamespace(name=f"i{k}", epoch=epoch, observatory=L2, plane=plane)
        for k, epoch in enumerate(epochs)
    )


@pytest.mark.parametrize(
    "epoch", [2022.0, "J2022.0", "2022-01-01", Time(2022.0, format="jyear"), None]
)
def test_an_epoch_for_images_without_time(epoch: Any, caplog: pytest.LogCaptureFixture) -> None:
    placed = load_reference(catalog(), dated(None, None), epoch=epoch)
    unused = "has proper motions, but no image has a time: they are not used" in caplog.text
    assert unused == (epoch is None)
    if epoch is not None:
        assert placed.meta["epoch"] == pytest.approx(2022.0, abs=0.01)


def test_an_epoch_that_is_none_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'epoch' is 59580\.0, .* the MJD of the year 2022"):
        load_reference(catalog(), dated(None), epoch=59580.0)


def without(*columns: str) -> Table:
    result = catalog()
    result.remove_columns(list(columns))
    return result


def test_stars_that_are_taken_to_stand_still_are_said(caplog: pytest.LogCaptureFixture) -> None:
    unknown = without("pmra", "pmdec", "ref_epoch")
    load_reference(unknown, dated(2022.0, 2022.3))
    load_reference(without("pmra", "pmdec"), dated(2016.2, 2015.7))
    at_rest = catalog()
    at_rest["pmra"], at_rest["pmdec"] = 0.0, 0.0
    load_reference(at_rest, dated(2022.0, 2025.0))
    at_rest.remove_column("ref_epoch")
    load_reference(at_rest, dated(2022.0, 2025.0))
    assert not caplog.text
    load_reference(unknown, dated(2022.0, 2025.0, None))
    assert "has neither epoch nor proper motions, and the images span 3.0 years" in caplog.text
    assert "would leave images 15 mas off" in caplog.text
    load_reference(without("pmra", "pmdec"), dated(2023.0, 2022.0))
    assert "its positions are up to 7.0 years from the images: its stars are taken" in caplog.text
    assert "Add 'ref_epoch', 'pmra' and 'pmdec' (0 for galaxies)" in caplog.text


def test_one_image_without_time_among_others_is_said(caplog: pytest.LogCaptureFixture) -> None:
    load_reference(catalog(), dated(2022.0, 2024.0))
    still = without("pmra", "pmdec", "ref_epoch")
    load_reference(still, dated(2022.0, None))
    assert not caplog.text
    load_reference(catalog(), dated(2022.0, None, 2024.0))
    assert "1 of 3 images have no time: i1. Stars are where they were" in caplog.text
    assert "at the mean time of all, 2023.000" in caplog.text
