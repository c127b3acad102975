"""Detectors that lie off their exposure, and that lie elsewhere in the next visit; real geometry.

Data and catalogs are those of ``ceers.py``. First, three exposures of ten detectors in each of two
visits are aligned to the survey's HST catalog, each visit by itself and both in one run: between
the visits the detectors moved. The run is made with the motions of detectors and visits and without
them, and its processor time is given relative to the latter. Second, the detectors of a visit are
moved by up to 60 mas in any direction, and the reference has about eight stars a detector, known to
2 mas; counted are detectors that end more than 5 mas off the truth in an exposure. Third, the
groups and images of the visits that are doubted or left out, though nothing is wrong with them.

    python benchmarks/visits.py [runs]
    python benchmarks/visits.py doubts
"""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ceers import PLACES, catalog, correctors, errors, sources
from ceers_images import Image, read_visit
from tables import publish

from tweakreg_step import absolute_align, relative_align
from tweakreg_step.core.outcome import Standing

if TYPE_CHECKING:
    from astropy.table import Table

RUNS, TURNS = 3, 4
MOVED_PX = 60.0 / 31.0
SHARE, STAR_MAS = 0.08, 2.0
OFF_MAS = 5.0
STILL = {"detector_motion": "none", "visit_motion": "none"}


def of_visit(visit: str, seed: int) -> tuple[list[Image], list[Any]]:
    """The images of a visit, and their correctors with catalogs of all bright sources."""
    images, stars = read_visit(visit), sources()
    catalogs = [catalog(image, stars, int(visit) + 1000 * seed) for image in images]
    given = correctors(images, catalogs, "exposure")
    for corrector in given:
        corrector.meta["visit"] = visit
        corrector.meta["group_id"] = f"{visit} {corrector.meta['group_id']}"
    return images, given


def line(name: str, found: np.ndarray) -> tuple[str, ...]:
    """Median, 95 % and worst error of a detector."""
    return (name, *(f"{v:.2f}" for v in (*np.percentile(found, (50.0, 95.0)), found.max())))


def visits() -> list[tuple[str, ...]]:
    """The lines of two visits, apart and in one run; of the last, time with levels and without."""
    rows = []
    for visit in ("001", "002"):
        images, given = of_visit(visit, 0)
        found = errors(absolute_align(given, sources()), images, relative=False)
        rows.append((*line(f"visit {visit} by itself", found), "-"))
    found, without, ratio = both()
    name = "both visits in one run"
    rows.append((*line(name, found), f"{ratio:.2f}"))
    rows.append((*line(f"{name}, without these motions", without), "1"))
    return rows


def both() -> tuple[np.ndarray, np.ndarray, float]:
    """Errors of the images of both visits in one run, with motions and without; ratio of times.

    Both are run in turn, as the machine may have other things to do; the least time of each counts.
    """
    found, seconds = {}, {True: [], False: []}
    for moving in TURNS * (True, False):
        images, given = of_visit("001", 0)
        others, more = of_visit("002", 0)
        images, given = images + others, given + more
        stars, start = sources(), time.process_time()
        aligned = absolute_align(given, stars, **({} if moving else STILL))
        seconds[moving].append(time.process_time() - start)
        found[moving] = errors(aligned, images, relative=False)
    return found[True], found[False], min(seconds[True]) / min(seconds[False])


def sparse(rng: np.random.Generator, *, errors_given: bool) -> Table:
    """A twelfth of the stars, displaced by their errors."""
    table = sources()
    table = table[rng.random(len(table)) < SHARE]
    step = rng.normal(0.0, STAR_MAS / 3.6e6, (2, len(table)))
    table["RA"] = table["RA"] + step[0] / np.cos(np.deg2rad(table["DEC"]))
    table["DEC"] = table["DEC"] + step[1]
    if errors_given:
        for column in ("ra_error", "dec_error"):
            table[column] = STAR_MAS
            table[column].unit = "mas"
    return table


def moved(visit: str, seed: int, *, errors_given: bool) -> np.ndarray:
    """Errors of a visit's images whose detectors lie up to 60 mas off."""
    rng = np.random.default_rng(seed)
    images, given = of_visit(visit, seed)
    names = sorted({image.detector for image in images})
    angle, size = rng.uniform(0.0, 2.0 * np.pi, len(names)), rng.uniform(0.0, MOVED_PX, len(names))
    steps = size[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    offset = dict(zip(names, steps, strict=True))
    for corrector in given:
        dx, dy = offset[corrector.meta["detector"]]
        table = corrector.meta["catalog"]
        table["x"], table["y"] = table["x"] + dx, table["y"] + dy
    aligned = absolute_align(given, sparse(rng, errors_given=errors_given))
    # the truth of a pixel is that of the pixel before the move
    shifted = [
        replace(image, published=Shifted(image.published, *offset[image.detector]))
        for image in images
    ]
    return errors(aligned, shifted, relative=False)


class Shifted:
    """A WCS whose pixels are displaced."""

    def __init__(self, wcs: Any, dx: float, dy: float) -> None:
        self._wcs, self._step = wcs, (dx, dy)

    def forward_transform(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """RA and DEC [deg] of displaced pixels."""
        ra, dec = self._wcs.forward_transform(x - self._step[0], y - self._step[1])
        return ra, dec


def doubts() -> list[tuple[str, ...]]:
    """The lines of each visit, and of both: groups, and those in doubt; images, and those left."""
    rows = []
    for visit in ("001", "002", "001 and 002"):
        for reference in (None, sources(), sparse(np.random.default_rng(1), errors_given=True)):
            rows.append(_doubts(visit, reference))
            print(*rows[-1], sep="  ", flush=True)
    return rows


def _doubts(visit: str, reference: Table | None) -> tuple[str, ...]:
    given = [one for name in visit.split(" and ") for one in of_visit(name, 0)[1]]
    aligned = relative_align(given) if reference is None else absolute_align(given, reference)
    infos = [(one.meta["group_id"], one.meta["fit_info"]) for one in aligned]
    left = sum(info["status"].startswith("FAILED") for _, info in infos)
    verdicts = {
        group: [v for v in (info["relative"], info["absolute"]) if v is not None]
        for group, info in infos
        if "relative" in info
    }
    bad = [any(v.standing is not Standing.ALIGNED for v in own) for own in verdicts.values()]
    stars = "none" if reference is None else f"{len(reference)} stars"
    return visit, stars, str(len(bad)), str(sum(bad)), str(len(infos)), str(left)


DOUBTS = ("visit", "reference", "groups", "in doubt", "images", "left out")


def main() -> None:
    """Print and write the tables."""
    if sys.argv[1:] == ["doubts"]:
        warnings.simplefilter("ignore")
        publish(__file__, "visit_doubts", (DOUBTS, doubts()))
        return
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    warnings.simplefilter("ignore")
    print("Error per axis of a detector [mas]")
    publish(__file__, "visits", (("run", *PLACES, "time"), visits()), write=runs == RUNS)
    rows = []
    for visit in ("001", "002"):
        for given in (True, False):
            every = [moved(visit, seed, errors_given=given) for seed in range(runs)]
            off = sum(int((one > OFF_MAS).sum()) for one in every)
            name = f"visit {visit}, errors {'given' if given else 'not given'}"
            found = np.concatenate(every)
            rows.append((*line(name, found), f"{off} of {len(found)}"))
            print(*rows[-1], sep="  ", flush=True)
    header = ("run", *PLACES, f"over {OFF_MAS:.0f} mas")
    publish(__file__, "moved_detectors", (header, rows), write=runs == RUNS)
    publish(__file__, "visit_doubts", (DOUBTS, doubts()), write=runs == RUNS)


if __name__ == "__main__":
    main()
