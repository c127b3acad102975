"""The WCS in which shifts are, of images of other missions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tweakreg_step.drizzlepac import shift_file
from tweakreg_step.simulate import Truth


def test_of_many_images_only_the_first_is_opened(
    files: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    opening = shift_file.open_exposure

    def watched(path: Path) -> Any:
        opened.append(path)
        return opening(path)

    monkeypatch.setattr(shift_file, "open_exposure", watched)
    wcs = shift_file.frame_of(files.files)
    assert opened == [files.files[0]]
    assert wcs.pixel_shape is not None
