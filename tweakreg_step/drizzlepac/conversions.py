"""From values of TweakReg to those of the step: other units, other meanings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import convolve

from tweakreg_step.core.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tweakreg_step.core.arrays import FloatArray

__all__ = ["CONVERSIONS", "Scene", "Shape", "column", "threshold_here"]

SIGMA_TO_FWHM = 2.0 * float(np.sqrt(2.0 * np.log(2.0)))

HALF = 0.5
"""FWHM of stars over 'conv_width', which the manual wants to be about twice as large."""

USUAL_WIDTH = 3.5
"""TweakReg's default of 'conv_width' [pixels]."""

MINAREA = 3
"""Pixels above the threshold that a source needs, where nothing else is said."""

_NUMBERED = re.compile(r"c?(\d+)$")


@dataclass(frozen=True, slots=True)
class Scene:
    """What conversions need to know beside the value.

    Attributes
    ----------
    pixel_scale
        Of the reference image, or the first one [arcsec].
    main
        Values of TweakReg by name.
    finder
        Values of the finder whose parameter is converted.
    """

    pixel_scale: float
    main: Mapping[str, Any]
    finder: Mapping[str, Any]


def column(value: str) -> str:
    """A column by number or name: ``c3`` is the third, as 3."""
    parts = [part for part in re.split(r"[,\s]+", str(value).strip()) if part]
    if len(parts) == 1 and (spread := re.fullmatch(r"c?(\d+)[-:]c?(\d+)", parts[0])):
        parts = [str(number) for number in range(int(spread[1]), int(spread[2]) + 1)]
    return ",".join(found[1] if (found := _NUMBERED.match(part)) else part for part in parts)


@dataclass(frozen=True, slots=True)
class Shape:
    """An elliptical Gaussian.

    Attributes
    ----------
    fwhm
        Along its major axis [pixels].
    ratio
        Minor axis over major axis.
    theta
        Position of the major axis, from x towards y [deg].
    """

    fwhm: float
    ratio: float = 1.0
    theta: float = 0.0

    @property
    def star(self) -> Shape:
        """That of stars, for a kernel that is twice as wide."""
        return replace(self, fwhm=HALF * self.fwhm)

    def square(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Squared distance from the middle [its sigma]."""
        angle, sigma = np.deg2rad(self.theta), self.fwhm / SIGMA_TO_FWHM
        along = x * np.cos(angle) + y * np.sin(angle)
        across = y * np.cos(angle) - x * np.sin(angle)
        return np.asarray((along**2 + (across / self.ratio) ** 2) / sigma**2)


def threshold_here(
    threshold: float, kernel: Shape, nsigma: float = 1.5, *, shapes: bool = False
) -> float:
    """The threshold of our finder that the stars reach which are just found there.

    There the peak of a star, estimated with a kernel of the mean zero that is twice as wide as
    stars, must exceed the threshold. Here it is the image, smoothed with the shape of a star, in
    `MINAREA` pixels; with ``starfinder='dao'`` the peak over its own error. A star is a Gaussian
    half as wide as the kernel.

    Parameters
    ----------
    threshold
        TweakReg's [standard deviations of the sky].
    kernel
        Its kernel: ``conv_width``, ``ratio``, ``theta``.
    nsigma
        Where the kernel is cut off [its sigma].
    shapes
        Whether it is for ``starfinder='dao'``.
    """
    width = kernel.star.fwhm
    star = _gaussian(kernel.star, 4 + int(8 * width / SIGMA_TO_FWHM))
    there = float(convolve(star, _kernel(kernel, nsigma), mode="constant").max())
    if shapes:
        # the estimate of a peak, from pixels of the noise 1, has the noise of the kernel's length
        error = float(np.sqrt((_kernel(kernel.star, nsigma) ** 2).sum()))
        return threshold / (there * error)
    smooth = _gaussian(kernel.star, max(1, round(width)))
    smoothed = convolve(star, smooth / smooth.sum(), mode="constant")
    return threshold * float(np.sort(smoothed, axis=None)[-MINAREA]) / there


def _gaussian(shape: Shape, half: int) -> FloatArray:
    """A Gaussian (2 half + 1, 2 half + 1) with the peak 1."""
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    return np.asarray(np.exp(-0.5 * shape.square(x, y)))


def _kernel(shape: Shape, nsigma: float) -> FloatArray:
    """DAOFIND's kernel, which estimates the peak above the local mean (Stetson 1987, PASP 99, 191).

    Its pixels are those within ``nsigma`` of the centre, or within 2 pixels.
    """
    half = 2 * max(1, int(nsigma * shape.fwhm / SIGMA_TO_FWHM))
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    inside = (shape.square(x, y) <= nsigma**2) | (np.hypot(x, y) <= 2.001)
    gaussian = _gaussian(shape, half) * inside
    mean = gaussian.sum() / inside.sum()
    return np.asarray((gaussian - mean) * inside / ((gaussian**2).sum() - gaussian.sum() * mean))


def _search(value: float, scene: Scene) -> float:
    return value if scene.main["searchunits"] == "arcseconds" else _arcsec(value, scene)


def _arcsec(value: float, scene: Scene) -> float:
    return value * scene.pixel_scale


def _threshold(value: float, scene: Scene) -> float:
    finder = scene.finder
    width = finder["conv_width"] if finder["fwhmpsf"] is None else finder["fwhmpsf"] / HALF
    shapes = bool(finder["use_sharp_round"])
    # without a ratio the kernel is a line there, which no finder has here
    ratio, theta = finder["ratio"] or 1.0, finder["theta"] or 0.0
    kernel = Shape(width or USUAL_WIDTH, ratio, theta)
    return threshold_here(value, kernel, finder["nsigma"] or 1.5, shapes=shapes)


def _skysigma(value: float, _scene: Scene) -> float:
    if not value > 0.0:
        raise ParameterError(
            f"computesig=False, but 'skysigma' is {value:g}, and thresholds need a standard "
            "deviation of the sky above 0. Give 'skysigma', or leave 'computesig' out: the noise "
            "of each image is then measured."
        )
    return value


CONVERSIONS: dict[str, Callable[[Any, Scene], Any]] = {
    "same": lambda value, _scene: value,
    "text": lambda value, _scene: value,
    "column": lambda value, _scene: column(value),
    "pixels": _arcsec,
    "mas": lambda value, scene: 1e3 * _arcsec(value, scene),
    "search": _search,
    "half": lambda value, _scene: HALF * value,
    "threshold": _threshold,
    "kept": lambda value, scene: value and not scene.main["clean"],
    "cleaned": lambda value, scene: scene.main["writecat"] and not value,
    "plots": lambda _value, scene: scene.main["see2dplot"] or scene.main["residplot"] != "No plot",
    "sky": _skysigma,
    "bits": lambda value, _scene: str(value),
    "ascending": lambda value, scene: "mag" if value else scene.main["fluxunits"],
    "finder": lambda value, _scene: "dao" if value else "sep",
}
"""How values become ours; by the names that the table of parameters has."""
