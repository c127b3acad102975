"""DS9 regions that select the sources of an image to use.

The regions of a file are applied in their order, as in DrizzlePac: an include region adds the
sources inside, an exclude region removes them. Initially no source is selected, or all if the file
has exclude regions only.
"""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from regions import PixCoord, PixelRegion, Regions

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.whole_files import content_of

from .mask_file import read_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

    from .mask_file import Mask

    ToSky = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

__all__ = ["Exclusions", "read_exclusions"]

log = logging.getLogger(__name__)

FRAMES = ("image", "icrs", "fk5", "j2000", "fk4", "b1950", "galactic", "ecliptic")
OTHER_NAMES = {
    "physical": "image", "pixel": "image", "pixels": "image", "sky": "icrs",
}  # fmt: skip
"""Words for coordinates that DS9 and DrizzlePac's lists have beside those."""

SHAPES = ("circle", "ellipse", "box", "annulus", "polygon")
WITHOUT_AREA = (
    "line", "segment", "point", "text", "vector", "ruler", "compass", "projection",
)  # fmt: skip
"""Shapes of DS9 without an area, which are ignored."""

_STATEMENTS = re.compile(r";(?![^{]*\})")  # text in braces may hold semicolons
_INCLUDE = re.compile(r"\binclude\s*=\s*([01])")
_WORD = re.compile(r"([+-]?)\s*([A-Za-z]\w*)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """The regions of one file.

    Attributes
    ----------
    regions
        For each region, in order: whether it is an include region, and the region of the package
        regions, which counts pixels from 0. (That package can store this sign as well, but its
        releases differ in whether the sign inverts the result.)
    path
        Path of the file, for messages.
    text
        Content of the file, of a mask its checksum.
    mask
        The mask, None for a region file.
    """

    regions: tuple[tuple[bool, Any], ...]
    path: str
    text: str
    mask: Mask | None = None

    @property
    def included(self) -> int:
        """Number of include regions."""
        return sum(include for include, _ in self.regions)

    @property
    def on_the_sky(self) -> Exclusions:
        """Those of the regions that are in sky coordinates, which hold for every chip."""
        sky = tuple(one for one in self.regions if not isinstance(one[1], PixelRegion))
        return Exclusions(sky, self.path, self.text)

    def touches(self, box: BoundingBox, to_sky: ToSky) -> bool:
        """Whether any region may overlap an image; True also if one is close to it.

        Parameters
        ----------
        box
            ((xmin, xmax), (ymin, ymax)), the image [pixels].
        to_sky
            Function from pixels to RA, Dec [deg ICRS].
        """
        x, y = (corner.ravel() for corner in np.meshgrid(*map(np.array, box)))
        centre, plane = (float(x.mean()), float(y.mean())), None
        for _, region in self.regions:
            if isinstance(region, PixelRegion):
                if _meet(region, PixCoord(x, y)):
                    return True
                continue
            plane = plane or _tangent_plane(x, y, to_sky, centre)
            if _is_near(region, plane[1]) and _meet(region.to_pixel(plane[1]), plane[0]):
                return True
        return False

    def allowed(
        self, x: FloatArray, y: FloatArray, to_sky: ToSky, centre: tuple[float, float]
    ) -> NDArray[np.bool_]:
        """Mask of the positions that the regions select.

        Parameters
        ----------
        x, y
            (N,) in pixels, the centre of the first at (0, 0).
        to_sky
            From pixels to RA, Dec [deg ICRS].
        centre
            x, y of the centre of the image [pixels].

        Returns
        -------
        NDArray
            (N,)
        """
        if self.mask is not None:
            self._check_shape(self.mask, centre)
            return self.mask.allowed(x, y)
        only_exclude = not any(include for include, _ in self.regions)
        chosen = np.full(len(x), only_exclude)
        if len(x) == 0:
            return chosen
        on_image, plane = PixCoord(x, y), None
        for include, region in self.regions:
            if isinstance(region, PixelRegion):
                inside = np.asarray(region.contains(on_image))
            else:
                plane = plane or _tangent_plane(x, y, to_sky, centre)
                inside = _inside_on_sky(region, *plane)
            chosen = chosen | inside if include else chosen & ~inside
        return chosen

    def _check_shape(self, mask: Mask, centre: tuple[float, float]) -> None:
        """Refuse a mask that does not cover the image around a centre [pixels]."""
        nx, ny = (round(2.0 * middle + 1.0) for middle in centre)
        if mask.good.shape[0] < ny or mask.good.shape[1] < nx:
            have = " x ".join(map(str, mask.good.shape[::-1]))
            raise InputError(
                f"The mask '{self.path}' has {have} pixels, but the image has {nx} x {ny}. Give a "
                "mask of the image's shape in 'exclusions'."
            )


def _tangent_plane(
    x: FloatArray, y: FloatArray, to_sky: ToSky, centre: tuple[float, float]
) -> tuple[PixCoord, WCS]:
    """The positions in a plane tangent to the sky at the image's centre [arcsec], and its WCS.

    Sky regions are evaluated there. In pixels they would be distorted, and their centres may lie
    off the image, where its WCS is not defined.
    """
    ra, dec = to_sky(np.array([centre[0]]), np.array([centre[1]]))
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval = [float(ra[0]), float(dec[0])]
    plane.wcs.cdelt = [-1.0 / 3600.0, 1.0 / 3600.0]
    plane.wcs.crpix = [1.0, 1.0]
    return PixCoord(*plane.wcs_world2pix(*to_sky(x, y), 0)), plane


def _meet(region: PixelRegion, corners: PixCoord) -> bool:
    """Whether the bounding boxes of a region and of the corners of an image overlap."""
    around = region.bounding_box
    return bool(
        around.ixmin <= corners.x.max()
        and corners.x.min() <= around.ixmax
        and around.iymin <= corners.y.max()
        and corners.y.min() <= around.iymax
    )


def _is_near(region: Any, plane: WCS) -> bool:
    """Whether a sky region is within 80 degrees of a tangent plane's centre."""
    where: SkyCoord = getattr(region, "vertices", None) or region.center
    middle = SkyCoord(*plane.wcs.crval, unit="deg")
    return not np.any(middle.separation(where.icrs).deg > 80.0)


def _inside_on_sky(region: Any, positions: PixCoord, plane: WCS) -> NDArray[np.bool_]:
    if not _is_near(region, plane):
        return np.zeros(np.shape(positions.x), bool)
    return np.asarray(region.to_pixel(plane).contains(positions))


def read_exclusions(path: Path) -> Exclusions:
    """Read a region file, or a mask in a FITS file.

    Parameters
    ----------
    path
        A FITS file whose first image is 0 (or False) where no source is taken; or a region file of
        DS9: shapes of the package regions, in image or sky coordinates. Lines of
        three numbers x, y, radius exclude a circle. Without a coordinate system, or with
        'physical' or 'pixel', positions are image coordinates; the first pixel is 1, as in DS9.
        'sky' is ICRS.

    Raises
    ------
    InputError
        If it can't be read, or has a shape or a coordinate system that is not supported.
    """
    if path.suffix.lower() in {".fits", ".fit"}:
        mask = read_mask(path)
        return Exclusions((), str(path), str(mask.checksum), mask)
    try:
        text = content_of(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The region file '{path}' can't be read: {error}. It must be a text file in DS9's "
            "region format. Check 'exclusions': paths in it start at its folder."
        ) from error
    found = Exclusions(tuple(_regions(text, path)), str(path), text)
    if not found.regions:
        log.warning(
            "The region file '%s' has no regions, so it leaves nothing out. It should have at "
            "least one: fill it, or write None in its place in 'exclusions'.",
            path,
        )
    return found


def _regions(text: str, path: Path) -> Iterator[tuple[bool, Any]]:
    """Each region of a file, and whether it includes."""
    frame = "image"
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"Line {number} of the region file '{path}'"
        for statement in (part.strip() for part in _STATEMENTS.split(line)):
            if not statement or statement.startswith(("#", "global")):
                continue
            match = _WORD.fullmatch(statement)
            word = match[2].lower() if match else ""
            if word in {*FRAMES, *OTHER_NAMES}:
                frame = OTHER_NAMES.get(word, word)
            elif word not in WITHOUT_AREA:
                include, shape = _shape(statement, frame, where)
                for region in _parse(f"{frame}\n{shape}", where):
                    yield include, region


def _shape(statement: str, frame: str, where: str) -> tuple[bool, str]:
    """Whether a shape is an include region, and the shape without sign and properties."""
    match = _WORD.fullmatch(statement)
    if match is None or match[2].lower() not in SHAPES:
        return False, _circle(statement, frame, where)
    numbers, _, properties = match[3].partition("#")
    include = _INCLUDE.search(properties)  # before the sign, as in DS9
    wanted = include[1] == "1" if include else match[1] != "-"
    return wanted, f"{match[2]} {numbers.replace('||', '').strip()}"


def _circle(statement: str, frame: str, where: str) -> str:
    """A line of three numbers as a circle to exclude."""
    words = statement.replace(",", " ").split()
    if len(words) == 3 and all(re.fullmatch(r"[+-]?[\d.:]+([eE][+-]?\d+)?", w) for w in words):
        return f"circle({','.join(words)}{'' if frame == 'image' else chr(34)})"
    raise InputError(
        f"{where} is '{statement}', which is no region that is supported: it must be one of "
        f"{', '.join(SHAPES)}, in the coordinates {', '.join(FRAMES)}, or three numbers: x, y, "
        "radius. Replace it, e.g. by a polygon, or remove it."
    )


def _parse(text: str, where: str) -> list[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyWarning)  # it warns of what it leaves out
            return list(Regions.parse(text, format="ds9"))
    except Exception as error:  # it raises whatever numpy and astropy do on a broken line
        raise InputError(
            f"{where}, '{text.splitlines()[1]}', can't be read: {str(error).rstrip('.')}. It must "
            "be a shape with its numbers as DS9 writes them, sizes in pixels in image "
            "coordinates and in angles on the sky. Mend or remove it."
        ) from error
