"""What one exposure costs, part by part, in processor time: the least of several runs.

And the memory that the alignment keeps of it: its WCS and the correction, as bytes and numbers.

    python benchmarks/step_costs.py
"""

from __future__ import annotations

import copy
import gc
import shutil
import tempfile
import time
import tracemalloc
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sep
from astropy.table import Table
from stdatamodels.jwst import datamodels
from tables import publish

from tweakreg_step.core.images import Groups
from tweakreg_step.parameters.source_stages import (
    FinderParameters,
    SegmentationParameters,
)
from tweakreg_step.parameters.stages import (
    SipParameters,
)
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.simulate import simulate_mosaic
from tweakreg_step.solutions.fingerprint import fingerprint
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.sources.finders import candidates, subtract_background
from tweakreg_step.telescopes.jwst import JWST
from tweakreg_step.telescopes.jwst.update import update_wcs
from tweakreg_step.telescopes.roman import Roman
from tweakreg_step.telescopes.wcs import packed_corrector, plane_of
from tweakreg_step.telescopes.wcs.sip_forward import forward_within
from tweakreg_step.telescopes.wcs.sip_inverse import inverse_within
from tweakreg_step.telescopes.wcs.v2v3corr import correct

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.telescopes import View

TIMES, MANY, COPIES = 7, 100, 36
DEGREES = range(1, 6)
CENTRE, MOTION = (214.95, 52.95), (np.eye(2), np.full(2, 0.1))
FINDER, SEGMENTATION = FinderParameters(), SegmentationParameters()


def least(work: Callable[[], object]) -> float:
    """Milliseconds."""
    found = []
    for _ in range(TIMES):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return 1000.0 * min(found)


def corrected(view: View) -> Any:
    """A corrector with a correction."""
    corrector = JWST().corrector(view, Table(), "image", "group")
    correct(plane_of(corrector, corrector.bounding_box), CENTRE, MOTION, None)
    return corrector


def aligned(packed: Any) -> None:
    """What an alignment asks of a packed corrector beside the places of its sources."""
    plane = plane_of(packed, packed.bounding_box)
    plane.corners(), plane.pixel_scale, fingerprint(plane, plane.limits)
    correct(plane, CENTRE, MOTION, None)
    plane.corners(), fingerprint(plane, plane.limits)


def costs(path: Path, folder: Path) -> list[tuple[str, float]]:
    """Each part and its milliseconds."""
    telescope, model = JWST(), datamodels.open(path)
    (image,) = telescope.images(model)
    pixels, width = image.pixels(), image.fwhm
    sources = find_sources(pixels, "sep", FINDER, SEGMENTATION, width).sources
    catalog = Table({"x": sources.x, "y": sources.y})
    view = image.view()
    corrector = telescope.corrector(view, catalog, "image", "group")
    packed = packed_corrector(view, telescope, "image")
    assert packed is not None
    image_of_it = replace(images_of([corrector])[0], plane=plane_of(packed, packed.bounding_box))
    groups = Groups.of([image_of_it])
    new, wcs = corrected(view), model.meta.wcs
    sip, box = SipParameters(), image.bounding_box

    data = np.where(pixels.mask, 0.0, pixels.data).astype(np.float32)

    def by_gwcs() -> object:
        limits = {"max_pix_error": 0.01, "max_inv_pix_error": 0.01}
        degrees = {"degree": DEGREES, "inv_degree": DEGREES}
        return wcs.to_fits_sip(bounding_box=box, npoints=12, **degrees, **limits)

    def approximated() -> object:
        words = forward_within(wcs, box, 0.01, DEGREES, 12, None)
        return inverse_within(words or {}, wcs, box, 0.01, DEGREES[1:])

    def of_all_rows() -> None:
        side = FINDER.bkg_boxsize
        background = sep.Background(data.copy(), mask=pixels.mask, bw=side, bh=side)
        background.subfrom(data.copy())

    parts: list[tuple[str, Callable[[], object]]] = [
        ("read the file", lambda: telescope.open_to_read(path)),
        ("read it by stdatamodels", lambda: datamodels.open(path).data),
        ("masks", image.pixels),
        (
            "background of every fourth row, and its subtraction",
            lambda: subtract_background(data.copy(), ~pixels.mask, FINDER.bkg_boxsize),
        ),
        ("of all rows, by sep", of_all_rows),
        (
            "background and candidates",
            lambda: candidates(pixels, "sep", width, FINDER, SEGMENTATION),
        ),
        (
            "all of finding: those, positions, errors and flags",
            lambda: find_sources(pixels, "sep", FINDER, SEGMENTATION, width),
        ),
        (
            "tweakwcs corrector",
            lambda: telescope.corrector(view, catalog, "image", "group"),
        ),
        ("of it, the copy of the WCS", lambda: copy.deepcopy(wcs)),
        ("corrector and its correction, by tweakwcs", lambda: corrected(view)),
        ("packed corrector", lambda: packed_corrector(view, telescope, "image")),
        ("catalog to the sky, with slopes", lambda: gather(groups)),
        ("corners, marks and correction", lambda: aligned(packed)),
        ("corrected WCS, to be written", lambda: packed.wcs),
        ("SIP approximation and its inverse", approximated),
        ("those by gwcs", by_gwcs),
        (
            "WCS, footprint and SIP approximation into the model",
            lambda: update_wcs(model, new.wcs, sip),
        ),
        ("write the result, from file", lambda: written(telescope, path, folder / "written.fits")),
        ("open and save it by stdatamodels", lambda: saved(path, folder / "saved.fits")),
        ("copy the file, without more", lambda: shutil.copyfile(path, folder / "copied.fits")),
    ]
    least_of_each = [(name, least(work)) for name, work in parts]
    return [*least_of_each, (f"each of {COPIES} copies that stay", of_copies(path, folder))]


def of_copies(path: Path, folder: Path) -> float:
    """Processor time for a copy of a file, of many that stay as results do [ms]."""
    start = time.process_time()
    for number in range(COPIES):
        shutil.copyfile(path, folder / f"copy_{number}.fits")
    return 1000.0 * (time.process_time() - start) / COPIES


def saved(path: Path, target: Path) -> None:
    """The same by stdatamodels alone."""
    with datamodels.open(path) as model:
        model.save(target)


def written(telescope: JWST | Roman, path: Path, target: Path) -> None:
    """Write a result as the step does, without changes."""
    draft = telescope.open_to_write(path)
    with draft.model:
        draft.save(target)


def costs_of_roman(folder: Path) -> list[tuple[str, float]]:
    """Writing the result of one detector of Roman of 4088 x 4088 pixels."""
    scene = {"tiles": (1, 1), "dithers": 1, "detectors": ("WFI01",), "shape": (4088, 4088)}
    (path,) = simulate_mosaic(folder / "roman", seed=7, **scene).files
    telescope, target = Roman(), folder / "r.asdf"
    model = telescope.open(path)
    return [
        ("write a result of Roman, 4088^2", least(lambda: written(telescope, path, target))),
        ("write it by roman_datamodels", least(lambda: model.save(target))),
    ]


def kept(path: Path) -> float:
    """Bytes for each packed corrector with its correction, of many."""
    telescope, model = JWST(), datamodels.open(path)
    view, many = telescope.images(model)[0].view(), []
    aligned(packed_corrector(view, telescope, "image"))  # what is made once
    tracemalloc.start()
    for _ in range(MANY):
        many.append(packed_corrector(view, telescope, "image"))
        aligned(many[-1])
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / MANY


def main() -> None:
    """Print and write the table."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        truth = simulate_mosaic(folder, seed=7, tiles=(1, 1), dithers=1)
        spent = costs(truth.files[0], folder) + costs_of_roman(folder)
        rows = [(part, f"{ms:.0f}") for part, ms in spent]
        size = kept(truth.files[0]) / 1000.0
        memory = f"The alignment keeps {size:.0f} kB of the WCS of an exposure."
    publish(__file__, "step_costs", (("part", "ms"), rows), memory)


if __name__ == "__main__":
    main()
