"""How often scenes without artefacts of the detector are doubted for a second peak of offsets.

    python benchmarks/second_peaks.py [--trials 60] [--share 0.15]

Crowded fields, doubles, spikes, saturated stars in pieces, trails and clusters have pairs of
detections at other offsets than the true one. Two exposures of a scene have nothing else to vouch
for them, so that each significant second peak is told. ``--share 0`` shows what the limit on the
share of a second peak is worth.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from tables import publish

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.matching.false_matches import second_peak
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec
from tweakreg_step.simulate.sky import (
    Scene,
    Setup,
    displacement_errors,
    joined,
    layout,
    make_scene,
)

SIGMA = 0.002  # arcsec
WRONG = 0.02  # arcsec, at the corners: ten times what noise alone gives
SHORT = [[x + d, y] for d in (-88.0, 88.0) for x in (-34.0, 34.0) for y in (-34.0, 34.0)]
HEXAGON = 1.3 * np.array([[np.cos(a), np.sin(a)] for a in np.pi / 3.0 * np.arange(6)])
Extra = Callable[[Scene, np.random.Generator], Detections]


def beside(given: Detections, which: np.ndarray, offset: np.ndarray) -> Detections:
    """Detections at offsets (K, 2) [arcsec] from some of those given."""
    own = given.take(which)
    offset = offset + np.random.default_rng(len(which)).normal(0.0, SIGMA, (len(which), 2))
    ra, dec = ra_dec(from_plane(offset, frames_at(own.ra, own.dec)))
    return replace(own, ra=ra, dec=dec, unit_xy=own.unit_xy + offset)


def some(scene: Scene, part: float) -> np.ndarray:
    """Detections of a part of the stars, the same in all exposures."""
    chosen = np.random.default_rng(5).random(int(scene.star.max()) + 1) < part
    return np.flatnonzero((scene.star >= 0) & chosen[scene.star])


def doubles(scene: Scene, _: np.random.Generator) -> Detections:
    which, rng = some(scene, 0.3), np.random.default_rng(6)
    vector = rng.normal(size=(int(scene.star.max()) + 1, 2))
    vector *= (rng.uniform(0.3, 2.0, len(vector)) / np.hypot(*vector.T))[:, None]
    return beside(scene.detections, which, vector[scene.star[which]])


def spikes(part: float) -> Extra:
    """Six companions of 40 per cent of the stars, of which an image shows a part."""

    def extra(scene: Scene, rng: np.random.Generator) -> Detections:
        which = some(scene, 0.4)
        seen = [which[rng.random(len(which)) < part] for _ in HEXAGON]
        pairs = zip(seen, HEXAGON, strict=True)
        return joined([beside(scene.detections, own, vector) for own, vector in pairs])

    return extra


def pieces(scene: Scene, rng: np.random.Generator) -> Detections:
    which = np.repeat(some(scene, 0.05), 8)
    return beside(scene.detections, which, rng.uniform(-1.5, 1.5, (len(which), 2)))


def trail(scene: Scene, _: np.random.Generator) -> Detections:
    """Twelve detections on a line in each image, which moves."""
    parts = []
    for group in range(scene.group_count):
        first = np.flatnonzero(scene.detections.group == group)[:1]
        line = np.linspace(-1.0, 1.0, 12)[:, None] * np.array([2.0, 1.0])
        line = line + np.array([3.0, 5.0]) + group * np.array([0.7, 0.3])
        parts.append(beside(scene.detections, np.repeat(first, 12), line))
    return joined(parts)


def clusters(scene: Scene, _: np.random.Generator) -> Detections:
    """Twenty more sources, always the same, within 3 arcsec of each of a tenth of the stars."""
    which = np.repeat(some(scene, 0.1), 20)
    places = np.random.default_rng(7).normal(0.0, 1.5, (int(scene.star.max()) + 1, 20, 2))
    number = np.tile(np.arange(20), len(which) // 20)
    return beside(scene.detections, which, places[scene.star[which], number])


def nothing(scene: Scene, _: np.random.Generator) -> Detections:
    return scene.detections.take(np.zeros(0, np.int64))


CLOSE = 0.15 * layout("stack", 2)
PLAIN = Setup(CLOSE, spurious=0.3)
SCENES: dict[str, tuple[Setup, Extra]] = {
    "130 stars": (PLAIN, nothing),
    "15 stars, as many spurious": (replace(PLAIN, density=0.006, spurious=1.0), nothing),
    "crowded, 1 per square arcsecond": (replace(PLAIN, density=1.0), nothing),
    "8 detectors": (replace(PLAIN, detectors=np.array(SHORT), density=0.02), nothing),
    "3 x 3 mosaic": (replace(PLAIN, centres=layout("mosaic", 3, 0.25)), nothing),
    "30 % doubles": (PLAIN, doubles),
    "spikes, all seen": (PLAIN, spikes(1.0)),
    "spikes, half seen": (PLAIN, spikes(0.5)),
    "saturated stars in pieces": (PLAIN, pieces),
    "a moving trail": (PLAIN, trail),
    "clusters": (PLAIN, clusters),
}


def row(setup: Setup, extra: Extra, trials: int) -> tuple[str, ...]:
    """Groups aligned, doubtful for another offset, doubtful else, left alone, and wrong."""
    counts = np.zeros(5, int)
    for seed in range(trials):
        scene = make_scene(setup, seed)
        more = extra(scene, np.random.default_rng((seed, 1)))
        given = joined([scene.detections, more])
        found = solve_jointly(given, scene.group_count, None, Options(minobj=6))
        error = displacement_errors(
            scene, (found.groups.ra, found.groups.dec), found.groups.matrix, found.groups.shift
        )
        wrong = np.abs(error - error.mean(axis=0)).max(axis=(1, 2)) > WRONG
        for verdict, bad in zip(found.relative, wrong, strict=True):
            other = verdict.code in {"second_peak", "same_pixels"}
            doubtful = verdict.standing is Standing.DOUBTFUL
            left = verdict.standing is Standing.LEFT
            kinds = not (doubtful or left), other, doubtful and not other, left
            counts += np.array([*kinds, verdict.applied and bad], int)
    return tuple(str(number) for number in counts)


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--share", type=float, default=second_peak._SHARE)  # noqa: SLF001 - tried
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    second_peak._SHARE = options.share  # noqa: SLF001 - the limit is what is measured
    head = "scene", "aligned", "another offset", "other doubts", "left alone", "wrong"
    rows = [(name, *row(*scene, options.trials)) for name, scene in SCENES.items()]
    publish(__file__, "second_peaks", (head, rows), write=options == parser.parse_args([]))


if __name__ == "__main__":
    main()
