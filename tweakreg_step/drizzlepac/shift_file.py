"""Shift files, and the WCS in which their shifts are, for those who still use them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_step.files.names import file_of
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of
from tweakreg_step.telescopes.hst import HstExposure
from tweakreg_step.telescopes.hst.undistorted import undistorted_wcs

from .images import scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.solutions import SavedSolution
    from tweakreg_step.telescopes import OpenImage

__all__ = ["frame_of", "reference_wcs", "shift_of", "write_shifts"]


def frame_of(images: Sequence[Path], refimage: Path | None = None) -> WCS:
    """The WCS without distortion in which shifts are.

    That of TweakReg where the first image is of HST: as stwcs makes it of all chips of all images,
    or of the first chip of a reference image. Of other missions, that around the first image.

    Parameters
    ----------
    images
        Files of the images, as delivered.
    refimage
        The reference image, if one is given.

    Returns
    -------
    WCS
        With a ``pixel_shape``.
    """
    path, *more = list(images) if refimage is None else [refimage]
    with contextlib.ExitStack() as stack:
        first, found = stack.enter_context(open_exposure(path)), None
        if isinstance(first, HstExposure):
            others = [stack.enter_context(open_exposure(other)) for other in more]
            exposures = [first, *(other for other in others if isinstance(other, HstExposure))]
            found = undistorted_wcs(exposures, one=refimage is not None)
        return reference_wcs(telescope_of(first).images(first)) if found is None else found


def write_shifts(
    solution: SavedSolution, images: Sequence[Path], wcs: WCS, shifts: Path, reference: Path
) -> None:
    """Write how each image was off, in the pixels of a WCS without distortion, and that WCS.

    Parameters
    ----------
    solution
        The solution.
    images
        Files of the images.
    wcs
        By `frame_of`.
    shifts, reference
        Files to write; both are replaced.

    Raises
    ------
    OutputError
        If they can't be written.
    """
    lines = [
        "# frame: output\n",
        f"# refimage: {reference.name}[wcs]\n",
        "# form: delta\n",
        "# units: pixels\n",
    ]
    scale = 3600.0 * float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))))
    for path in images:
        rows = [k for k, name in enumerate(solution.images.names) if file_of(name) == path.name]
        if not rows or not solution.images.moved[rows].any():
            values = (0.0, 0.0, 0.0, 1.0)
        else:
            before = solution.images.before[rows].reshape(-1, 2)
            values = shift_of(wcs, before, solution.images.after[rows].reshape(-1, 2))
        rms = solution.groups.rms_mas[solution.images.group[rows[0]]] if rows else np.nan
        rms = 0.0 if not np.isfinite(rms) else rms / (1e3 * scale)
        numbers = "  ".join(f"{value:.6f}" for value in (*values, rms, rms))
        lines.append(f"{path.name}    {numbers}\n")
    header = wcs.to_header()
    header["EXTNAME"], header["EXTVER"] = "WCS", 1
    header["NPIX1"] = (wcs.pixel_shape[0], "Length of array axis 1")
    header["NPIX2"] = (wcs.pixel_shape[1], "Length of array axis 2")
    header["PIXVALUE"] = (0.0, "values of pixels in array")
    matrix = wcs.pixel_scale_matrix
    angle = float(np.rad2deg(np.arctan2(matrix[0, 1], matrix[1, 1])))
    header["ORIENTAT"] = (angle, "position angle of image y axis (deg. e of n)")
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(None, header)])
    write_whole(reference.expanduser(), hdus.writeto)
    write_whole(shifts.expanduser(), lambda draft: draft.write_text("".join(lines)))


def reference_wcs(images: Sequence[OpenImage]) -> WCS:
    """A WCS without distortion around the images of an exposure, oriented as the first of them.

    Parameters
    ----------
    images
        Its images.

    Returns
    -------
    WCS
        Tangent at their middle, with the scale of the first one's middle; its ``pixel_shape``
        covers them.
    """
    first = images[0]
    corners = [np.meshgrid(*image.bounding_box) for image in images]
    ra, dec = (
        np.concatenate(axis)
        for axis in zip(
            *(
                [np.ravel(axis) for axis in image.to_sky(*(np.ravel(xy) for xy in xys))]
                for image, xys in zip(images, corners, strict=True)
            ),
            strict=True,
        )
    )
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    middle = ra[0] + float(np.mean((ra - ra[0] + 180.0) % 360.0 - 180.0))
    wcs.wcs.crval = [middle % 360.0, float(np.mean(dec))]
    scale = scale_of(first)
    (xmin, xmax), (ymin, ymax) = first.bounding_box
    x, y = 0.5 * (xmin + xmax), 0.5 * (ymin + ymax)
    wcs.wcs.cd = np.diag([-scale, scale]) / 3600.0
    ends = wcs.wcs_world2pix(*first.to_sky(np.array([x, x]), np.array([y, y + 1.0])), 0)
    angle = np.arctan2(ends[0][0] - ends[0][1], ends[1][1] - ends[1][0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs.wcs.cd = wcs.wcs.cd @ turn
    wcs.wcs.set()
    places = np.stack(wcs.wcs_world2pix(ra, dec, 0))
    low, high = np.floor(places.min(axis=1)), np.ceil(places.max(axis=1))
    wcs.wcs.crpix = -low  # they were 0 above; the first pixel is now the lowest corner
    wcs.pixel_shape = (int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
    wcs.wcs.set()
    return wcs


def shift_of(wcs: WCS, before: FloatArray, after: FloatArray) -> tuple[float, float, float, float]:
    """How positions were off, in the pixels of a WCS about its reference pixel; TweakReg's signs.

    before - crpix = scale R(-rot) (after - crpix) + (dx, dy), where R turns counter-clockwise.

    Parameters
    ----------
    wcs
        The WCS.
    before, after
        (N, 2) RA and DEC [deg], as delivered and corrected.

    Returns
    -------
    tuple
        dx, dy [pixels], rot [deg, 0 to 360], scale.
    """
    start, end = (
        np.stack(wcs.wcs_world2pix(*np.asarray(sky).T, 1)) - wcs.wcs.crpix[:, None]
        for sky in (after, before)
    )
    one, two = start[0] + 1j * start[1], end[0] + 1j * end[1]
    from_mean = one - one.mean()
    factor = (from_mean.conj() @ (two - two.mean())) / (from_mean.conj() @ from_mean)
    shift = two.mean() - factor * one.mean()
    angle = float(np.rad2deg(-np.angle(factor))) % 360.0
    return float(shift.real), float(shift.imag), angle, float(abs(factor))
