"""Real NIRCam exposures: take the published correction out, align again, compare.

From ``../shared/data/ceers_nircam`` (JWST programme 1345): three dithers of ten detectors. The
correction that the survey published is taken out of each GWCS, which leaves the WCS as the archive
delivered it; the sources of the survey's HST catalog are rendered through the *published* WCS into
cal files; the step aligns them with that catalog as reference; each detector is compared with its
published WCS.

    python benchmarks/ceers_images.py [--visit 001] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asdf
import gwcs
import numpy as np
from astropy.table import Table
from tables import publish

from tweakreg_step import TweakRegStep, absolute_align, relative_align
from tweakreg_step.core.images import Groups
from tweakreg_step.exposures.read import read_exposures
from tweakreg_step.parameters.run_parameters import Parameters
from tweakreg_step.pipeline.correctors import correctors_of
from tweakreg_step.simulate import (
    Defects,
    Identity,
    Noise,
    Pointing,
    Psf,
    Settings,
    cal_model,
    nircam,
    observe,
    pixel_of,
    star_image,
)
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.telescopes.inputs import open_library

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "ceers_nircam"
REFERENCE = DATA / "hst_f160w_reference.ecsv"
SHAPE = (2048, 2048)


@dataclass(frozen=True)
class Image:
    """One detector of one exposure."""

    name: str
    detector: str
    dither: int
    published: gwcs.WCS
    delivered: gwcs.WCS
    info: dict[str, Any]


def uncorrected(wcs: gwcs.WCS) -> gwcs.WCS:
    """The WCS without its tangent-plane correction: as the archive delivered it."""
    steps = [(copy.deepcopy(step.frame), step.transform) for step in wcs.pipeline]
    at = wcs.available_frames.index("v2v3corr")
    # the frame before loses its transform (the correction), its successor's takes over
    steps[at - 1] = (steps[at - 1][0], steps[at][1])
    del steps[at]
    result = gwcs.WCS(steps)
    result.bounding_box = ((-0.5, SHAPE[1] - 0.5), (-0.5, SHAPE[0] - 0.5))
    return result


def read_visit(visit: str) -> list[Image]:
    """All images of a visit, in the order of their names."""
    images = []
    for path in sorted((DATA / "wcs").glob(f"jw01345{visit}001_*.asdf")):
        with asdf.open(path, lazy_load=False, memmap=False) as tree:
            wcs, info = tree["wcs"], dict(tree["wcsinfo"])
        _, _, exposure, detector, _ = path.stem.split("_")
        name = path.name.replace("_tweakreg.asdf", "_cal.fits")
        images.append(Image(name, detector.upper(), int(exposure), wcs, uncorrected(wcs), info))
    return images


def write_image(image: Image, folder: Path, visit: str) -> None:
    """Render the reference catalog's sources through the published WCS into a cal file."""
    sources = Table.read(REFERENCE)
    sources = sources[sources["MAG"] < 90.0]  # 99: not measured
    x, y = pixel_of(image.published, np.asarray(sources["RA"]), np.asarray(sources["DEC"]))
    flux = 10.0 ** (-0.4 * (np.asarray(sources["MAG"]) - 28.0))  # DN/s: MAG 24 has S/N of 200
    stars = star_image(x, y, flux, SHAPE, Psf(2.0))
    seed = (image.dither, *image.detector.encode())
    pixels = observe(stars, Noise(), Defects(), seed=seed)
    info = image.info
    pointing = Pointing(
        info["ra_ref"], info["dec_ref"], info["roll_ref"], info["v2_ref"], info["v3_ref"]
    )
    identity = Identity(
        program=1345, observation=int(visit), visit_group=2, sequence=2, exposure=image.dither
    )
    model = cal_model(
        pixels, image.delivered, nircam(image.detector), pointing, identity, Settings()
    )
    with model:
        for angle in ("v2_ref", "v3_ref", "roll_ref", "ra_ref", "dec_ref"):
            setattr(model.meta.wcsinfo, angle, float(info[angle]))
        model.meta.filename = image.name
        model.save(folder / image.name)


def write_association(images: list[Image], path: Path, grouping: str) -> None:
    """List the images; one group per detector, or per exposure."""
    group = {"detector": lambda i: i.name, "exposure": lambda i: f"exposure{i.dither}"}[grouping]
    members = [{"expname": i.name, "exptype": "science", "group_id": group(i)} for i in images]
    path.write_text(json.dumps({"products": [{"name": "ceers", "members": members}]}))


def distances(wcs: gwcs.WCS, image: Image) -> np.ndarray:
    """Distance from the published WCS on a grid of the detector [mas]."""
    x, y = (a.ravel() for a in np.meshgrid(*[np.linspace(0.0, 2047.0, 9)] * 2))
    found = direction(*wcs.forward_transform(x, y))
    return np.asarray(separation_mas(found, direction(*image.published.forward_transform(x, y))))


def with_step(association: Path, options: dict[str, Any]) -> list[tuple[gwcs.WCS, str]]:
    """WCS and status of each image, by Step.call on files."""
    library = TweakRegStep.call(
        str(association), in_memory=False, sip_approx=False, configure_log=False, **options
    )
    results = []
    with library:
        for index, model in enumerate(library):
            results.append((model.meta.wcs, model.meta.cal_step.tweakreg))
            library.shelve(model, index, modify=False)
    return results


def alone(images: list[Image], folder: Path, options: dict[str, Any]) -> list[tuple[Any, str]]:
    """As `with_step`, each image in a run of its own."""
    return [with_step(folder / image.name, options)[0] for image in images]


def with_functions(association: Path, options: dict[str, Any]) -> list[tuple[gwcs.WCS, str]]:
    """WCS and status of each image, by relative_align and absolute_align on correctors."""
    step = TweakRegStep(**options)
    library = open_library(str(association), in_memory=False, owned=False)
    names = [Path(m["expname"]).name for m in library.asn["products"][0]["members"]]
    found = read_exposures(library, names, Parameters.of(step), Path())
    correctors = correctors_of(Groups.of(found.images))
    method = options["align_method"]
    relative_align(correctors, expand_refcat=True, align_method=method)
    absolute_align(correctors, REFERENCE, align_method=method)
    return [(c.wcs, c.meta["fit_info"]["status"]) for c in correctors]


def row(name: str, results: list[tuple[gwcs.WCS, str]], images: list[Image]) -> tuple[str, ...]:
    """One line of the table: the median and worst rms of a detector, and how many are good."""
    rms = [
        float(np.sqrt(np.mean(distances(wcs, image) ** 2)))
        for (wcs, _), image in zip(results, images, strict=True)
    ]
    good = sum(status in {"COMPLETE", "SUCCESS"} for _, status in results)
    return (name, f"{np.median(rms):.2f}", f"{np.max(rms):.2f}", f"{good} of {len(images)}")


RUNS: tuple[tuple[str, dict[str, str]], ...] = (
    ("detector", {"align_method": "global"}),
    ("detector", {"align_method": "global", "fitgeometry": "rscale"}),
    ("detector", {"align_method": "sequential"}),
    ("exposure", {"align_method": "global"}),
    ("exposure", {"align_method": "global", "detector_motion": "none"}),
    ("exposure", {"align_method": "sequential"}),
)
HEADER = ("run", "median [mas]", "worst [mas]", "aligned")


def main() -> None:
    """Run everything, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visit", default="001")
    parser.add_argument("--folder", type=Path, help="keep the cal files here, and use them again")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = run(arguments.visit, folder)
    publish(__file__, "ceers_images", (HEADER, rows), write=arguments.visit == "001")


def run(visit: str, folder: Path) -> list[tuple[str, ...]]:
    """All runs on one visit; the lines of the table."""
    images = read_visit(visit)
    for image in images:
        if not (folder / image.name).exists():
            write_image(image, folder, visit)
    options = {"abs_refcat": str(REFERENCE), "kernel_fwhm": 2.0}
    rows: list[tuple[str, ...]] = []

    def add(name: str, results: list[tuple[gwcs.WCS, str]]) -> None:
        rows.append(row(name, results, images))
        print(*rows[-1], sep="  ", flush=True)

    print(
        f"Visit {visit}, {len(images)} images: distance from the published WCS, rms of a detector"
    )
    add("as delivered", [(image.delivered, "") for image in images])
    add("each detector in a run of its own (step)", alone(images, folder, options))
    for grouping, chosen in RUNS:
        association = folder / f"{grouping}_asn.json"
        write_association(images, association, grouping)
        given = [v if k != "detector_motion" else f"detector_motion={v}" for k, v in chosen.items()]
        name = ", ".join([f"one group per {grouping}", *given])
        add(f"{name} (step)", with_step(association, options | chosen))
        if len(chosen) == 1:
            add(f"{name} (functions)", with_functions(association, options | chosen))
    return rows


if __name__ == "__main__":
    main()
