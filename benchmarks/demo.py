"""The demonstration: simulate a dithered 2x2 mosaic, align it with strun, compare with the truth.

Run by ``make demo``. Exits with an error if an image is farther from the truth than the limits.
Options are handed on to strun: ``python benchmarks/demo.py --align_method=sequential`` shows what
the stock method makes of it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import relative_truth_errors, simulate_mosaic, truth_error

FOLDER = Path(".demo")
SEED = 20261121
# The bound is about 0.2 mas; a pixel is 63 mas.
ABSOLUTE_LIMIT_MAS = 1.0
RELATIVE_LIMIT_MAS = 1.0


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("Simulating eight exposures of 2048 x 2048 pixels ...", flush=True)
    start = time.perf_counter()
    truth = simulate_mosaic(FOLDER / "input", seed=SEED)
    simulated = time.perf_counter()
    output = FOLDER / "output"
    command = [
        *(str(Path(sys.executable).with_name("strun")), "tweakreg_step.TweakRegStep"),
        str(truth.association),
        f"--abs_refcat={truth.catalog}",
        f"--output_dir={output}",
        *sys.argv[1:],
    ]
    print("Running  strun", *command[1:], flush=True)
    subprocess.run(command, check=True)  # noqa: S603 - our own command
    aligned = time.perf_counter()

    before, after, names = [], [], []
    for image in truth.images:
        with datamodels.open(truth.folder / image.file_name) as model:
            before.append(model.meta.wcs)
        result = output / image.file_name.replace("_cal.fits", "_tweakreg.fits")
        with datamodels.open(result) as model:
            after.append(model.meta.wcs)
            names.append((image.file_name, model.meta.cal_step.tweakreg))

    print("\nDistance on the sky from the true WCS, rms over the image [mas]\n")
    print(f"{'image':<44} {'status':<9} {'before':>8} {'after':>7} {'after, relative':>16}")
    relative = [error.rms_mas for error in relative_truth_errors(after, truth.images)]
    absolute = [truth_error(w, i).rms_mas for w, i in zip(after, truth.images, strict=True)]
    original = [truth_error(w, i).rms_mas for w, i in zip(before, truth.images, strict=True)]
    for (name, status), *errors in zip(names, original, absolute, relative, strict=True):
        print(f"{name:<44} {status:<9} {errors[0]:8.1f} {errors[1]:7.2f} {errors[2]:16.2f}")
    print(
        f"\nSimulation {simulated - start:.0f} s, alignment from files to files "
        f"{aligned - simulated:.0f} s.\nThe aligned exposures are in {output.resolve()}"
    )
    good = (
        all(status == "COMPLETE" for _, status in names)
        and max(absolute) < ABSOLUTE_LIMIT_MAS
        and max(relative) < RELATIVE_LIMIT_MAS
    )
    print(
        f"The truth is {'met' if good else 'NOT met'}: the limits are {ABSOLUTE_LIMIT_MAS} mas "
        f"absolute and {RELATIVE_LIMIT_MAS} mas relative."
    )
    show_solution(truth.folder, output)
    return 0 if good else 1


def show_solution(exposures: Path, output: Path) -> None:
    """Show what was found, and the commands that put it on other files and take it back."""
    solution = next(output.glob("*_tweakreg_solution.asdf"))
    print(f"\nWhat was found is a file of its own, {solution}:\n", flush=True)
    command = [str(Path(sys.executable).with_name("tweakreg")), "show", str(solution)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command
    print(
        f"\nPut it on the exposures as they were delivered, and take it back:\n"
        f"  tweakreg apply {solution} {exposures}/*_cal.fits\n"
        f"  tweakreg undo {exposures}/*_cal.fits"
    )


if __name__ == "__main__":
    sys.exit(main())
