"""AP and BP, as they stand in a file, are within the error that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from stdatamodels.jwst import datamodels
from step_outputs import Aligned

from tweakreg_step.parameters import SipParameters
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.jwst.update import update_wcs
from tweakreg_step.telescopes.wcs.sip_inverse import inverse_within

BOX = ((-0.5, 2047.5), (-0.5, 2047.5))


def off_by(path: Path, wcs: Any, box: Any) -> float:
    """The largest error of the inverse in a file [pixels], by astropy's reading of it."""
    header = fits.getheader(path, "SCI")
    sip = WCS(header)
    (x0, x1), (y0, y1) = box
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(x0, x1, 77), np.linspace(y0, y1, 77)))
    sky = np.stack(wcs(x, y, with_bounding_box=False), axis=1)
    origin = sip.wcs.crpix - 1.0
    linear = sip.wcs_world2pix(sky, 0) - origin
    terms = [np.polynomial.polynomial.polyval2d(*linear.T, c) for c in (sip.sip.ap, sip.sip.bp)]
    return float(np.hypot(*(linear + np.stack(terms, 1) + origin - np.stack([x, y], 1)).T).max())


@pytest.fixture(scope="module")
def large(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image as large as a detector; only its WCS is looked at."""
    path = tmp_path_factory.mktemp("large") / "a_cal.fits"
    with datamodels.open(stack.files[0]) as model:
        model.meta.wcs.bounding_box = BOX
        model.save(path)
    return path


@pytest.mark.parametrize("limit", [0.1, 0.01, 0.001])
def test_the_inverse_in_the_file_is_within_its_limit(
    large: Path, tmp_path: Path, limit: float
) -> None:
    with datamodels.open(large) as model:
        sip = SipParameters(sip_max_inv_pix_error=limit)
        assert not update_wcs(model, model.meta.wcs, sip)
        model.save(tmp_path / "a.fits")
        assert off_by(tmp_path / "a.fits", model.meta.wcs, BOX) < limit
        assert model.meta.wcsinfo.instance["sipiverr"] < limit


def test_an_aligned_file(absolute: Aligned) -> None:
    for path in absolute.files:
        with datamodels.open(path) as model:
            assert off_by(path, model.meta.wcs, model.meta.wcs.bounding_box) < 0.01


def test_a_limit_that_cannot_be_kept_is_told(large: Path) -> None:
    with datamodels.open(large) as model:
        sip = SipParameters(sip_max_inv_pix_error=1e-3, sip_inv_degree=3)
        problem = update_wcs(model, model.meta.wcs, sip)
        assert "off by up to 0.09" in problem or "off by up to 0.1" in problem
        assert "'sip_max_inv_pix_error' is 0.001" in problem
        assert model.meta.wcsinfo.instance["ap_order"] == 3


def test_the_lowest_degree_that_suffices(large: Path) -> None:
    with datamodels.open(large) as model:
        wcs = model.meta.wcs
        header = dict(wcs.to_fits_sip(bounding_box=BOX, degree=3, max_inv_pix_error=None).items())
        degrees = [inverse_within(header, wcs, BOX, e, range(2, 7)).degree for e in (9, 0.5, 0.05)]
        assert degrees == sorted(degrees)
        assert degrees[0] == 2 < degrees[-1]
        assert inverse_within(header, wcs, BOX, 0.0, range(2, 7)).degree == 6  # the best there is


def test_no_inverse_is_made_where_none_is_wanted(large: Path) -> None:
    with datamodels.open(large) as model:
        assert not update_wcs(model, model.meta.wcs, SipParameters(sip_max_inv_pix_error=0.0))
        assert "ap_order" not in model.meta.wcsinfo.instance
