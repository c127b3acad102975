"""Scenes with known truth, for the demonstration, the tests and the benchmarks."""

from tweakreg_step.simulate.distortion import Distortion
from tweakreg_step.simulate.examples import EXAMPLES, missing_package
from tweakreg_step.simulate.exposure import Identity, Settings, cal_model
from tweakreg_step.simulate.mosaic import Mosaic, simulate_mosaic, write_association
from tweakreg_step.simulate.nircam import DETECTORS, nircam
from tweakreg_step.simulate.optics import (
    Detector,
    DetectorOffset,
    Pointing,
    detector_wcs,
    displaced,
    perturbed,
    pixel_of,
    pointing_at,
)
from tweakreg_step.simulate.render import (
    NO_DEFECTS,
    Defects,
    Noise,
    Pixels,
    Psf,
    observe,
    star_image,
)
from tweakreg_step.simulate.stars import Stars, reference_catalog, scattered, star_field
from tweakreg_step.simulate.truth import (
    ImageTruth,
    SkyError,
    Truth,
    claimed_wcs,
    load_truth,
    relative_truth_errors,
    true_wcs,
    truth_error,
)

__all__ = [
    "DETECTORS",
    "EXAMPLES",
    "NO_DEFECTS",
    "Defects",
    "Detector",
    "DetectorOffset",
    "Distortion",
    "Identity",
    "ImageTruth",
    "Mosaic",
    "Noise",
    "Pixels",
    "Pointing",
    "Psf",
    "Settings",
    "SkyError",
    "Stars",
    "Truth",
    "cal_model",
    "claimed_wcs",
    "detector_wcs",
    "displaced",
    "load_truth",
    "missing_package",
    "nircam",
    "observe",
    "perturbed",
    "pixel_of",
    "pointing_at",
    "reference_catalog",
    "relative_truth_errors",
    "scattered",
    "simulate_mosaic",
    "star_field",
    "star_image",
    "true_wcs",
    "truth_error",
    "write_association",
]
