"""Scenes in which an alignment may be wrong and not say so; catalogs alone, for ``verdicts.py``.

Each scene has exposures with known positions of all stars. Wrong in silence is a scene in which an
image that was aligned, in a group without a doubt, is more than 10 mas from where most of those
are, at its middle or, by its roll, at its edge; in vain is a doubt, or an image left alone, in a
scene with nothing wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.residuals import corrected_directions
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec, to_plane, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.solution import Solution

POLE = 53.1, -27.8  # degrees
SIGMA = 0.002  # arcsec per axis
LIMIT = 0.010  # arcsec
SIDE = 60.0  # of a detector [arcsec]
OPTIONS = Options(detector_motion="auto")


@dataclass(frozen=True)
class Scene:
    """Catalogs, their truth, and whether nothing is wrong.

    Attributes
    ----------
    given, reference, groups
        Input of the alignment.
    true
        (N, 2) true positions [arcsec], NaN for what is no star.
    part
        (I,) number of the part of the sky that each image sees: parts are not compared.
    innocent
        Whether a doubt would be in vain.
    """

    given: Detections
    groups: int
    true: np.ndarray
    reference: Reference | None = None
    part: np.ndarray | None = None
    innocent: bool = False


class Table:
    """Detections of a scene, image by image."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rows: list[np.ndarray] = []

    def add(
        self, label: tuple[int, int, int], pixel: np.ndarray, seen: np.ndarray, true: np.ndarray
    ) -> None:
        """One image: label of group, image, detector; positions on it, by its WCS, and truly."""
        noise = self.rng.normal(0.0, SIGMA, seen.shape)
        columns = (seen + noise, pixel + noise, true, np.tile(label, (len(seen), 1)))
        self.rows.append(np.column_stack(columns))

    def scene(self, *, known: bool = True, **more: object) -> Scene:
        """The scene; `known` if the pixels and the detectors are."""
        table = np.concatenate(self.rows)
        group, image, detector = table[:, 6:].astype(int).T
        given = Detections.simple(*sky(table[:, :2]), group, SIGMA, image)
        if known:
            given = replace(given, unit=detector, detector=detector, unit_xy=table[:, 2:4])
        return Scene(given, int(group.max()) + 1, table[:, 4:6], **more)


def sky(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RA, DEC [deg] of positions (N, 2) [arcsec]."""
    return ra_dec(from_plane(place, frames_at(*POLE)))


def stars_at(places: np.ndarray, rng: np.random.Generator) -> Reference:
    """A reference catalog."""
    covariance = np.broadcast_to(0.001**2 * np.eye(2), (len(places), 2, 2)).copy()
    return Reference(*sky(places + rng.normal(0.0, 0.001, places.shape)), covariance)


def spread(rng: np.random.Generator, count: int, side: float = SIDE) -> np.ndarray:
    """Positions (count, 2) evenly over a square [arcsec]."""
    return rng.uniform(-0.5 * side, 0.5 * side, (count, 2))


def expose(
    table: Table,
    places: np.ndarray,
    label: tuple[int, int, int],
    where: np.ndarray,
    off: np.ndarray,
    roll: float = 0.0,
) -> None:
    """An image of a detector at `where` by its WCS, whose sources lie `off` from there.

    They are rolled about its middle by `roll` [arcsec].
    """
    rng = table.rng
    true = places[np.abs(places - where).max(axis=1) < 0.5 * SIDE]
    true = true[rng.random(len(true)) < 0.85]
    false = where + spread(rng, len(true) // 5)
    every = np.concatenate([true, false])
    known = np.concatenate([true, np.full(false.shape, np.nan)])
    seen = where + (every - where) @ turn(roll / 3600.0).T + off
    table.add(label, seen - where, seen, known)


# ---- sets


def visits(rng: np.random.Generator) -> Scene:
    """Two visits of three dithers: offsets with heavy tails, overlaps from all to none."""
    far = rng.random() < 0.6
    size = rng.uniform(2.4, 25.0) if far else min(0.2 * abs(rng.standard_cauchy()), 1.8)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    offset = size * np.array([np.cos(angle), np.sin(angle)])
    centre = np.array([rng.choice([0.0, 0.0, 20.0, 45.0, 55.0, 90.0]), 0.0])
    stars = int(rng.choice([800, 2500]))
    places = spread(rng, stars, 280.0)
    table, steps = Table(rng), spread(rng, 3, 6.0)
    for visit in range(2):
        for number, step in enumerate(steps):
            group = 3 * visit + number
            where = step + visit * centre
            off = rng.normal(0.0, 0.004, 2) + visit * offset
            expose(table, places, (group, group, 0), where, off)
    # by the WCS, which is all that is known of where they look
    overlap = np.prod(np.clip(SIDE - np.abs(centre + offset), 0.0, None)) * stars / 280.0**2
    apart = np.repeat([0, 1], 3) if overlap < 2.0 else np.zeros(6, int)
    return table.scene(part=apart, innocent=not far and centre[0] in (0.0, 20.0, 90.0))


# ---- images of a group


def images(rng: np.random.Generator) -> Scene:
    """Exposures of six detectors: one off or rolled, halves, mixed pointings, or nothing wrong."""
    kinds = ["one", "two", "halves", "grouped", "mixed", "none", "detector", "rolled", "turned"]
    kind = rng.choice(kinds)
    count = int(rng.choice([2, 3, 4]))
    centres = np.array([[x, y] for x in (-62.0, 0.0, 62.0) for y in (-31.0, 31.0)])
    size = rng.choice([rng.uniform(0.03, 0.1), rng.uniform(0.1, 0.7), rng.uniform(0.7, 1.8)])
    angle = rng.uniform(0.0, 2.0 * np.pi)
    step = size * np.array([np.cos(angle), np.sin(angle)])
    off = np.zeros((count, 6, 2))
    if kind in {"one", "two"}:
        off[-1, rng.permutation(6)[: 1 if kind == "one" else 2]] = step
    if kind == "halves":
        off[-1, :3] = step
    if kind in {"grouped", "mixed"}:
        off[1::2] = step
    if kind == "detector":
        off[:, 2] = step / size * rng.uniform(0.0, 0.02)
    roll = np.zeros((count, 6))
    if kind in {"rolled", "turned"}:  # one image, or half of a group
        turned = rng.permutation(6)[: 1 if kind == "rolled" else 3]
        roll[-1, turned] = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(0.5, 3.0)
    places, table = spread(rng, 1200, 220.0), Table(rng)
    for exposure in range(count):
        pointing, dither = rng.normal(0.0, 0.2, 2), spread(rng, 1, 8.0)[0]
        group = {"grouped": max(exposure - 1, 0), "mixed": exposure // 2}.get(kind, exposure)
        for detector, centre in enumerate(centres):
            label = group, 6 * exposure + detector, detector
            step = pointing + off[exposure, detector]
            expose(table, places, label, centre + dither, step, roll[exposure, detector])
    tied = rng.random() < 0.5 or kind == "detector"  # groups can't tell where a detector is
    reference = stars_at(places[::4], rng) if tied else None
    return table.scene(reference=reference, innocent=kind in {"none", "detector"})


# ---- sky or detector


def artefacts(rng: np.random.Generator) -> Scene:
    """Exposures of one detector with hot pixels, persistence, or a population that moves."""
    kind = rng.choice(["persistence", "hot", "moving", "close", "none", "none"])
    known = bool(rng.random() < 0.5) and kind != "moving"
    count = int(rng.choice([2, 3, 4]))
    dither = rng.uniform(0.05, 0.11) if kind == "close" else rng.choice([0.5, 1.5, 1.8, 3.0])
    angle = rng.uniform(0.0, 2.0 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    steps = np.arange(count)[:, None] * dither * direction + spread(rng, count, 0.3 * dither)
    places = spread(rng, int(rng.choice([18, 30, 60])), SIDE)
    hot = spread(rng, int(rng.choice([20, 40, 100])))
    table, before = Table(rng), np.zeros((0, 2))
    for exposure, where in enumerate(steps):
        off = rng.normal(0.0, 0.2, 2)
        true = places[rng.random(len(places)) < 0.95]
        pixel, moves = true + off - where, np.zeros((0, 2))
        if kind == "persistence":
            moves = before[rng.random(len(before)) < 0.9]
            before = pixel
        elif kind == "none":
            moves = spread(rng, len(true) // 3)
        elif kind == "moving":
            moves = hot + exposure * 0.06 * direction + off - where
        else:
            moves = hot
        none = np.full(moves.shape, np.nan)
        every = np.concatenate([pixel, moves])
        label = exposure, exposure, 0
        table.add(label, every, every + where, np.concatenate([true, none]))
    scene = table.scene(known=known, innocent=kind == "none" and len(places) > 18)
    if kind == "persistence" and rng.random() < 0.7:  # times are known, as they are of a mission
        scene = replace(scene, given=replace(scene.given, epoch=2025.0 + 1e-5 * scene.given.group))
    return scene


SCENES: dict[str, Callable[[np.random.Generator], Scene]] = {
    "two visits": visits,
    "images of a group": images,
    "sky or detector": artefacts,
}


# ---- what came of them


def outcome(scene: Scene) -> tuple[bool, bool, bool]:
    """Whether a scene's result is wrong in silence, wrong at all, and doubted or left alone."""
    found = solve_jointly(scene.given, scene.groups, scene.reference, OPTIONS)
    phases = [found.relative, found.absolute] if found.absolute else [found.relative]
    standing = [[finding.standing for finding in phase] for phase in phases]
    silent = np.array(
        [all(s is Standing.ALIGNED for s in every) for every in zip(*standing, strict=True)]
    )
    applied = np.array(
        [any(s is not Standing.LEFT for s in every) for every in zip(*standing, strict=True)]
    )
    left = {one.image for one in found.apart}
    error, group = errors(scene, found)
    part = np.zeros(len(error), int) if scene.part is None else scene.part
    use = np.array([image not in left for image in range(len(error))])
    wrong = [
        far(error, part, use & mask[group], absolute=scene.reference is not None)
        for mask in (silent, applied)
    ]
    return wrong[0], wrong[1], bool(left) or not silent.all()


def errors(scene: Scene, found: Solution) -> tuple[np.ndarray, np.ndarray]:
    """Errors (I, 3) of the images [arcsec], and the images' groups.

    They are the median of the stars' errors, east and north, and what a roll brings to an edge.
    """
    moved = to_plane(corrected_directions(scene.given, found), frames_at(*POLE))
    real = np.isfinite(scene.true[:, 0])
    count = int(scene.given.image.max()) + 1
    error, group = np.full((count, 3), np.nan), np.zeros(count, int)
    for image in range(count):
        own = scene.given.image == image
        group[image] = scene.given.group[own][0]
        place, off = scene.true[own & real], (moved - scene.true)[own & real]
        place = place - place.mean(axis=0)
        tangential = np.sum(place[:, 0] * off[:, 1] - place[:, 1] * off[:, 0])
        edge = 0.5 * SIDE * tangential / max(float(np.sum(place**2)), 1.0)
        error[image] = *np.median(off, axis=0), edge
    return error, group


def far(error: np.ndarray, part: np.ndarray, use: np.ndarray, *, absolute: bool) -> bool:
    """Whether some images are more than the limit from the truth, or from most of their part."""
    for number in np.unique(part[use]):
        own = error[use & (part == number)]
        east, north, edge = (own - (0.0 if absolute else np.median(own, axis=0))).T
        if max(np.hypot(east, north).max(), np.abs(edge).max()) > LIMIT:
            return True
    return False


SILENT = (
    "scenes", "trials", "wrong in silence", "wrong and doubted", "nothing wrong", "doubted in vain"
)  # fmt: skip
TRIALS = {"two visits": 300, "images of a group": 200, "sky or detector": 500}


def silence(trials: int | None) -> list[tuple[str, ...]]:
    """Rows: scenes, trials, wrong in silence, wrong and doubted, innocent, doubted in vain."""
    rows = []
    for number, (name, make) in enumerate(SCENES.items()):
        counts, wanted = np.zeros(4, int), trials or TRIALS[name]
        for seed in range(wanted):
            scene = make(np.random.default_rng((seed, number, 7)))
            in_silence, wrong, doubted = outcome(scene)
            innocent = scene.innocent
            counts += (in_silence, wrong and not in_silence, innocent, innocent and doubted)
        rows.append((name, str(wanted), *(str(n) for n in counts)))
        print(rows[-1], flush=True)
    return rows
