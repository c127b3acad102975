"""The SIP approximation is that of gwcs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.wcs.sip_forward import forward_within

BOX = ((-0.5, 2047.5), (-0.5, 2047.5))
DEGREES = range(1, 6)


@pytest.fixture(scope="module")
def wcs(stack: Truth) -> Any:
    with datamodels.open(stack.files[0]) as model:
        return model.meta.wcs


def by_gwcs(wcs: Any, **options: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return dict(wcs.to_fits_sip(bounding_box=BOX, max_inv_pix_error=None, **options).items())


@pytest.mark.parametrize("limit", [0.01, 1e-5])
@pytest.mark.parametrize("crpix", [None, (900.0, 1100.5)])
def test_words_are_those_of_gwcs(wcs: Any, limit: float, crpix: Any) -> None:
    ours = forward_within(wcs, BOX, limit, DEGREES, 12, crpix)
    theirs = by_gwcs(wcs, max_pix_error=limit, degree=DEGREES, npoints=12, crpix=crpix)
    assert ours is not None
    assert set(ours) == {key for key in theirs if not key.startswith("NAXIS")}
    for key, value in ours.items():
        if isinstance(value, str):
            assert value == theirs[key]
        elif not key.startswith(("A_", "B_", "SIPMXERR")):
            assert value == pytest.approx(theirs[key], rel=1e-9, abs=1e-11)
    assert ours["A_ORDER"] == theirs["A_ORDER"] == ours["B_ORDER"]
    assert ours["SIPMXERR"] == pytest.approx(theirs["SIPMXERR"], rel=0.01)
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(-0.5, 2047.5, 31)] * 2))
    mine, its = (WCS(fits.Header(list(words.items()))) for words in (ours, theirs))
    back = its.all_world2pix(mine.all_pix2world(np.stack([x, y], 1), 0), 0, tolerance=1e-9)
    assert np.hypot(*(back - np.stack([x, y], 1)).T).max() < 1e-7


def test_a_degree_that_does_not_suffice_is_left_to_gwcs(wcs: Any) -> None:
    assert forward_within(wcs, BOX, 1e-9, [2], 12, None) is None


def test_a_wcs_that_is_linear_is_left_to_gwcs(wcs: Any) -> None:
    assert forward_within(wcs, BOX, 1e4, DEGREES, 12, None) is None
