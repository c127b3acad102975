"""relative_align and then absolute_align, and two steps one after the other, against one solution.

Visits of real geometry (data and catalogs are those of ``visits.py``): ``absolute_align`` alone;
after ``relative_align``; and after ``relative_align`` whose WCS were saved in files and read again,
so that nothing but them is known of it. Simulated exposures: one run of the step with the reference
catalog; ``relative_align`` and ``absolute_align`` on its catalogs; a run without the reference, and
one with it on the files that the first has written. Errors are those of the images against the
truth, per axis.

    python benchmarks/two_calls.py [--quick]
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import asdf
import numpy as np
from ceers import errors
from ceers_images import DATA
from stdatamodels.jwst import datamodels
from tables import publish
from tweakwcs.correctors import JWSTWCSCorrector
from visits import of_visit, sparse

from tweakreg_step import TweakRegStep, absolute_align, relative_align
from tweakreg_step.core.images import Groups
from tweakreg_step.exposures.read import read_exposures
from tweakreg_step.parameters.run_parameters import Parameters
from tweakreg_step.pipeline.correctors import correctors_of
from tweakreg_step.simulate import simulate_mosaic, truth_error
from tweakreg_step.telescopes.inputs import open_library

VISITS = (("001", "sparse"), ("002", "sparse"))
HEADER = ("scene", "joint", "two calls", "saved in between")
SCENES: dict[str, dict[str, Any]] = {
    "stack of four": {"tiles": (1, 1), "dithers": 4},
    "mosaic of 2 x 2, 60 % overlap": {"tiles": (2, 2), "dithers": 1, "overlap": 0.6},
    "three dithers of two detectors": {
        "tiles": (1, 1),
        "dithers": 3,
        "detectors": ("NRCALONG", "NRCBLONG"),
    },
}
SHAPE, STARS, SHARE = (512, 512), 45, 0.8


def cell(found: Any) -> str:
    """Median and 95 % of the images' errors [mas]."""
    return "{:.2f}, {:.2f}".format(*np.percentile(np.asarray(found), (50.0, 95.0)))


def saved(correctors: list[Any], folder: Path) -> list[Any]:
    """Correctors made of WCS that were written to files, and of catalogs and names."""
    fresh = []
    for number, corrector in enumerate(correctors):
        path = folder / f"{number}.asdf"
        asdf.AsdfFile({"wcs": corrector.wcs}).write_to(path)
        with asdf.open(path, lazy_load=False, memmap=False) as file:
            wcs = file["wcs"]
        names = ("catalog", "name", "group_id", "detector", "visit")
        meta = {name: corrector.meta[name] for name in names}
        fresh.append(JWSTWCSCorrector(wcs, corrector.ref_angles, meta=meta))
    return fresh


def real(visit: str, kind: str) -> tuple[str, ...]:
    """The line of a visit with one reference."""
    images, joint = of_visit(visit, 0)
    _, both = of_visit(visit, 0)
    relative_align(both)
    with tempfile.TemporaryDirectory() as folder:
        between = saved(both, Path(folder))
    stars = sparse(np.random.default_rng(3), errors_given=kind.endswith("given"))
    ways = [absolute_align(given, stars) for given in (joint, both, between)]
    found = [cell(errors(aligned, images, relative=False)) for aligned in ways]
    return (f"visit {visit}, {kind}", *found)


def by_step(given: list[Path], folder: Path, reference: Path | None = None) -> list[Path]:
    """The results of a run of the step from files to files."""
    folder.mkdir()
    options = {"abs_refcat": str(reference)} if reference else {}
    TweakRegStep.call(
        *map(str, given),
        output_dir=str(folder),
        save_results=True,
        sip_approx=False,
        configure_log=False,
        **options,
    )
    return sorted(folder.glob("*_tweakreg.fits"))


def by_functions(given: list[Path], catalog: Path) -> list[Any]:
    """WCS by both functions on the catalogs that the step finds."""
    library = open_library([str(path) for path in given], in_memory=False, owned=False)
    names = [path.name for path in given]
    found = read_exposures(library, names, Parameters.of(TweakRegStep()), Path())
    correctors = relative_align(correctors_of(Groups.of(found.images)))
    return [corrector.wcs for corrector in absolute_align(correctors, str(catalog))]


def wcs_of(files: list[Path]) -> list[Any]:
    """The WCS in files."""
    found = []
    for path in files:
        with datamodels.open(path) as model:
            found.append(model.meta.wcs)
    return found


def simulated(name: str) -> tuple[str, ...]:
    """The line of a simulated scene."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        truth = simulate_mosaic(
            folder / "input",
            seed=11,
            shape=SHAPE,
            stars_per_image=STARS,
            reference_fraction=SHARE,
            flux_limits=(20.0, 3000.0),
            **SCENES[name],
        )
        images = sorted(truth.images, key=lambda image: image.file_name)
        given = [truth.folder / image.file_name for image in images]
        first = by_step(given, folder / "first")
        ways = (
            wcs_of(by_step(given, folder / "joint", truth.catalog)),
            by_functions(given, truth.catalog),
            wcs_of(by_step(first, folder / "second", truth.catalog)),
        )
        left = [
            [
                truth_error(wcs, image).rms_mas / np.sqrt(2.0)
                for wcs, image in zip(way, images, strict=True)
            ]
            for way in ways
        ]
    return (name, *map(cell, left))


def main() -> None:
    """Print and write the table."""
    quick = "--quick" in sys.argv[1:]
    warnings.simplefilter("ignore")
    print("Error per axis of an image [mas]: median, 95 %")
    rows = [simulated(name) for name in SCENES]
    print(*rows, sep="\n", flush=True)
    if not DATA.exists():
        print(f"The visits need the data in {DATA.name}: left out.")
    visits = () if quick or not DATA.exists() else VISITS
    for visit, kind in visits:
        rows.append(real(visit, kind))
        print(*rows[-1], sep="  ", flush=True)
    publish(__file__, "two_calls", (HEADER, rows), write=bool(visits))


if __name__ == "__main__":
    main()
