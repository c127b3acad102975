"""The parameters of TweakReg's finder, for the images and for the reference image."""

from __future__ import annotations

from dataclasses import replace

from .row import IMAGE, REFERENCE, Needs, Row, Use

__all__ = ["FINDER_PARAMETERS"]

_IMAGE = (
    Row(
        "computesig", IMAGE, bool, True, Use.DONE,
        "With False ``threshold`` is a multiple of ``skysigma``, which must be given; otherwise of "
        "the noise of each image.", needs=Needs.PIXELS,
    ),
    Row(
        "skysigma", IMAGE, float, 0.0, Use.MAPPED,
        "Standard deviation of the sky, of which ``threshold`` is a multiple.",
        ("skysigma",), "image units", "image units", "sky", Needs.SIGMA,
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
        "ratio", IMAGE, float, 1.0, Use.MAPPED,
        "Minor axis of the kernel over its major axis.", ("ratio",), needs=Needs.PIXELS,
    ),
    Row(
        "theta", IMAGE, float, 0.0, Use.MAPPED,
        "Position of the kernel's major axis, from x towards y.",
        ("theta",), "deg", "deg", needs=Needs.PIXELS,
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
        "dqbits", IMAGE, str, "", Use.MAPPED,
        "The bits that a pixel may have and be used, or after ``~`` those that it may not. Without "
        "it, data quality is not used there; here it is, with the bits that the handbook of each "
        "camera allows.",
        ("dqbits",), conversion="bits", needs=Needs.PIXELS,
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
        "ascend", IMAGE, bool, False, Use.MAPPED,
        "Of earlier releases: with True small numbers are bright, as with ``fluxunits='mag'``.",
        ("fluxunits",), conversion="ascending", needs=Needs.CATALOGS,
    ),
)  # fmt: skip

_REFERENCE = [replace(row, where=REFERENCE) for row in _IMAGE if row.name != "ascend"]

FINDER_PARAMETERS: tuple[Row, ...] = (
    *_IMAGE,
    *_REFERENCE,
    Row(
        "ascend", REFERENCE, bool, False, Use.PASSED_OVER,
        "Sources that are found in an image have fluxes, of which large ones are bright.",
    ),
)  # fmt: skip
