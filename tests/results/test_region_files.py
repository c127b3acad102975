"""Regions of DS9 and the list of catalogs beside saved catalogs."""

from __future__ import annotations

import numpy as np
from astropy.table import Table
from regions import Regions
from step_outputs import Aligned, errors_mas, models_of

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import Truth


def test_each_source_is_a_circle_coloured_by_what_became_of_it(absolute: Aligned) -> None:
    detections, fits = absolute.result.catalogs.detections, absolute.result.solution.detections
    for image, name in enumerate(absolute.result.images.names):
        stem = name.removesuffix(".fits")
        text = (absolute.folder / f"{stem}_cat.reg").read_text()
        catalog = Table.read(absolute.folder / f"{stem}_cat.ecsv")
        regions = Regions.parse(text, format="ds9")
        own = detections.image == image
        assert text.count("tag={used}") == int(fits.used[own].sum()) > 30
        sharp = (catalog["flags"] & 8) != 0
        assert text.count("tag={no object on the sky}") == int(sharp.sum()) > 3
        # all sources of the catalog that took part or could not, each once
        assert len(regions) == int(own.sum()) + int(sharp.sum())
        places = np.array([[region.center.x, region.center.y] for region in regions])
        known = np.stack([catalog["x"], catalog["y"]], axis=-1)
        nearest = np.min(np.hypot(*(places[:, None] - known[None]).T), axis=0)
        assert np.max(nearest) < 1e-3


def test_the_catfile_can_be_given_back(files: Truth, absolute: Aligned) -> None:
    catfile = absolute.folder / "mosaic_catfile.txt"
    options = {"use_custom_catalogs": True, "catfile": str(catfile), "sip_approx": False}
    library = TweakRegStep.call(str(files.association), abs_refcat=str(files.catalog), **options)
    again = errors_mas(models_of(library), files)
    np.testing.assert_allclose(again, errors_mas(absolute.models, files), atol=1e-6)
