"""The images that TweakReg is given: their names, catalogs on an @list, the size of a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.whole_files import content_of
from tweakreg_step.solutions import targets_of
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.solutions import Target
    from tweakreg_step.telescopes import OpenImage

__all__ = ["file_without_extension", "images_named", "list_of_catalogs", "pixel_scale", "scale_of"]


def images_named(given: Any) -> list[Target]:
    """The exposures that a user names, as TweakReg takes them.

    Raises
    ------
    InputError
        If there are none, or they are no files.
    """
    targets = targets_of(given)
    if not all(target.path for target in targets):
        raise InputError(
            "TweakReg was given open images, but files are needed, since it changes files. Give "
            "their names, or use 'align', which takes open images."
        )
    return targets


def list_of_catalogs(given: Any) -> tuple[str, list[str]]:
    """An ``@list`` that names catalogs beside the images: its path, and the images.

    The path is '' for any other input.
    """
    if not isinstance(given, str) or not given.startswith("@"):
        return "", []
    path = Path(given[1:]).expanduser()
    try:
        lines = content_of(path).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return "", []  # said when the images are read
    named = [words for line in lines if (words := line.split()) and words[0][0] != "#"]
    # a file that is a FITS image is the weight map of AstroDrizzle's lists
    catalogs = [word for words in named for word in words[1:] if not word.endswith(".fits")]
    if not catalogs:
        return "", []
    images = [Path(words[0]).expanduser() for words in named]
    found = [image if image.is_file() else path.parent / image for image in images]
    return str(path), [str(image) for image in found]


def file_without_extension(name: str) -> Path:
    """The file in ``a_drz.fits[1]``."""
    return Path(name.split("[", maxsplit=1)[0].strip()).expanduser()


def scale_of(image: OpenImage) -> float:
    """The size of a pixel in the middle of an image [arcsec]: the square root of its area."""
    (xmin, xmax), (ymin, ymax) = image.bounding_box
    x, y = 0.5 * (xmin + xmax), 0.5 * (ymin + ymax)
    ra, dec = image.to_sky(np.array([x, x + 1.0, x]), np.array([y, y, y + 1.0]))
    east = np.deg2rad(dec[0])
    step = np.stack([(ra[1:] - ra[0] + 180.0) % 360.0 - 180.0, dec[1:] - dec[0]])
    step[0] *= np.cos(east)
    return 3600.0 * float(np.sqrt(abs(np.linalg.det(step))))


def pixel_scale(targets: Sequence[Target], refimage: str) -> float:
    """The size of a pixel [arcsec] of the reference image, or of the first one without.

    Raises
    ------
    InputError
        If it can't be opened.
    """
    named = file_without_extension(refimage).name if refimage else ""
    inside = [target for target in targets if target.name == named]
    if named and not inside:
        with _opened(file_without_extension(refimage)) as model:
            return scale_of(telescope_of(model).images(model)[0])
    with (inside or targets)[0].open() as model:
        images = telescope_of(model).images(model)
        if not images:
            raise InputError(
                f"'{targets[0].name}' has no image with pixels, but its pixel scale is needed. "
                "Check the input."
            )
        return scale_of(images[0])


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise InputError(
            f"The reference image '{path}' does not exist, but 'refimage' must name an image. "
            "Check the name and the folder."
        )
    return open_exposure(path)
