"""How often the step is wrong, and how often it is shy: noise accepted, truth left alone.

    python benchmarks/verdicts.py [--trials 1000] [--instrument NIRISS]
    python benchmarks/verdicts.py --sequential 10
    python benchmarks/verdicts.py --deceptions
    python benchmarks/verdicts.py --silence

Unrelated catalogs, of two groups or of a group and a reference, must be left alone; groups that
share stars must be aligned, and rightly. A third of the trials with unrelated catalogs are pairs of
groups, the others are groups against reference catalogs of six densities.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table
from silence import SILENT, silence
from tables import publish, rst_table
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import relative_align
from tweakreg_step.alignment.assess_sequential import assess
from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.correction import move
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.exceptions import AlignmentError
from tweakreg_step.core.images import Groups
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing
from tweakreg_step.core.sphere import directions, frames_at, from_plane, ra_dec, to_plane
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.simulate import nircam
from tweakreg_step.simulate.optics import Pointing, detector_wcs, pixel_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tweakreg_step.core.evidence import Finding
    from tweakreg_step.core.solution import Solution

POLE = 53.1, -27.8  # degrees
CENTROID, STAR = 0.002, 0.001  # errors per axis [arcsec]
SHARED = 15  # true matches, and as many spurious sources in each catalog
DENSITIES = 1.0, 3.0, 10.0, 30.0, 100.0, 300.0  # reference stars per square arcminute
OPTIONS = Options(detector_motion="none")
PIXEL = 0.0629  # arcsec, of the detector that stands for all where a WCS is needed


@dataclass(frozen=True)
class Field:
    """A group's detectors, squares of `side` [arcsec] at `centres` [arcsec], sources, trials."""

    side: float
    centres: tuple[tuple[float, float], ...]
    sources: int
    trials: int = 1000

    def draw(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions (count, 2) [arcsec] evenly over the detectors, and their detectors."""
        detector = rng.integers(len(self.centres), size=count)
        place = rng.uniform(-0.5 * self.side, 0.5 * self.side, (count, 2))
        return place + np.array(self.centres)[detector], detector

    @property
    def half(self) -> float:
        """Half of the side of a square around all detectors, with 10 arcsec to spare."""
        return float(np.abs(np.array(self.centres)).max()) + 0.5 * self.side + 10.0


_SHORT = tuple((x + dx, y) for dx in (-88.0, 88.0) for x in (-34.0, 34.0) for y in (-34.0, 34.0))
FIELDS = {
    "NIRISS": Field(133.0, ((0.0, 0.0),), 200),
    "MIRI": Field(92.0, ((0.0, 0.0),), 200),
    "MIRI, sparse": Field(92.0, ((0.0, 0.0),), 40),
    "NIRCam LW, 2 detectors": Field(129.0, ((-88.0, 0.0), (88.0, 0.0)), 400),
    "NIRCam SW, 8 detectors": Field(63.0, _SHORT, 1600, 360),
    "NIRCam SW, sparse": Field(63.0, _SHORT, 200, 360),
}


# ---- catalogs


def sky(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RA, DEC [deg] of positions (N, 2) [arcsec] around the pole of the scenes."""
    return ra_dec(from_plane(place, frames_at(*POLE)))


def detections(catalogs: list[tuple[np.ndarray, np.ndarray]]) -> Detections:
    """One group for each catalog of places and detectors."""
    ra, dec = sky(np.concatenate([place for place, _ in catalogs]))
    size = [len(place) for place, _ in catalogs]
    group = np.repeat(np.arange(len(catalogs)), size)
    image = np.concatenate([100 * k + detector for k, (_, detector) in enumerate(catalogs)])
    return Detections.simple(ra, dec, group, CENTROID, np.unique(image, return_inverse=True)[1])


def stars_of(place: np.ndarray) -> Reference:
    """A reference catalog of places."""
    covariance = np.broadcast_to(STAR**2 * np.eye(2), (len(place), 2, 2))
    return Reference(*sky(place), covariance)


def unrelated_groups(where: Field, seed: int) -> Solution:
    """Two groups that share nothing."""
    rng = np.random.default_rng((seed, 1))
    catalogs = [where.draw(rng, rng.poisson(where.sources)) for _ in range(2)]
    return solve_jointly(detections(catalogs), 2, None, OPTIONS)


def unrelated_reference(where: Field, density: float, seed: int) -> Solution:
    """A group and stars that it does not see."""
    rng = np.random.default_rng((seed, 2))
    own = where.draw(rng, rng.poisson(where.sources))
    count = rng.poisson(density * (2.0 * where.half / 60.0) ** 2)
    stars = rng.uniform(-where.half, where.half, (count, 2))
    return solve_jointly(detections([own]), 1, stars_of(stars), OPTIONS)


@dataclass(frozen=True)
class Pair:
    """Catalogs that share stars, and where each of them puts those, without noise."""

    catalogs: list[tuple[np.ndarray, np.ndarray]]
    shared: list[np.ndarray]
    stars: np.ndarray
    reference: np.ndarray


def related(where: Field, seed: int) -> Pair:
    """Two groups and a reference of the same stars, each with as many of its own."""
    rng = np.random.default_rng((seed, 3))
    stars, detector = where.draw(rng, SHARED)
    catalogs, shared = [], []
    for _ in range(2):
        roll = np.deg2rad(rng.normal(0.0, 60.0) / 3600.0)
        turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        shift = rng.normal(0.0, 0.3, 2)
        noise, place = where.draw(rng, SHARED)
        seen = stars + rng.normal(0.0, CENTROID, stars.shape)
        every = np.concatenate([seen, noise]) @ turn.T + shift
        catalogs.append((every, np.concatenate([detector, place])))
        shared.append(stars @ turn.T + shift)
    own, _ = where.draw(rng, SHARED)
    known = np.concatenate([stars + rng.normal(0.0, STAR, stars.shape), own])
    return Pair(catalogs, shared, stars, known)


def error(found: Solution, places: list[np.ndarray], truth: np.ndarray | None) -> float:
    """Rms per axis [arcsec] of the shared stars' places after the correction, noise left out."""
    frame, moved = frames_at(*POLE), []
    for group, place in enumerate(places):
        centre = float(found.groups.ra[group]), float(found.groups.dec[group])
        ra, dec = move(*sky(place), centre, found.groups.matrix[group], found.groups.shift[group])
        moved.append(to_plane(directions(ra, dec), frame))
    other = moved[1] if truth is None else truth
    return float(np.sqrt(np.mean((moved[0] - other) ** 2)))


# ---- counts


@dataclass
class Count:
    """How many of the trials were accepted, as doubtful, and wrong; of the chance of all."""

    trials: int = 0
    accepted: int = 0
    doubtful: int = 0
    wrong: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, verdict: Finding, error_sigmas: float = 0.0) -> None:
        """One more trial."""
        self.trials += 1
        self.accepted += verdict.applied
        self.doubtful += verdict.standing is Standing.DOUBTFUL
        self.wrong += verdict.applied and error_sigmas > 5.0
        if verdict.code != "aligned":
            self.reasons[verdict.code] = self.reasons.get(verdict.code, 0) + 1

    def cells(self) -> tuple[str, ...]:
        """For a table."""
        reasons = ", ".join(f"{code} {n}" for code, n in sorted(self.reasons.items()))
        shown = (self.trials, self.accepted, self.doubtful, self.wrong)
        return (*(str(n) for n in shown), reasons, f"{1e3 * self.seconds / self.trials:.0f}")


def noise_counts(where: Field, trials: int) -> Iterator[tuple[str, Count]]:
    """Unrelated catalogs."""
    pairs, each = trials - 6 * (trials // 9), trials // 9
    count, start = Count(), time.process_time()
    for seed in range(pairs):
        count.add(unrelated_groups(where, seed).relative[0])
    yield "unrelated groups", replace(count, seconds=time.process_time() - start)
    for density in DENSITIES:
        count, start = Count(), time.process_time()
        for seed in range(each):
            count.add(unrelated_reference(where, density, seed).absolute[0])
        name = f"unrelated reference, {density:.0f} per square arcminute"
        yield name, replace(count, seconds=time.process_time() - start)


def truth_counts(where: Field, trials: int) -> Iterator[tuple[str, Count]]:
    """Catalogs that share stars."""
    for absolute in (False, True):
        noise = np.hypot(CENTROID, STAR if absolute else CENTROID)
        sigma = noise * np.sqrt(3.0 / (2.0 * SHARED))  # three parameters from 2 n numbers
        count, start = Count(), time.process_time()
        for seed in range(trials):
            pair = related(where, seed)
            if absolute:
                catalog = detections(pair.catalogs[:1])
                found = solve_jointly(catalog, 1, stars_of(pair.reference), OPTIONS)
                off = error(found, pair.shared[:1], pair.stars)
                count.add(found.absolute[0], off / sigma)
            else:
                found = solve_jointly(detections(pair.catalogs), 2, None, OPTIONS)
                count.add(found.relative[0], error(found, pair.shared, None) / sigma)
        name = f"{SHARED} shared stars, {'group and reference' if absolute else 'two groups'}"
        yield name, replace(count, seconds=time.process_time() - start)


# ---- one after another


def corrector(where: Field, place: np.ndarray, number: int) -> JWSTWCSCorrector:
    """One image as wide as the field, and its catalog."""
    side = int(2.0 * where.half / PIXEL)
    detector = nircam("NRCALONG", (side, side))
    pointing = Pointing(*POLE, 0.0, detector.v2_ref, detector.v3_ref)
    wcs = detector_wcs(detector, pointing)
    x, y = pixel_of(wcs, *sky(place))
    angles = {"v2_ref": detector.v2_ref, "v3_ref": detector.v3_ref, "roll_ref": 0.0}
    catalog = Table({"x": x, "y": y, "x_err": x * 0 + 0.03, "y_err": x * 0 + 0.03})
    meta = {"catalog": catalog, "name": f"{number}.fits", "group_id": number}
    return JWSTWCSCorrector(wcs, angles, meta=meta)


def sequential(where: Field, places: list[np.ndarray]) -> tuple[bool, Finding | None]:
    """Whether tweakwcs claims to have aligned two groups, and the verdict on that."""
    correctors = [corrector(where, place, number) for number, place in enumerate(places)]
    try:
        relative_align(correctors, align_method="sequential")
    except AlignmentError:
        return False, None
    states = [c.meta.get("fit_info", {}).get("status") for c in correctors]
    claimed = np.array([state in {"SUCCESS", "REFERENCE"} for state in states])
    detections = gather(Groups.of(images_of(correctors)))
    return bool(claimed.all()), assess(detections, claimed, None, OPTIONS).relative[1]


def sequential_counts(where: Field, trials: int) -> Iterator[tuple[str, ...]]:
    """Rows: trials, how many tweakwcs accepts, and how many of these the verdict does."""
    for name in ("unrelated groups", f"{SHARED} shared stars, two groups"):
        claims = accepted = 0
        for seed in range(trials):
            rng = np.random.default_rng((seed, 1))
            places = [where.draw(rng, rng.poisson(where.sources))[0] for _ in range(2)]
            if name != "unrelated groups":
                places = [place for place, _ in related(where, seed).catalogs]
            claimed, verdict = sequential(where, places)
            claims += claimed
            accepted += claimed and verdict is not None and verdict.applied
        yield name, str(trials), str(claims), str(accepted)


# ---- what deceives the search


def judged(found: Solution, shift: np.ndarray) -> tuple[bool, bool, bool, bool]:
    """Of two groups, the second displaced: aligned, and wrongly; doubtful, and wrongly.

    Wrong is 10 mas or more from the truth.
    """
    wrong = bool(np.hypot(*(found.groups.shift[1] - found.groups.shift[0] + shift)) > 0.01)
    decision = found.relative[1].standing
    aligned, doubtful = decision is Standing.ALIGNED, decision is Standing.DOUBTFUL
    return aligned, aligned and wrong, doubtful, doubtful and wrong


def dithered(
    rng: np.random.Generator, counts: tuple[int, int], dither: float, *, known: bool
) -> tuple[bool, bool, bool, bool]:
    """Two exposures of stars with hot pixels, pointing errors of 0.3 arcsec per axis.

    Header and telescope differ by the pointing error: stars are displaced by it, hot pixels are
    where the header puts their pixels.
    """
    where = FIELDS["MIRI"]
    stars, hot = (where.draw(rng, count)[0] for count in counts)
    shift, step = rng.normal(0.0, 0.3, 2), np.array([dither, 0.0])
    pixels = [np.concatenate([stars, hot]), np.concatenate([stars + shift - step, hot])]
    pixels = [place + rng.normal(0.0, CENTROID, place.shape) for place in pixels]
    catalogs = [
        (place + offset, np.zeros(len(place), int))
        for place, offset in zip(pixels, (0.0, step), strict=True)
    ]
    given = detections(catalogs)
    if known:
        unit = np.zeros(len(given), int)
        given = replace(given, unit=unit, unit_xy=np.concatenate(pixels))
    return judged(solve_jointly(given, 2, None, OPTIONS), shift)


def gridded(rng: np.random.Generator, offset: float) -> tuple[bool, bool, bool, bool]:
    """Two groups on a grid with a period of 3 arcsec."""
    axis, shift = np.arange(-30.0, 30.0, 3.0), np.array([offset, 0.0])
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    places = [grid + rng.normal(0.0, CENTROID, grid.shape) for _ in range(2)]
    none = np.zeros(len(grid), int)
    given = detections([(places[0], none), (places[1] + shift, none)])
    return judged(solve_jointly(given, 2, None, OPTIONS), shift)


STARS = 40
HOT = 20, 40, 68, 100, 160
"""Hot pixels: 0.5 to 4 times the stars."""


def deceptions(trials: int) -> Iterator[tuple[str, ...]]:
    """Rows: what, trials, aligned without a doubt, and wrongly, doubtful, and wrongly."""
    for known in (False, True):
        for hot, dither in (*((n, 1.8) for n in HOT), (100, 4.0), (40, 0.0)):
            what = f"{STARS} stars, {hot} hot pixels, dither {dither} arcsec"
            numbers = [
                dithered(np.random.default_rng((seed, 4)), (STARS, hot), dither, known=known)
                for seed in range(trials)
            ]
            row = f"{what}, detector {'known' if known else 'unknown'}"
            yield row, str(trials), *(str(n) for n in np.sum(numbers, axis=0))
    for offset in (0.4, 2.6):
        numbers = [gridded(np.random.default_rng((seed, 5)), offset) for seed in range(trials)]
        row = f"grid of stars, period 3 arcsec, off by {offset} arcsec"
        yield row, str(trials), *(str(n) for n in np.sum(numbers, axis=0))


DETAILS = ("catalogs", "trials", "accepted", "doubtful", "wrong", "codes", "ms each")
HEADER = (
    "instrument", "unrelated groups: accepted", "unrelated references: accepted",
    "true, two groups: accepted", "true, reference: accepted", "of these doubtful",
    "of these wrong",
)  # fmt: skip
CLAIMS = ("instrument", "catalogs", "trials", "accepted by tweakwcs", "and by the verdict")
DECEIVED = ("catalogs", "trials", "aligned", "wrongly", "doubtful", "wrongly")


def rates(name: str, where: Field, trials: int) -> tuple[str, ...]:
    """The line of an instrument; what it is the sum of is printed."""
    noise, truth = list(noise_counts(where, trials)), list(truth_counts(where, trials))
    print(name)
    print(rst_table(DETAILS, [(what, *count.cells()) for what, count in noise + truth]), flush=True)

    def accepted(counts: Sequence[tuple[str, Count]]) -> str:
        return f"{sum(c.accepted for _, c in counts)} of {sum(c.trials for _, c in counts)}"

    parts = noise[:1], noise[1:], truth[:1], truth[1:]
    sums = sum(c.doubtful for _, c in truth), sum(c.wrong for _, c in truth)
    return (name, *(accepted(part) for part in parts), *(str(n) for n in sums))


def main() -> None:
    """Print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, help="of each instrument")
    parser.add_argument("--instrument", default="", help="start of the name, such as 'MIRI'")
    parser.add_argument("--sequential", type=int, default=0, help="trials of the other method")
    parser.add_argument("--deceptions", action="store_true", help="what deceives the search")
    parser.add_argument("--silence", action="store_true", help="what may be wrong in silence")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.silence:
        rows = silence(options.trials)
        publish(__file__, "silence", (SILENT, rows), write=not options.trials)
        return
    if options.deceptions:
        rows = list(deceptions(options.trials or 60))
        publish(__file__, "deceptions", (DECEIVED, rows), write=not options.trials)
        return
    fields = {n: where for n, where in FIELDS.items() if n.startswith(options.instrument)}
    if options.sequential:
        for name, where in fields.items():
            rows = [(name, *row) for row in sequential_counts(where, options.sequential)]
            print(rst_table(CLAIMS, rows), flush=True)
        return
    rows = [rates(n, where, options.trials or where.trials) for n, where in fields.items()]
    publish(__file__, "verdicts", (HEADER, rows), write=options == parser.parse_args([]))


if __name__ == "__main__":
    main()
