"""Levels of motion alone and together, against the bound of the full model.

Three visits of three exposures of four detectors. What moves is drawn anew in each scene: visits
by 0.15 arcsec, exposures in them by 4 mas, detectors by 12 mas over the run and by 4 mas in each
visit, a placement of VA_SCALE - 1 = 1e-4 in the truth that the WCS has not, and stars by
(-5, -2.5) +- 3 mas/yr between 2022.5, 2022.6 and 2025.5; without that all is of 2022.5. The
bound is that of the full model of what is moved, all widths and matches known. A second table has
the fields of stars of the tests: two or three epochs of two exposures, 30 reference stars among 120
sources.

    python benchmarks/levels.py [seeds of the first table] [seeds of the second]
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tables import publish

from tweakreg_step.alignment import solve_jointly
from tweakreg_step.alignment.group_rejection import group_frames
from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.alignment.residuals import corrected_directions
from tweakreg_step.alignment.solver import with_motion, with_visits
from tweakreg_step.alignment.solver.hierarchy import Model, Motions, linearise
from tweakreg_step.alignment.solver.iteration import Problem, with_levels
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.alignment.solver.motions.field_motion import FIELD, field_motion
from tweakreg_step.alignment.solver.normal_equations import solve_step
from tweakreg_step.core.correction import prior_precision
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code, Standing
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec, to_plane

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from moving_fields import Sky, moving_field

if TYPE_CHECKING:
    from collections.abc import Iterable

SEEDS, FIELDS = 6, 100
POLE = 150.0, 30.0
CENTRES = np.array([[x, y] for x in (-60.0, 60.0) for y in (-35.0, 35.0)])
VISITS = np.repeat([0, 1, 2], 3)
EPOCHS = {True: np.array([2022.5, 2022.6, 2025.5]), False: np.full(3, 2022.5)}
SIGMA, REFERENCE_SIGMA = 0.002, 0.001
VISIT, WITHIN = 0.15, 0.004
RUN, OWN = 0.012, 0.004
PLACEMENT = 1e-4
MEAN, SCATTER = np.array([-0.005, -0.0025]), 0.003


@dataclass(frozen=True)
class Moved:
    """Which levels of motion a scene has."""

    visits: bool = False
    detectors: bool = False
    placement: bool = False
    stars: bool = False


@dataclass(frozen=True)
class Scene:
    """What is given, where the detections truly are, their errors, and which source each is of."""

    detections: Detections
    reference: Reference
    true: np.ndarray
    noise: np.ndarray
    source: np.ndarray
    star: np.ndarray


def make_scene(moved: Moved, seed: int, density: float) -> Scene:
    """A scene, reproducible by its seed; `density` is that of stars [arcsec^-2]."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-150.0, 150.0, (round(density * 9e4), 2))
    epochs = EPOCHS[moved.stars]
    motion = (MEAN + SCATTER * rng.normal(size=places.shape)) * moved.stars
    pointing = rng.normal(0.0, VISIT, (3, 2))[VISITS]
    spread = WITHIN if moved.visits else 0.15
    pointing = pointing * moved.visits + rng.normal(0.0, spread, pointing.shape)
    own = rng.normal(0.0, RUN, (1, 4, 2)) + rng.normal(0.0, OWN, (3, 4, 2))
    scale = np.array([-PLACEMENT, 0.0, PLACEMENT])[:, None, None] * CENTRES
    offset = own * moved.detectors + scale * moved.placement
    dithers = rng.uniform(-8.0, 8.0, (len(VISITS), 2))
    parts = []
    for exposure, visit in enumerate(VISITS):
        there = places + motion * (epochs[visit] - epochs.mean())
        for detector, centre in enumerate(CENTRES):
            middle = centre + dithers[exposure]
            inside = np.abs(there - middle).max(axis=1) < 30.0
            seen = np.flatnonzero(inside & (rng.random(len(places)) < 0.8))
            false = middle + rng.uniform(-30.0, 30.0, (len(seen) // 5, 2))
            true = np.concatenate([there[seen], false])
            noise = rng.normal(0.0, SIGMA, true.shape)
            xy = true + noise - offset[visit, detector]
            label = exposure, 4 * exposure + detector, visit, detector
            source = np.concatenate([seen, np.full(len(false), -1)])
            every = true, noise, source, np.tile(label, (len(xy), 1))
            parts.append((xy - pointing[exposure], xy - middle, *every))
    xy, local, true, noise, source, label = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    reference, star = _reference(places, motion, epochs, rng)
    return Scene(_detections(xy, local, label, epochs), reference, true, noise, source, star)


def _detections(
    xy: np.ndarray, local: np.ndarray, label: np.ndarray, epochs: np.ndarray
) -> Detections:
    group, image, visit, detector = label.T
    ra, dec = ra_dec(from_plane(xy, frames_at(*POLE)))
    return replace(
        Detections.simple(ra, dec, group, SIGMA, image),
        unit=4 * visit + detector,
        unit_xy=local,
        detector=detector,
        visit=visit,
        guide=visit,
        epoch=epochs[visit],
    )


def _reference(
    places: np.ndarray, motion: np.ndarray, epochs: np.ndarray, rng: np.random.Generator
) -> tuple[Reference, np.ndarray]:
    """A quarter of the stars, at the epoch of each exposure, and which they are."""
    chosen = np.flatnonzero(rng.random(len(places)) < 0.25)
    start = places[chosen] + rng.normal(0.0, REFERENCE_SIGMA, (len(chosen), 2))
    told = motion[chosen] + rng.normal(0.0, 5e-5, (len(chosen), 2))
    pole, square = frames_at(*POLE), np.tile(np.eye(2), (len(chosen), 1, 1))
    every = [
        ra_dec(from_plane(start + told * (time - epochs.mean()), pole)) for time in epochs[VISITS]
    ]
    reference = Reference(
        *ra_dec(from_plane(start, pole)),
        REFERENCE_SIGMA**2 * square,
        epoch_ra=np.stack([ra for ra, _ in every]),
        epoch_dec=np.stack([dec for _, dec in every]),
        origin=np.full(len(chosen), epochs.mean()),
        origin_covariance=REFERENCE_SIGMA**2 * square,
        motion_covariance=5e-5**2 * square,
    )
    return reference, chosen


def bound_mas(scene: Scene, moved: Moved) -> float:
    """Least rms error per axis of where an image is put."""
    detections = scene.detections
    geometry = "shift"
    options = Options(
        visit_shift_sigma=WITHIN if moved.visits else 1.0, fitgeometry="rshift", minobj=1
    )
    prior = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (9, 1))
    model = Model(group_frames(detections, 9), "rshift", prior)
    active = np.ones(9, bool)
    problem = Problem(detections, scene.reference, options, model, np.zeros(9, int), active)
    problem, motions = with_visits(problem, Motions(np.zeros((9, 3))))
    if moved.stars:
        field = replace(field_motion(detections, active), spread=SCATTER**2)
        problem, motions = with_levels(problem, motions, field)
    if moved.detectors or moved.placement:
        problem, motions = with_motion(problem, motions, geometry)
        problem = replace(problem, model=_with_widths(problem.model, moved))
    model = problem.model
    index = np.full(1 + max(int(scene.source.max()), int(scene.star.max())), -1)
    index[scene.star] = np.arange(len(scene.star))
    links, _ = link(detections, scene.source, scene.reference, index, model.field)
    linear = linearise(links, model, motions)
    step = solve_step(linear, links, model, motions, inverse_2x2(links.covariance))
    covariance, own = step.factor.inverse(), links.group >= 0
    columns, place = linear.columns[own], linear.index[own]
    if moved.stars:  # the motion of the sources is not that of the images
        start = model.start_of(model.level(FIELD))
        columns = np.where(((place >= start) & (place < start + 2))[:, None], 0.0, columns)
    variance = np.einsum(
        "nik,nkl,nil->n", columns, covariance[place[:, :, None], place[:, None]], columns
    )
    return 1e3 * float(np.sqrt(np.mean(variance) / 2.0))


def _with_widths(model: Model, moved: Moved) -> Model:
    """The model with the true widths of the detectors' motions."""
    small = 1e-6**-2
    widths = {"detector": OWN**-2, "detector over the run": RUN**-2} if moved.detectors else {}
    levels = tuple(
        replace(one, prior=np.full_like(one.prior, widths.get(one.name, small)))
        if one.name != FIELD
        else one
        for one in model.levels
    )
    parents = tuple(
        replace(one, prior=np.full_like(one.prior, widths.get(one.name, small)))
        if one.name.startswith("detector")
        else one
        for one in model.parents
    )
    return replace(model, levels=levels, parents=parents)


ON = Options(detector_motion="auto", minobj=4, abs_minobj=4)
OFF = replace(ON, detector_motion="none", visit_motion="none")


def error_mas(scene: Scene, options: Options) -> tuple[float, float, float]:
    """Rms error per axis of where images are put [mas], groups that are not placed, and seconds."""
    start = time.process_time()
    solution = solve_jointly(scene.detections, 9, scene.reference, options)
    seconds = time.process_time() - start
    aligned = np.array([one is Code.ALIGNED for one in solution.groups.status])
    aligned &= solution.groups.anchored
    pole = frames_at(*POLE)
    put = to_plane(corrected_directions(scene.detections, solution), pole)
    # what the centroids have is not of the alignment
    error = put - scene.true - scene.noise
    image = scene.detections.image
    real = (scene.source >= 0) & aligned[scene.detections.group]
    image = np.unique(image[real], return_inverse=True)[1]
    size = np.bincount(image)
    mean = np.stack([np.bincount(image, axis) / size for axis in error[real].T], axis=1)
    return 1e3 * float(np.sqrt(np.mean(mean**2))), float((~aligned).sum()), seconds


CASES = {
    "none of them": Moved(),
    "visits": Moved(visits=True),
    "detectors": Moved(detectors=True),
    "placement": Moved(placement=True),
    "stars": Moved(stars=True),
    "all": Moved(True, True, True, True),
}


def alone_and_together(seeds: int) -> Iterable[tuple[str, ...]]:
    """A row for each case and density of sources."""
    for density, many in ((0.0015, "17 sources"), (0.004, "46 sources"), (0.02, "230 sources")):
        for name, moved in CASES.items():
            if density < 0.002 and name != "visits":
                continue
            found = []
            for seed in range(seeds):
                scene = make_scene(moved, seed, density)
                off = replace(
                    scene,
                    detections=replace(scene.detections, epoch=np.full(len(scene.true), np.nan)),
                )
                found.append((bound_mas(scene, moved), *error_mas(scene, ON), *error_mas(off, OFF)))
            bound, on, _, _, off, _, _ = np.sqrt(np.mean(np.square(found), axis=0))
            _, _, left_on, time_on, _, left_off, time_off = np.sum(found, axis=0)
            row = (
                f"{name}, {many}",
                *(f"{value:.2f}" for value in (bound, on, off)),
                f"{left_on:.0f}, {left_off:.0f} of {9 * seeds}",
                f"{time_on / time_off:.2f}",
            )
            print(*row, sep="  ", flush=True)
            yield row


WORLDS = {
    "(-5, 0)": Sky(-5.0, 0.0),
    "(-5, 3)": Sky(-5.0, 3.0),
    "(-2, 0.3)": Sky(-2.0, 0.3),
    "(0, 5)": Sky(0.0, 5.0),
    "(-5, 3), three epochs": Sky(-5.0, 3.0, epochs=(2022.5, 2024.0, 2025.5)),
    "stars at -5, galaxies": Sky(-5.0, 1.0, galaxies=0.5),
    "galaxies alone": Sky(0.0, 0.0),
    "(-5, 1), half of motions known": Sky(-5.0, 1.0, reference=60, known=0.5),
    "(-5, 1), no motion known": Sky(-5.0, 1.0, known=0.0),
    "(-5, 3), one epoch": Sky(-5.0, 3.0, epochs=(2025.5,), exposures=4),
}


def fields(seeds: int) -> Iterable[tuple[str, ...]]:
    """A row for each field of stars: error, pulls, and groups that are wrong in silence."""
    for name, world in WORLDS.items():
        errors, pulls, silent, doubted = [], [], 0, 0
        for seed in range(seeds):
            scene = moving_field(seed, world)
            found = scene.solved()
            error = scene.errors(found)
            sigma = np.sqrt(found.groups.covariance[:, 0, 0])
            good = np.array([one.standing is Standing.ALIGNED for one in found.absolute])
            wrong = np.abs(error).max(axis=1) > 5.0 * np.maximum(sigma, 0.0002)
            silent += int((good & wrong).sum())
            doubted += int((~good).sum())
            errors.append(error)
            pulls.append(error / sigma[:, None])
        every = np.concatenate(errors)
        row = (
            name,
            f"{1e3 * np.sqrt(np.nanmean(every**2)):.2f}",
            f"{np.nanstd(np.concatenate(pulls)):.2f}",
            f"{silent} of {len(every)}",
            f"{doubted}",
        )
        print(*row, sep="  ", flush=True)
        yield row


def main() -> None:
    """Print and write the tables."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    many = int(sys.argv[2]) if len(sys.argv) > 2 else FIELDS
    head = "what moves", "bound", "levels on", "levels off", "not placed", "time on / off"
    if seeds:
        rows = list(alone_and_together(seeds))
        publish(__file__, "levels", (head, rows), write=seeds == SEEDS)
    head = "field [mas/yr]", "error [mas]", "pulls", "wrong in silence", "doubtful"
    if many:
        publish(__file__, "moving_fields", (head, list(fields(many))), write=many == FIELDS)


if __name__ == "__main__":
    main()
