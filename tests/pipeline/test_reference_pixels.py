"""The image whose pixels a reference catalog is in."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hst_visits import visit

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.pipeline.reference_pixels import pixels_to_sky

DRIZZLED = {"camera": "ACS/WFC drizzled", "shape": (300, 300), "stars": 40, "exposures": 2}


def test_the_first_image_or_the_one_that_is_named_or_another_file() -> None:
    files = visit(**DRIZZLED).files
    given = list(map(str, files))
    with fits.open(files[1]) as hdus:
        true = WCS(hdus["SCI", 1].header).all_pix2world([10.0], [20.0], 0)
    x, y = np.array([10.0]), np.array([20.0])
    for exposures in (given, [given[0]], None):
        name = files[1].name if exposures == given else given[1]
        np.testing.assert_allclose(pixels_to_sky(exposures, name)(x, y), true, atol=1e-12)
    first = pixels_to_sky(given, "")(x, y)
    assert not np.allclose(first, true, atol=1e-6)


def test_images_that_are_not_there_or_have_chips() -> None:
    with pytest.raises(InputError, match=r"pixels of 'gone\.fits', which does not exist"):
        pixels_to_sky(None, "gone.fits")
    chips = visit(exposures=2).files
    with pytest.raises(InputError, match=r"which has 2 images, but one image is needed"):
        pixels_to_sky(list(map(str, chips)), "")
