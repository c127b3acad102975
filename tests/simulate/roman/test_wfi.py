"""The simulated camera against the geometry that the mission publishes."""

from __future__ import annotations

import asdf
import numpy as np
import pytest
from conftest import REAL_DATA

from tweakreg_step.simulate.roman import DETECTORS, RomanIdentity, wfi

REAL = REAL_DATA / "roman" / "roman_l2_wcs.asdf"


def test_detectors_do_not_overlap_and_lie_around_the_middle() -> None:
    places = np.array([(d.v2_ref, d.v3_ref) for d in DETECTORS.values()])
    assert len(places) == 18
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    side = 4088 * 0.11
    assert distances[~np.eye(18, dtype=bool)].min() > side
    assert np.hypot(*(places.mean(axis=0) - (1546.38, -892.79))) < side


# it was written with an extension that later versions of the package have replaced
@pytest.mark.filterwarnings("ignore:File .*was created with extension")
@pytest.mark.skipif(not REAL.exists(), reason=f"there is no {REAL}")
def test_the_first_detector_lies_where_the_mission_has_it() -> None:
    with asdf.open(REAL) as file:
        info = file["roman"]["meta"]["wcsinfo"]
    detector = wfi("WFI01")
    assert detector.v2_ref == pytest.approx(info["v2_ref"], abs=2.0)
    assert detector.v3_ref == pytest.approx(info["v3_ref"], abs=2.0)
    assert detector.v3_idl_yangle == info["v3yangle"]


def test_names_are_those_of_the_mission() -> None:
    identity = RomanIdentity(exposure=2)
    assert identity.file_name("WFI01") == "r0000101001001001001_0002_wfi01_f158_cal.asdf"
    assert identity.group_id == "00001010010010010010002"
