"""How often the step is wrong, and how often it is shy: acceptance of noise and of the truth.

    python benchmarks/verdicts.py [trials]

Unrelated catalogs, of two groups or of a group and a reference, must be left alone; groups that
truly share stars must be aligned, with a correction that is right. For each instrument's footprint
the script prints how many of the trials were accepted, how many of those as doubtful, and for true
alignments how many were wrong: off by more than five of their own standard deviations and 2 mas.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from tweakreg_step.problem import Detections, Options, Reference, Solution
from tweakreg_step.register import register
from tweakreg_step.sphere import frames_at, from_plane, ra_dec

POLE = 53.1, -27.8  # degrees
CENTROID, STAR = 0.002, 0.001  # errors per axis [arcsec]


@dataclass(frozen=True)
class Field:
    """A group's detectors, squares of `side` [arcsec] at `centres` [arcsec], and its sources."""

    side: float
    centres: tuple[tuple[float, float], ...]
    sources: int

    def draw(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions (count, 2) [arcsec] evenly over the detectors, and their detectors."""
        detector = rng.integers(len(self.centres), size=count)
        place = rng.uniform(-0.5 * self.side, 0.5 * self.side, (count, 2))
        return place + np.array(self.centres)[detector], detector

    @property
    def area(self) -> float:
        """Square arcminutes."""
        return len(self.centres) * (self.side / 60.0) ** 2


_MODULE = [(x, y) for x in (-34.0, 34.0) for y in (-34.0, 34.0)]
SHORT = tuple((x + dx, y) for dx in (-88.0, 88.0) for x, y in _MODULE)
FIELDS = {
    "NIRCam SW, 8 detectors": Field(63.0, SHORT, 1600),
    "NIRCam SW, sparse": Field(63.0, SHORT, 200),
    "NIRCam LW, 2 detectors": Field(129.0, ((-88.0, 0.0), (88.0, 0.0)), 400),
    "NIRISS": Field(133.0, ((0.0, 0.0),), 200),
    "MIRI": Field(92.0, ((0.0, 0.0),), 200),
    "MIRI, sparse": Field(92.0, ((0.0, 0.0),), 40),
}
DENSITIES = 1.0, 3.0, 10.0, 30.0, 100.0, 300.0  # reference stars per square arcminute
OPTIONS = Options(fitgeometry="rshift", detector_motion="none")


def sky(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RA, DEC [deg] of positions (N, 2) [arcsec] around the pole of the scenes."""
    frame = frames_at(np.array([POLE[0]]), np.array([POLE[1]]))
    return ra_dec(from_plane(place, np.broadcast_to(frame, (len(place), 3, 3))))


def detections(catalogs: list[tuple[np.ndarray, np.ndarray]]) -> Detections:
    """One group for each catalog of places and detectors."""
    ra, dec = sky(np.concatenate([place for place, _ in catalogs]))
    size = [len(place) for place, _ in catalogs]
    group = np.repeat(np.arange(len(catalogs)), size)
    image = np.concatenate([100 * k + detector for k, (_, detector) in enumerate(catalogs)])
    return Detections.simple(ra, dec, group, CENTROID, np.unique(image, return_inverse=True)[1])


def reference_of(place: np.ndarray) -> Reference:
    """A reference catalog of places."""
    covariance = np.broadcast_to(STAR**2 * np.eye(2), (len(place), 2, 2))
    return Reference(*sky(place), covariance)


def unrelated_groups(field: Field, seed: int) -> Solution:
    rng = np.random.default_rng((seed, 1))
    catalogs = [field.draw(rng, rng.poisson(field.sources)) for _ in range(2)]
    return register(detections(catalogs), 2, None, OPTIONS)


def unrelated_reference(field: Field, density: float, seed: int) -> Solution:
    rng = np.random.default_rng((seed, 2))
    own = field.draw(rng, rng.poisson(field.sources))
    half = np.abs(np.array(field.centres)).max() + 0.5 * field.side + 10.0
    count = rng.poisson(density * (2.0 * half / 60.0) ** 2)
    stars = rng.uniform(-half, half, (count, 2))
    return register(detections([own]), 1, reference_of(stars), OPTIONS)


def displaced(place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions as a telescope with a usual pointing error reports them."""
    roll = np.deg2rad(rng.normal(0.0, 60.0) / 3600.0)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return place @ turn.T + rng.normal(0.0, 0.3, 2)


def related(field: Field, shared: int, seed: int, *, reference: bool) -> tuple[Solution, float]:
    """A solution of catalogs that share stars, and its error [in its sigmas, at 2 mas least]."""
    rng = np.random.default_rng((seed, 3, shared))
    stars, detector = field.draw(rng, shared)
    catalogs, motions = [], []
    for number in range(1 if reference else 2):
        seen = stars + rng.normal(0.0, CENTROID, stars.shape)
        noise, where = field.draw(rng, shared)
        rows = np.concatenate([seen, noise]), np.concatenate([detector, where])
        state = rng.bit_generator.state
        moved = displaced(rows[0], rng)
        rng.bit_generator.state = state
        motions.append(displaced(stars, rng))
        catalogs.append((moved, rows[1]))
    if not reference:
        found = register(detections(catalogs), 2, None, OPTIONS)
        return found, _error(found, motions[1] - motions[0], motions)
    known = np.concatenate([stars + rng.normal(0.0, STAR, stars.shape), field.draw(rng, shared)[0]])
    found = register(detections(catalogs), 1, reference_of(known), OPTIONS)
    return found, _error(found, motions[0] - stars, [stars, motions[0]])


def _error(found: Solution, offset: np.ndarray, places: list[np.ndarray]) -> float:
    """Rms [mas] by which shared stars differ after the correction, without their noise."""
    moved = [
        _corrected(found, group, place) for group, place in enumerate(places[-len(found.status) :])
    ]
    one, other = (moved[0], moved[1]) if len(moved) == 2 else (places[0], moved[0])
    return 1000.0 * float(np.sqrt(np.mean((one - other) ** 2))) + 0.0 * float(offset.sum())


def _corrected(found: Solution, group: int, place: np.ndarray) -> np.ndarray:
    from tweakreg_step.correction import move

    ra, dec = sky(place)
    centre = float(found.ra[group]), float(found.dec[group])
    ra, dec = move(ra, dec, centre, found.matrix[group], found.shift[group])
    d = np.deg2rad(POLE[1])
    return (
        np.stack([(ra - POLE[0]) * np.cos(np.deg2rad(dec)), dec - POLE[1]], axis=1) * 3600.0 + 0 * d
    )


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    import time

    for name, field in FIELDS.items():
        t = time.time()
        n = sum(
            s.name == "ALIGNED"
            for k in range(trials)
            for s in unrelated_groups(field, k).status[:1]
        )
        print(f"{name:30} unrelated groups: {n} of {trials}   {time.time() - t:.1f} s", flush=True)
        for density in DENSITIES:
            t = time.time()
            n = sum(
                unrelated_reference(field, density, k).status[0].name == "ALIGNED"
                for k in range(trials)
            )
            print(
                f"{name:30} reference {density:5.0f}: {n} of {trials}   {time.time() - t:.1f} s",
                flush=True,
            )
        for ref in (False, True):
            good, wrong = 0, 0
            for k in range(trials):
                s, e = related(field, 15, k, reference=ref)
                if s.status[0].name == "ALIGNED":
                    good += 1
                    wrong += e > 5
                else:
                    print(k, s.status[0].name, end=" ")
            print(f"{name:30} true, reference {ref}: {good} of {trials}, wrong {wrong}", flush=True)
