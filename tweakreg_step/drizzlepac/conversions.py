"""From values of TweakReg to those of the step: other units, other meanings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import convolve

from tweakreg_step.core.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tweakreg_step.core.arrays import FloatArray

__all__ = ["CONVERSIONS", "Scene", "column", "threshold_here"]

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


def threshold_here(
    threshold: float, conv_width: float, nsigma: float = 1.5, *, shapes: bool = False
) -> float:
    """The threshold of our finder that the stars reach which are just found there.

    There the peak of a star, estimated with a kernel of the mean zero that is twice as wide as
    stars, must exceed the threshold. Here it is the image, smoothed with the shape of a star, in
    `MINAREA` pixels; with ``starfinder='dao'`` the peak over its own error. A star is a Gaussian
    whose FWHM is half of ``conv_width``.

    Parameters
    ----------
    threshold
        TweakReg's [standard deviations of the sky].
    conv_width
        FWHM of its kernel [pixels].
    nsigma
        Where the kernel is cut off [its sigma].
    shapes
        Whether it is for ``starfinder='dao'``.
    """
    sigma = HALF * conv_width / SIGMA_TO_FWHM
    star = _gaussian(sigma, 4 + int(8 * sigma))
    there = float(convolve(star, _kernel(conv_width, nsigma), mode="constant").max())
    if shapes:
        # the estimate of a peak, from pixels of the noise 1, has the noise of the kernel's length
        error = float(np.sqrt((_kernel(HALF * conv_width, nsigma) ** 2).sum()))
        return threshold / (there * error)
    half = max(1, round(HALF * conv_width))
    smooth = _gaussian(sigma, half)
    smoothed = convolve(star, smooth / smooth.sum(), mode="constant")
    return threshold * float(np.sort(smoothed, axis=None)[-MINAREA]) / there


def _gaussian(sigma: float, half: int) -> FloatArray:
    """A Gaussian (2 half + 1, 2 half + 1) with the peak 1."""
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    return np.asarray(np.exp(-0.5 * (x**2 + y**2) / sigma**2))


def _kernel(fwhm: float, nsigma: float) -> FloatArray:
    """DAOFIND's kernel, which estimates the peak above the local mean (Stetson 1987, PASP 99, 191).

    Its pixels are those within ``nsigma`` of the centre, or within 2 pixels if that is more.
    """
    sigma = fwhm / SIGMA_TO_FWHM
    half = 2 * max(1, int(nsigma * sigma))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    inside = x**2 + y**2 <= max(nsigma * sigma, 2.001) ** 2
    shape = _gaussian(sigma, half) * inside
    mean = shape.sum() / inside.sum()
    return np.asarray((shape - mean) * inside / ((shape**2).sum() - shape.sum() * mean))


def _search(value: float, scene: Scene) -> float:
    return value if scene.main["searchunits"] == "arcseconds" else _arcsec(value, scene)


def _arcsec(value: float, scene: Scene) -> float:
    return value * scene.pixel_scale


def _threshold(value: float, scene: Scene) -> float:
    finder = scene.finder
    width = finder["conv_width"] if finder["fwhmpsf"] is None else finder["fwhmpsf"] / HALF
    shapes = bool(finder["use_sharp_round"])
    return threshold_here(value, width or USUAL_WIDTH, finder["nsigma"] or 1.5, shapes=shapes)


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
