"""Where and when images were taken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.time import Time
from stdatamodels.jwst.datamodels import ImageModel

from tweakreg_step.core.images import Groups
from tweakreg_step.telescopes.jwst.image import epoch_of as epoch_of_model
from tweakreg_step.telescopes.wcs.footprints import epoch_of, group_epochs


def image(group: str, epoch: float | None) -> Any:
    unknown = {"detector": None, "bare_detector": None, "band": "", "visit": "", "guide_star": ""}
    return SimpleNamespace(group=group, epoch=epoch, **unknown)


def test_epochs_of_groups_are_means_of_their_images() -> None:
    images = [image("a", 2022.0), image("b", None), image("a", 2023.0), image("c", 2025.0)]
    np.testing.assert_array_equal(group_epochs(Groups.of(images)), [2022.5, np.nan, 2025.0])
    assert epoch_of(images) == pytest.approx((2022.0 + 2023.0 + 2025.0) / 3.0, abs=1e-9)


def test_an_epoch_for_images_that_have_none() -> None:
    unknown = [image("a", None)]
    assert epoch_of(unknown) is None
    assert epoch_of(unknown, 2024.5) == 2024.5
    assert epoch_of([image("a", 2022.0)], 2024.5) == 2022.0


@pytest.mark.parametrize(
    ("exposure", "observation", "expected"),
    [
        ({"mid_time": 60000.0, "start_time": 59000.0}, {}, "2023-02-25T00:00:00"),
        ({"start_time": 59999.5, "end_time": 60000.5}, {}, "2023-02-25T00:00:00"),
        ({"mid_time": 0.0}, {"date": "2023-02-25", "time": "06:30:00"}, "2023-02-25T06:30:00"),
        ({}, {"date": "2023-02-25"}, "2023-02-25T12:00:00"),
        ({}, {}, None),
        ({"mid_time": 1e30}, {"date": "2023-02-25"}, "2023-02-25T12:00:00"),
        ({"mid_time": 1e30, "start_time": np.inf}, {"date": "9999-02-25"}, None),
    ],
)
def test_the_time_of_an_exposure(
    exposure: dict[str, float], observation: dict[str, str], expected: str | None
) -> None:
    model = ImageModel((4, 4))
    for name, value in exposure.items():
        setattr(model.meta.exposure, name, value)
    for name, value in observation.items():
        setattr(model.meta.observation, name, value)
    found = epoch_of_model(model)
    if expected is None:
        assert found is None
    else:
        assert found == pytest.approx(Time(expected, scale="tdb").jyear, abs=1e-9)
