"""Whether the errors that are claimed for images hold, and what those that nobody gave are worth.

Three tables: pulls of images, errors over claims, on small scenes as the model has them and on ones
that break it; scenes in which finders break up arcs and spikes; real geometry of two visits (data
and catalogs of ``ceers.py``), a sparse reference with its errors given and not.

    python benchmarks/claims.py pulls [seeds]
    python benchmarks/claims.py confusion [seeds]
    python benchmarks/claims.py visits [seeds]
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace

import numpy as np
from tables import publish

from tweakreg_step.alignment import image_covariance_at, solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec, to_plane
from tweakreg_step.simulate.confusion import KINDS, Confusion, confused
from tweakreg_step.simulate.image_pulls import image_errors_of, without_rotation
from tweakreg_step.simulate.sky import Setup, layout, make_scene

SEEDS = {"pulls": 800, "confusion": 200, "visits": 20}
LEAST_MAS = 3.0
FACTOR = 5.0
TWO = np.array([[-35.0, 0.0], [35.0, 0.0]])


@dataclass(frozen=True)
class Case:
    """A kind of scene: how it is drawn, and what its catalogs claim."""

    setup: Setup
    claimed: float = 1.0
    star_claimed: float = 1.0
    unknown: bool = False
    motion: str = "none"


def _setup(**changes: object) -> Setup:
    usual = Setup(1.5 * layout("stack", 3), density=0.012, reference_sigma=0.002)
    return replace(usual, **changes)


CASES = {
    "dithers, relative": Case(_setup()),
    "dithers, reference": Case(_setup(reference_fraction=0.3)),
    "the same, no errors given": Case(_setup(reference_fraction=0.3), 2.0, 2.5, unknown=True),
    "the same, errors half as large as they are": Case(_setup(reference_fraction=0.3), 0.5, 0.5),
    "two detectors that move, reference": Case(
        _setup(detectors=TWO, motion_shift=0.02, motion_roll=20.0, reference_fraction=0.3),
        motion="rshift",
    ),
    "two detectors that move, relative": Case(
        _setup(detectors=TWO, motion_shift=0.02, motion_roll=20.0), motion="rshift"
    ),
    "a third spurious, reference": Case(_setup(reference_fraction=0.3, spurious=0.5)),
}


def pulls_of(case: Case, seed: int) -> np.ndarray:
    """Errors over claims of a random image of a scene: centre and a corner, both axes."""
    scene = make_scene(case.setup, seed)
    given = scene.detections
    given = replace(given, covariance=case.claimed**2 * given.covariance)
    stars = scene.reference
    if stars is not None:
        stars = replace(stars, covariance=case.star_claimed**2 * stars.covariance)
    if case.unknown:
        given = replace(given, floor=np.sqrt(given.covariance[:, 0, 0]), detector=given.unit)
        stars = stars and replace(stars, floor=np.sqrt(stars.covariance[:, 0, 0]))
    options = Options(minobj=6, abs_minobj=6, detector_motion=case.motion)
    solution = solve_jointly(given, scene.group_count, stars, options)
    relative = stars is None
    errors, sigma = image_errors_of(scene, case.setup, solution, relative=relative)
    image = seed % len(errors)
    return np.asarray((errors / sigma)[image, [0, 1 + seed % 4]])


def pulls(seeds: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of pulls: two independent numbers from each scene at each of two points."""
    rows = []
    for name, case in CASES.items():
        found = np.stack([pulls_of(case, seed) for seed in range(seeds)])
        known = np.isfinite(found).all(axis=(1, 2))
        width = found[known].std(axis=(0, 2))
        most = np.abs(found[known]).max()
        row = (name, str(int(known.sum())), *(f"{w:.3f}" for w in width), f"{most:.1f}")
        print(*row, sep="  ", flush=True)
        rows.append(row)
    return ("scenes", "seeds", "centre", "corner", "largest"), rows


def _confused(scene: Confusion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Worst errors and claims (G,) [mas] of the images, and whether they are called aligned."""
    options = Options(minobj=10)
    solution = solve_jointly(scene.detections, scene.group_count, None, options)
    square = 28.0 * np.array([[0, 0], [-1, -1], [1, -1], [1, 1], [-1, 1]])
    true = from_plane(square, scene.frame)
    errors, sigma = np.full((2, scene.group_count, len(square), 2), np.nan)
    used = np.array([finding.applied for finding in solution.relative])
    for group in np.flatnonzero(used).tolist():
        seen = np.linalg.solve(scene.matrix[group], (square - scene.shift[group]).T).T
        vectors = from_plane(seen, scene.frame)
        frame = frames_at(solution.groups.ra[group], solution.groups.dec[group])
        own = to_plane(vectors, frame) @ solution.groups.matrix[group].T
        moved = from_plane(own + solution.groups.shift[group], frame)
        errors[group] = to_plane(moved, scene.frame) - square
        images = solution.images
        there = image_covariance_at(images, images.relative, group, *ra_dec(vectors))
        sigma[group] = np.sqrt(np.diagonal(there, axis1=1, axis2=2))
    if used.sum() > 1:
        left = without_rotation(errors[used].reshape(-1, 2), np.tile(true, (int(used.sum()), 1)))
        errors[used] = left.reshape(-1, len(square), 2)
    worst = 1e3 * np.hypot(errors[..., 0], errors[..., 1]).max(axis=1)
    claim = 1e3 * np.sqrt(np.mean(sigma**2, axis=2)).max(axis=1)
    plain = np.array([f.standing is Standing.ALIGNED for f in solution.relative]) & (used.sum() > 1)
    return worst, claim, plain


def confusion(seeds: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of scenes in which matches are confused."""
    rows = []
    for kind in KINDS:
        found = [_confused(confused(kind, seed)) for seed in range(seeds)]
        worst, claim, plain = (np.concatenate(part) for part in zip(*found, strict=True))
        wrong = plain & (worst > FACTOR * claim) & (worst > LEAST_MAS)
        right = np.isfinite(worst) & (worst < LEAST_MAS)
        doubted = right & ~plain
        row = (
            kind,
            str(len(plain)),
            str(int(plain.sum())),
            *(f"{np.median(v[plain]):.2f}" if plain.any() else "-" for v in (worst, claim)),
            str(int(wrong.sum())),
            f"{int(doubted.sum())} of {int(right.sum())}",
        )
        print(*row, sep="  ", flush=True)
        rows.append(row)
    header = ("scene", "images", "aligned", "error", "claim", "wrong", "right, doubted")
    return header, rows


def visits(seeds: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of real geometry: errors with the reference's errors given, and not."""
    from ceers import errors  # noqa: PLC0415 - needs data that the other tables do not
    from visits import of_visit, sparse  # noqa: PLC0415

    from tweakreg_step import absolute_align  # noqa: PLC0415

    rows = []
    for visit in ("001", "002"):
        medians: dict[bool, list[float]] = {True: [], False: []}
        for seed in range(seeds):
            for given in (True, False):
                images, correctors = of_visit(visit, seed)
                stars = sparse(np.random.default_rng(seed), errors_given=given)
                found = errors(absolute_align(correctors, stars), images, relative=False)
                medians[given].append(float(np.median(found)))
        known, unknown = (float(np.median(medians[given])) for given in (True, False))
        rows.append((f"visit {visit}", str(seeds), f"{known:.2f}", f"{unknown:.2f}"))
        print(*rows[-1], sep="  ", flush=True)
    return ("visit", "seeds", "errors given", "not given"), rows


def main() -> None:
    """Print and write a table."""
    tables = {"pulls": pulls, "confusion": confusion, "visits": visits}
    if len(sys.argv) < 2 or sys.argv[1] not in tables:
        sys.exit(__doc__)
    name = sys.argv[1]
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS[name]
    warnings.simplefilter("ignore")
    publish(__file__, f"claims_{name}", tables[name](seeds), write=seeds == SEEDS[name])


if __name__ == "__main__":
    main()
