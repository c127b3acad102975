"""Names of images that share a file."""

from __future__ import annotations

import pytest

from tweakreg_step.core.image_names import file_of, image_name


@pytest.mark.parametrize("label", ["", "1", "SCI,2"])
@pytest.mark.parametrize("file_name", ["a_cal.fits", "b[3]_flc.fits", "image1"])
def test_the_file_of_an_image(file_name: str, label: str) -> None:
    name = image_name(file_name, label)
    assert file_of(name) == file_name
    assert (name == file_name) == (not label)
