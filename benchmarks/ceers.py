"""Real NIRCam WCS, simulated catalogs: how well the published WCS of each detector is found again.

From ``../shared/data/ceers_nircam``: the sources of the survey's HST catalog are projected through
the published WCS of each of the 30 detector images of a visit, with noise of 0.05 pixel, 20 %
missing and 30 % spurious sources; the WCS as delivered (without the published correction) are
aligned to each other, and to each other and the HST catalog; the result is compared with the
published WCS. The stock method takes minutes; without it the script only prints.

    python benchmarks/ceers.py [--quick]
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from astropy.table import Table
from ceers_images import REFERENCE, SHAPE, Image, read_visit
from tables import publish
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import absolute_align, relative_align
from tweakreg_step.core.sphere import directions, frames_of, to_plane
from tweakreg_step.simulate import pixel_of

NOISE_PX, MISSING, SPURIOUS = 0.05, 0.2, 0.3
FAINTEST = 25.0  # about 100 sources on a short-wavelength detector

RUNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("detector", {"fitgeometry": "rshift", "detector_motion": "none"}),
    ("detector", {"fitgeometry": "rscale", "detector_motion": "none"}),
    ("exposure", {"fitgeometry": "rshift", "detector_motion": "none"}),
    ("exposure", {"fitgeometry": "rshift", "detector_motion": "auto"}),
)
SEQUENTIAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("exposure", {"fitgeometry": "rshift", "align_method": "sequential"}),
    ("detector", {"fitgeometry": "rshift", "align_method": "sequential"}),
)
PLACES = ("median", "95 %", "worst")
HEADER = ("visit", "run", *(f"{kind}: {p}" for kind in ("relative", "absolute") for p in PLACES))


def sources() -> Table:
    """The sources of the HST catalog that are bright enough."""
    table = Table.read(REFERENCE)
    return table[table["MAG"] < FAINTEST]["RA", "DEC"]


def catalog(image: Image, stars: Table, seed: int) -> Table:
    """x, y [pixels] of an image."""
    rng = np.random.default_rng((seed, image.dither, *image.detector.encode()))
    x, y = pixel_of(image.published, np.asarray(stars["RA"]), np.asarray(stars["DEC"]))
    inside = (x > 0) & (x < SHAPE[1] - 1) & (y > 0) & (y < SHAPE[0] - 1)
    seen = inside & (rng.random(len(x)) >= MISSING)
    x, y = (axis[seen] + rng.normal(0.0, NOISE_PX, seen.sum()) for axis in (x, y))
    false = rng.uniform(0.0, SHAPE[0] - 1.0, (2, rng.poisson(SPURIOUS * len(x))))
    order = rng.permutation(len(x) + false.shape[1])
    return Table({"x": np.r_[x, false[0]][order], "y": np.r_[y, false[1]][order]})


def correctors(images: list[Image], catalogs: list[Table], grouping: str) -> list[Any]:
    """Correctors of the WCS as delivered."""
    result = []
    for image, table in zip(images, catalogs, strict=True):
        angles = {name: float(image.info[name]) for name in ("v2_ref", "v3_ref", "roll_ref")}
        group = image.name if grouping == "detector" else f"exposure {image.dither}"
        meta = {"catalog": table, "name": image.name, "group_id": group}
        meta["detector"] = image.detector
        result.append(JWSTWCSCorrector(image.delivered, angles, meta=meta))
    return result


def errors(aligned: list[Any], images: list[Image], *, relative: bool) -> np.ndarray:
    """Rms per axis [mas] of each detector; the relative one without the common rigid motion."""
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0.0, 2047.0, 7)] * 2))
    found, true = (
        np.concatenate([directions(*wcs.forward_transform(x, y)) for wcs in each])
        for each in ([c.wcs for c in aligned], [image.published for image in images])
    )
    step = to_plane(found, frames_of(true))
    if relative:
        middle = frames_of(true.mean(axis=0))
        place = to_plane(true, middle)
        turn = np.stack([-place[:, 1], place[:, 0]], axis=1).ravel()
        common = np.stack([np.tile([1.0, 0.0], len(step)), np.tile([0.0, 1.0], len(step)), turn])
        flat = step.ravel()
        step = (flat - common.T @ np.linalg.lstsq(common.T, flat, rcond=None)[0]).reshape(-1, 2)
    per_image = step.reshape(len(images), -1)
    return np.asarray(1000.0 * np.sqrt(np.mean(per_image**2, axis=1)))


def run(visit: str, runs: tuple[tuple[str, dict[str, Any]], ...]) -> list[tuple[str, ...]]:
    """The lines of one visit."""
    rows: list[tuple[str, ...]] = []
    images, stars = read_visit(visit), sources()
    catalogs = [catalog(image, stars, int(visit)) for image in images]
    for grouping, options in runs:
        start = time.perf_counter()
        cells: list[str] = []
        for relative in (True, False):
            given = correctors(images, catalogs, grouping)
            if relative:
                aligned = relative_align(given, expand_refcat=True, **options)
            else:
                absolute = {f"abs_{k}" if k == "fitgeometry" else k: v for k, v in options.items()}
                if options.get("align_method") == "sequential":
                    relative_align(given, expand_refcat=True, **options)
                aligned = absolute_align(given, stars, **absolute)
            found = errors(aligned, images, relative=relative)
            cells += [f"{v:.2f}" for v in (*np.percentile(found, (50.0, 95.0)), found.max())]
        named = [v if k == "fitgeometry" else f"{k} {v}" for k, v in options.items()]
        name = ", ".join([f"one group per {grouping}", *named])
        rows.append((visit, name, *cells))
        print(*rows[-1], f"{time.perf_counter() - start:.1f} s", sep="  ", flush=True)
    return rows


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the stock method")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    print("Error per axis of a detector [mas]: median, 95 %, worst; relative, then absolute")
    rows = [line for v in ("001", "002") for line in run(v, RUNS + (() if quick else SEQUENTIAL))]
    publish(__file__, "ceers", (HEADER, rows), write=not quick)


if __name__ == "__main__":
    main()
