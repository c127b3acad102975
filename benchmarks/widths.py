"""Is the automatic width of the stars as good as one for each camera? Mosaics with known truth.

Four dithers of 1024 x 1024 pixels for each filter, stars as wide as in flight, aligned with the
parameter file of the camera: once with the width for the whole camera that it had until now, once
with the one for the filter that ``kernel_fwhm=None`` finds. The geometry is that of NIRCam
for all, widths are in pixels of the camera.

    python benchmarks/widths.py
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from tables import publish

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import (
    Psf,
    Truth,
    relative_truth_errors,
    simulate_mosaic,
    truth_error,
)
from tweakreg_step.telescopes.jwst.psf import stellar_fwhm

CONFIG = Path(__file__).parent.parent / "config"
CAMERAS = {
    "nircam_short": (("NIRCAM", "SHORT"), "NRCA1", 1.7, ("F070W", "F115W", "F150W", "F212N")),
    "nircam_long": (("NIRCAM", "LONG"), "NRCALONG", 1.9, ("F250M", "F277W", "F356W", "F480M")),
    "niriss": (("NIRISS", ""), "NRCALONG", 1.6, ("F090W", "F115W", "F200W", "F480M")),
    "miri_short": (("MIRI", ""), "NRCALONG", 2.4, ("F560W", "F770W", "F1000W")),
    "miri_long": (("MIRI", ""), "NRCALONG", 5.0, ("F1130W", "F1500W", "F2550W")),
}
"""Instrument and channel, detector that stands in, width until now [pixels], filters."""


def run(truth: Truth, camera: str, fwhm: float, kernel: float | None) -> tuple[Any, ...]:
    """Images aligned, matches per group, absolute and relative error [mas]."""
    step = TweakRegStep.from_config_file(str(CONFIG / f"{camera}.asdf"))
    step.kernel_fwhm, step.abs_refcat = kernel, str(truth.catalog)
    step.sip_approx = False
    with patch("tweakreg_step.telescopes.jwst.models.stellar_fwhm", return_value=fwhm):
        library = step.run(str(truth.association))
    with library:
        models = list(library)
        for index, model in enumerate(models):
            library.shelve(model, index, modify=False)
    pairs = list(zip(models, truth.images, strict=True))
    good = [model.meta.cal_step.tweakreg == "COMPLETE" for model in models]
    facts = [model.meta.tweakreg_report.instance for model in models]
    absolute = np.mean([truth_error(model.meta.wcs, image).rms_mas for model, image in pairs])
    errors = relative_truth_errors([model.meta.wcs for model in models], truth.images)
    matches = np.mean([fact.get("matches", 0) for fact in facts])
    return sum(good), matches, absolute, np.mean([error.rms_mas for error in errors])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cameras", default=",".join(CAMERAS))
    given = parser.parse_args()
    logging.disable(logging.INFO)
    rows: list[tuple[str, ...]] = []
    for camera in given.cameras.split(","):
        (instrument, channel), detector, fixed, bands = CAMERAS[camera]
        for band in bands:
            fwhm = stellar_fwhm(instrument, channel, band, "")
            assert fwhm is not None
            with tempfile.TemporaryDirectory() as folder:
                truth = simulate_mosaic(
                    folder,
                    seed=given.seed,
                    tiles=(1, 1),
                    dithers=4,
                    detectors=(detector,),
                    shape=(1024, 1024),
                    stars_per_image=100.0,
                    psf=Psf(fwhm=fwhm),
                )
                cells = []
                for kernel in (fixed, None):
                    aligned, matches, absolute, relative = run(truth, camera, fwhm, kernel)
                    word = "" if kernel is None else f"{kernel:g}: "
                    cells.append(f"{word}{aligned}, {matches:.0f}, {absolute:.2f}, {relative:.2f}")
            rows.append((camera, band, f"{fwhm:.2f}", *cells))
            print(*rows[-1], sep="  ", flush=True)
    head = ("camera", "filter", "FWHM [pixels]", "with one width", "automatic")
    publish(__file__, "widths", (head, rows), write=given == parser.parse_args([]))


if __name__ == "__main__":
    main()
