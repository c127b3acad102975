"""The truth of a simulated mosaic, and how far an aligned WCS lies from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.simulate.detectors import detector_named
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.simulate.optics import DetectorOffset, Pointing, detector_wcs, displaced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gwcs import WCS

    from tweakreg_step.core.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class ImageTruth:
    """What is true of one image; enough to build its true WCS.

    Parameters
    ----------
    file_name : str
        Name of the cal file, without a folder.
    group : str
        Group id of the exposure by the JWST rule; all its detectors share one pointing.
    detector : str
        Name in the table of detectors.
    shape : (int, int)
        (ny, nx) of the image.
    true, claimed : Pointing
        The attitude, and the one that the file's WCS has.
    offset : DetectorOffset
        How far the detector lies from where the file's WCS has it.
    velocity_aberration : float, optional
        Scale factor in both WCS.
    aberration_centre : (float, float), optional
        Point (v2, v3) [arcsec] about which the aberration truly acts. The claimed WCS has it about
        the detector's own reference point, as the true one where this is None.
    """

    file_name: str
    group: str
    detector: str
    shape: tuple[int, int]
    true: Pointing
    claimed: Pointing
    offset: DetectorOffset = field(default_factory=DetectorOffset)
    velocity_aberration: float | None = None
    aberration_centre: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """The files of a mosaic and the truth of each image.

    Parameters
    ----------
    folder : Path
        Where the files are.
    association, catalog : Path
        The association and the absolute reference catalog.
    images : tuple of ImageTruth
        One for each cal file, in the order of the association.
    """

    folder: Path
    association: Path
    catalog: Path
    images: tuple[ImageTruth, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the cal files."""
        return tuple(self.folder / image.file_name for image in self.images)

    def save(self, path: Path) -> None:
        """Write as JSON; paths are relative to the folder of the file."""
        content = {
            "association": self.association.name,
            "catalog": self.catalog.name,
            "images": [asdict(image) for image in self.images],
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class SkyError:
    """Distance on the sky between an image's WCS and the true one, over the image.

    Parameters
    ----------
    rms_mas, max_mas : float
        Root mean square and largest distance over a grid of pixels, mas.
    """

    rms_mas: float
    max_mas: float


def load_truth(path: Path) -> Truth:
    """Read what :meth:`Truth.save` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    images = tuple(_image_truth(entry) for entry in content["images"])
    folder = path.parent
    return Truth(folder, folder / content["association"], folder / content["catalog"], images)


def _image_truth(entry: dict[str, Any]) -> ImageTruth:
    """Rebuild the nested dataclasses from JSON's mappings."""
    ny, nx = entry["shape"]
    centre = entry.get("aberration_centre")
    return ImageTruth(
        **entry
        | {
            "shape": (ny, nx),
            "true": Pointing(**entry["true"]),
            "claimed": Pointing(**entry["claimed"]),
            "offset": DetectorOffset(**entry["offset"]),
            "aberration_centre": None if centre is None else (centre[0], centre[1]),
        }
    )


def true_wcs(image: ImageTruth) -> WCS:
    """Build the WCS through which the image was rendered."""
    detector = displaced(detector_named(image.detector, image.shape), image.offset)
    centre = image.aberration_centre
    return detector_wcs(detector, image.true, image.velocity_aberration, centre)


def claimed_wcs(image: ImageTruth) -> WCS:
    """Build the WCS that the file was delivered with."""
    detector = detector_named(image.detector, image.shape)
    return detector_wcs(detector, image.claimed, image.velocity_aberration)


def pixel_grid(shape: tuple[int, int], n: int = 9) -> tuple[FloatArray, FloatArray]:
    """Zero-based x and y, shape (n^2,) each, of a regular grid from corner to corner."""
    ny, nx = shape
    x, y = np.meshgrid(np.linspace(0.0, nx - 1.0, n), np.linspace(0.0, ny - 1.0, n))
    return x.ravel(), y.ravel()


def truth_error(wcs: WCS, image: ImageTruth, n: int = 9) -> SkyError:
    """Compare an image's WCS with the truth, everywhere on the detector.

    Parameters
    ----------
    wcs : gwcs.WCS
        The WCS to judge.
    image : ImageTruth
        What is true of that image.
    n : int
        The comparison is made on n x n pixels, the corners included.

    Returns
    -------
    SkyError
        From chords between unit vectors: exact anywhere on the sky.
    """
    found, true = _grid_directions(wcs, image, n)
    return _sky_error(found, true)


def relative_truth_errors(
    wcses: Sequence[WCS], images: Sequence[ImageTruth], n: int = 9
) -> tuple[SkyError, ...]:
    """Compare with the truth after the one rigid motion of the sky common to all images.

    The rotation R minimises sum |R a_i - b_i|^2 over the grid points of all images (Wahba's
    problem), a being the directions found and b the true ones.

    Parameters
    ----------
    wcses : sequence of gwcs.WCS
        One for each image.
    images : sequence of ImageTruth
        What is true of these images, in the same order.
    n : int
        Each image counts with n x n pixels.

    Returns
    -------
    tuple of SkyError
        One for each image.

    References
    ----------
    .. [1] F. L. Markley, 1988, Journal of the Astronautical Sciences 36, 245 (solution by
       singular values).
    """
    grids = [_grid_directions(wcs, image, n) for wcs, image in zip(wcses, images, strict=True)]
    found = np.concatenate([grid[0] for grid in grids])
    true = np.concatenate([grid[1] for grid in grids])
    matrix = _common_rotation(found, true)
    return tuple(_sky_error(a @ matrix.T, b) for a, b in grids)


def _grid_directions(wcs: WCS, image: ImageTruth, n: int) -> tuple[FloatArray, FloatArray]:
    """Directions found and true, shape (n^2, 3) each, of a grid of the image's pixels."""
    x, y = pixel_grid(image.shape, n)
    found = direction(*wcs.forward_transform(x, y))
    return found, direction(*true_wcs(image).forward_transform(x, y))


def _common_rotation(found: FloatArray, true: FloatArray) -> FloatArray:
    """Rotation, shape (3, 3), that best carries directions (m, 3) onto others.

    Only the part perpendicular to the middle of the field says how the field is turned about
    it, and that part is small; so the fit is made twice, the second time on what the first
    left, which removes its rounding error.
    """
    matrix = np.eye(3)
    for _ in range(2):
        u, _singular, vt = np.linalg.svd(true.T @ (found @ matrix.T))
        proper = np.diag([1.0, 1.0, np.linalg.det(u @ vt)])
        matrix = u @ proper @ vt @ matrix
    return matrix


def _sky_error(found: FloatArray, true: FloatArray) -> SkyError:
    """Summary of the distances between directions, shape (m, 3) each."""
    distance = separation_mas(found, true)
    return SkyError(float(np.sqrt(np.mean(distance**2))), float(np.max(distance)))
