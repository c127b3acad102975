"""Plugin of pytest: this step in the place of romancal's in romancal's own tests, and no service.

Gaia's stars are made up around the place of these tests, for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.table import Table
from catalog_server import serving
from romancal.datamodels import ModelLibrary
from romancal.tweakreg.tests import conftest as their_fixtures
from romancal.tweakreg.tests import test_tweakreg as their_tests

from tweakreg_step import TweakRegStep

if TYPE_CHECKING:
    from collections.abc import Iterator

STARS = 200
FOREIGN = ("catalog_path", "update_source_catalog_coordinates")
"""Parameters of romancal's step that this one does not have."""


def gaia(right_ascension: float, declination: float, search_radius: float, **_: Any) -> Table:
    """Stars around a place, the same for each question."""
    rng = np.random.default_rng(1)
    radius = 0.9 * search_radius * np.sqrt(rng.random(STARS))  # on the image, turned or not
    angle = 2.0 * np.pi * rng.random(STARS)
    ra = right_ascension + radius * np.cos(angle) / np.cos(np.radians(declination))
    return Table({"ra": ra, "dec": declination + radius * np.sin(angle)})


def _listed(given: Any) -> Any:
    return given if isinstance(given, str | list) else [given]


class Ours(TweakRegStep):
    """With the mission's defaults: catalogs that the images name, stars of Gaia."""

    @classmethod
    def call(cls, given: Any, **options: Any) -> Any:
        options = {name: value for name, value in options.items() if name not in FOREIGN}
        library = given if isinstance(given, ModelLibrary) else ModelLibrary(_listed(given))
        options = {"abs_refcat": "GAIADR3", "use_custom_catalogs": True} | options
        found = TweakRegStep.call(library, **options)
        with found:
            for number, model in enumerate(found):
                if isinstance(given, list) and not isinstance(given[number], str):
                    given[number].meta["wcs"] = model.meta.wcs  # their step changes its input
                found.shelve(model, number, modify=False)
        return found


@pytest.fixture(autouse=True)
def _no_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(their_tests, "TweakRegStep", Ours)
    with serving(gaia(270.0, 66.0, 100.0 / 3600.0)) as server:
        monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", server.url)
        yield


their_fixtures.get_catalog = gaia
