"""The parameters of TweakReg's finder, for the images and for the reference image."""

from __future__ import annotations

from dataclasses import replace

from .row import IMAGE, REFERENCE, Needs, Row, Use

__all__ = ["FINDER_PARAMETERS"]

_IMAGE = (
    Row(
        "computesig", IMAGE, bool, True, Use.PASSED_OVER,
        "The noise of each image is measured.", needs=Needs.PIXELS,
    ),
    Row(
        "skysigma", IMAGE, float, 0.0, Use.PASSED_OVER,
        "The noise of each image is measured.", (), "counts", needs=Needs.PIXELS,
    ),
    Row(
        "conv_width", IMAGE, float, 3.5, Use.MAPPED,
        "Twice the FWHM of stars, as the manual recommends; here it is the FWHM itself.",
        ("kernel_fwhm",), "pixels", "pixels", "half", Needs.PIXELS,
    ),
    Row(
        "fwhmpsf", IMAGE, float, None, Use.MAPPED,
        "FWHM of stars, in files of earlier releases.",
        ("kernel_fwhm",), "pixels", "pixels", needs=Needs.PIXELS,
    ),
    Row(
        "peakmin", IMAGE, float, None, Use.MAPPED,
        "Least brightest pixel; here above the background.",
        ("peakmin",), "image units", "image units", needs=Needs.PIXELS,
    ),
    Row(
        "peakmax", IMAGE, float, None, Use.MAPPED,
        "Largest brightest pixel; here above the background.",
        ("peakmax",), "image units", "image units", needs=Needs.PIXELS,
    ),
    Row(
        "threshold", IMAGE, float, 4.0, Use.MAPPED,
        "The faintest peak of a star, in standard deviations of the sky: here the threshold in "
        "the filtered image that a star of this peak reaches.",
        ("snr_threshold",), "sigma", "sigma", "threshold", Needs.PIXELS,
    ),
    Row(
        "nsigma", IMAGE, float, 1.5, Use.MAPPED,
        "Where the kernel is cut off, for ``starfinder='dao'``.",
        ("sigma_radius",), "sigma", "sigma", needs=Needs.SHAPES,
    ),
    Row(
        "ratio", IMAGE, float, 1.0, Use.PASSED_OVER, "The kernel is round.", needs=Needs.PIXELS,
    ),
    Row(
        "theta", IMAGE, float, 0.0, Use.PASSED_OVER, "The kernel is round.", (), "deg",
        needs=Needs.PIXELS,
    ),
    Row(
        "fluxmin", IMAGE, float, None, Use.MAPPED,
        "Least flux; there in a box of the kernel's size with the sky, here in a circle without.",
        ("fluxmin",), "image units", "image units", needs=Needs.PIXELS,
    ),
    Row(
        "fluxmax", IMAGE, float, None, Use.MAPPED,
        "Largest flux; there in a box of the kernel's size with the sky, here in a circle without.",
        ("fluxmax",), "image units", "image units", needs=Needs.PIXELS,
    ),
    Row(
        "dqbits", IMAGE, str, "", Use.PASSED_OVER,
        "Data quality is always used, with the bits that the handbook of each camera allows.",
        needs=Needs.PIXELS,
    ),
    Row(
        "use_sharp_round", IMAGE, bool, False, Use.MAPPED,
        "Chooses ``starfinder='dao'``, which measures both.",
        ("starfinder",), conversion="finder", needs=Needs.PIXELS,
    ),
    Row(
        "sharplo", IMAGE, float, 0.2, Use.MAPPED, "Least sharpness.",
        ("sharplo",), needs=Needs.SHAPES,
    ),
    Row(
        "sharphi", IMAGE, float, 1.0, Use.MAPPED, "Largest sharpness.",
        ("sharphi",), needs=Needs.SHAPES,
    ),
    Row(
        "roundlo", IMAGE, float, -1.0, Use.MAPPED, "Least roundness.",
        ("roundlo",), needs=Needs.SHAPES,
    ),
    Row(
        "roundhi", IMAGE, float, 1.0, Use.MAPPED, "Largest roundness.",
        ("roundhi",), needs=Needs.SHAPES,
    ),
    Row(
        "ascend", IMAGE, bool, False, Use.PASSED_OVER,
        "Of earlier releases: ``fluxunits`` says whether small numbers are bright.",
    ),
)  # fmt: skip

FINDER_PARAMETERS: tuple[Row, ...] = tuple(
    replace(row, where=where) for where in (IMAGE, REFERENCE) for row in _IMAGE
)
