"""The image whose pixels a reference catalog is in: one of the input, or any other file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.solutions import targets_of
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.arrays import FloatArray

    ToSky = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

__all__ = ["pixels_to_sky"]


def pixels_to_sky(exposures: Any, refimage: str) -> ToSky:
    """The function from the pixels of an image, which count from 0, to RA and DEC [deg].

    Parameters
    ----------
    exposures
        The input of the run; None for none.
    refimage
        Name of one of them, or of any other file; '' for the first one.

    Raises
    ------
    InputError
        If it can't be opened, or has several images.
    """
    targets = [] if exposures is None else targets_of(exposures)
    found = [one for one in targets if not refimage or one.name == Path(refimage).name]
    if found:
        with found[0].open() as model:
            return _of_model(model, found[0].name)
    path = Path(refimage).expanduser()
    if not path.is_file():
        raise InputError(
            f"The reference catalog is in pixels of '{refimage}', which does not exist. Give "
            "'refimage', one of the input or another file, or positions in degrees."
        )
    with open_exposure(path) as model:
        return _of_model(model, path.name)


def _of_model(model: Any, name: str) -> ToSky:
    images = telescope_of(model).images(model)
    if len(images) != 1:
        raise InputError(
            f"The reference catalog is in pixels of '{name}', which has {len(images)} images, but "
            "one image is needed. Give a mosaic as 'refimage', or positions in degrees."
        )
    return images[0].to_sky
