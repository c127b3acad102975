"""Whether the errors that are claimed for images hold, and what those that nobody gave are worth.

Four tables: pulls of images, errors over claims, on small scenes as the model has them and on
ones that break it, between epochs, and on real geometry of two visits (data and catalogs of
``ceers.py``, detectors moved by a further 15 mas and 10 arcsec in each scene); scenes in which
finders break up arcs and spikes; visits with a sparse reference, its errors given and not; and
what of the errors of those visits with a dense one is the same in every scene: how the published
WCS differ from the delivered by more than motions of detectors.

    python benchmarks/claims.py pulls [independent numbers of a row] [words of its name]
    python benchmarks/claims.py confusion [seeds]
    python benchmarks/claims.py visits [seeds]
    python benchmarks/claims.py shape [seeds]

Images of a scene share motions. How many numbers are independent is told by how much the mean
square q of a scene's pulls scatters from scene to scene, 2 mean(q)^2 / var(q) for each; scenes are
drawn until there are enough.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tables import commit, publish, read_table
from visit_catalogs import Sparse, visit_scene

from tweakreg_step.alignment import image_covariance_at, solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec, to_plane
from tweakreg_step.simulate.confusion import KINDS, Confusion, confused
from tweakreg_step.simulate.image_pulls import image_errors_of, without_rotation
from tweakreg_step.simulate.sky import Setup, layout, make_scene

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from moving_fields import Sky, moving_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.detections import Detections, Reference

SEEDS = {"pulls": 800, "confusion": 200, "visits": 20, "shape": 20}
MOST, BATCH = 800, 10
USUAL_STAR = 0.005
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


def of_case(case: Case, seed: int) -> np.ndarray:
    """Errors over claims (I, 5, 2) of the images of a scene: centre and corners."""
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
    errors, sigma = image_errors_of(scene, case.setup, solution, relative=stars is None)
    return np.asarray(errors / sigma)


def of_visit(visit: str, given: Sparse | None, seed: int) -> np.ndarray:
    """The same for a visit of real geometry."""
    scene = visit_scene((visit,), seed, given)
    errors, sigma = scene.errors(scene.solved(), relative=given is None)
    return np.asarray(errors / sigma)


def of_field(sky: Sky, unknown: bool, seed: int) -> np.ndarray:
    """The same (G, 1, 2) for the middle of a field of stars that move, seen at some epochs."""
    field = moving_field(seed, sky)
    if unknown:
        field = replace(
            field, detections=_usual(field.detections), reference=_usual_stars(field.reference)
        )
    solution = field.solved()
    variance = np.diagonal(solution.images.absolute, axis1=1, axis2=2)[:, :2]
    return np.asarray((field.errors(solution) / np.sqrt(variance))[:, None])


def _usual(given: Detections) -> Detections:
    """Detections whose errors nobody gave, and that are thrice as large as they truly are."""
    usual = 3.0 * np.sqrt(given.covariance[:, 0, 0])
    return replace(given, covariance=9.0 * given.covariance, floor=usual)


def _usual_stars(stars: Reference) -> Reference:
    """Stars whose positions have the usual error of 5 mas."""
    usual = np.tile(USUAL_STAR**2 * np.eye(2), (len(stars), 1, 1))
    return replace(
        stars,
        covariance=stars.covariance + usual,
        origin_covariance=usual,
        floor=np.full(len(stars), USUAL_STAR),
    )


def _visit_rows() -> dict[str, Callable[[int], np.ndarray]]:
    rows: dict[str, Callable[[int], np.ndarray]] = {}
    for visit in ("001", "002"):
        rows[f"visit {visit}, relative"] = partial(of_visit, visit, None)
        for stars, share, mas in (
            ("2 stars a detector", 0.03, 2.0),
            ("8 stars", 0.08, 0.5),
            ("8 stars", 0.08, 2.0),
            ("8 stars", 0.08, 10.0),
            ("100 stars", 1.0, 2.0),
        ):
            for given in (True, False):
                told = "given" if given else "not given"
                name = f"visit {visit}, {stars} of {mas:g} mas, {told}"
                rows[name] = partial(of_visit, visit, Sparse(share, 1e-3 * mas, given))
    return rows


FIELDS = {
    "two epochs, motions (-5, 0) mas/yr": Sky(-5.0, 0.0),
    "two epochs, motions (-5, 3)": Sky(-5.0, 3.0),
    "three epochs, motions (-5, 3)": Sky(-5.0, 3.0, epochs=(2022.5, 2024.0, 2025.5)),
    "stars at -5, galaxies": Sky(-5.0, 1.0, galaxies=0.5),
}


def _rows() -> dict[str, Callable[[int], np.ndarray]]:
    """What pulls are computed of, by name: from a seed, an array of pulls."""
    rows = {name: partial(of_case, case) for name, case in CASES.items()}
    for name, sky in FIELDS.items():
        rows[f"{name}, given"] = partial(of_field, sky, False)
        rows[f"{name}, not given"] = partial(of_field, sky, True)
    return rows | _visit_rows()


def _independent(square: np.ndarray) -> float:
    """Number of independent normal pulls that mean squares (S, ...) of scenes are made of."""
    return 2.0 * len(square) * float(np.mean(square) ** 2 / np.var(square))


def _row(name: str, of: Callable[[int], np.ndarray], wanted: int) -> tuple[str, ...]:
    """A line: scenes, independent numbers at centre and corners, widths, the largest pull."""
    found: list[np.ndarray] = []
    centre = corner = np.zeros(0)
    numbers = [0.0, 0.0]
    while len(found) < MOST and min(numbers) < wanted:
        found += [of(len(found) + seed) for seed in range(BATCH)]
        known = [one[np.isfinite(one).all(axis=(1, 2))] for one in found]
        known = [one for one in known if len(one)]
        centre = np.array([np.mean(one[:, 0] ** 2) for one in known])
        corner = np.array([np.mean(one[:, -4:] ** 2) for one in known])
        numbers = [_independent(centre), _independent(corner)]
    widths = (f"{np.sqrt(part.mean()):.2f}" for part in (centre, corner))
    most = max(np.abs(one).max() for one in known)
    row = (name, str(len(known)), *(f"{n:.0f}" for n in numbers), *widths, f"{most:.1f}")
    print(*row, sep="  ", flush=True)
    return row


def pulls(wanted: int, words: str = "") -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of pulls; rows that are not drawn now are those of the table as it is."""
    done = {
        name: (*_row(name, of, wanted), commit()) for name, of in _rows().items() if words in name
    }
    kept = {row["scenes"]: tuple(row.values()) for row in read_table("claims_pulls")}
    rows = [done.get(name) or kept[name] for name in _rows() if name in done or name in kept]
    numbers = "independent, centre", "in corners"
    header = ("scenes", "number", *numbers, "width, centre", "of corners", "largest", "commit")
    return header, rows


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
    rows = []
    for visit in ("001", "002"):
        medians, ratios = np.zeros((2, seeds)), np.zeros(seeds)
        for seed in range(seeds):
            for number, given in enumerate((True, False)):
                scene = visit_scene((visit,), seed, Sparse(0.08, 0.002, given), spurious=0.0)
                solution = scene.solved()
                errors, _ = scene.errors(solution, relative=False)
                medians[number, seed] = 1e3 * np.median(np.sqrt(np.mean(errors**2, axis=(1, 2))))
            ratios[seed] = np.nansum(solution.groups.chi2) / np.nansum(solution.groups.dof)
        known, unknown = np.median(medians, axis=1)
        worse = np.median(medians[1] / medians[0])
        numbers = (f"{v:.2f}" for v in (known, unknown, worse, np.median(ratios)))
        rows.append((f"visit {visit}", str(seeds), *numbers))
        print(*rows[-1], sep="  ", flush=True)
    return ("visit", "seeds", "errors given [mas]", "not given", "ratio", "chi2/dof"), rows


def shape(seeds: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of what is the same in all scenes of a visit with a dense reference [mas]."""
    rows = []
    for visit in ("001", "002"):
        errors, claims = np.empty((2, seeds), object)
        for seed in range(seeds):
            scene = visit_scene((visit,), seed, Sparse(1.0, 0.002, True))
            errors[seed], claims[seed] = scene.errors(scene.solved(), relative=False)
        error, claim = (1e3 * np.stack(list(part)) for part in (errors, claims))
        for place, part in (("centre", slice(0, 1)), ("corners", slice(1, 5))):
            own = error[:, :, part]
            # what is left of the noise in the mean of the scenes is taken off
            same = np.nanmean(own, axis=0) ** 2 - np.nanvar(own, axis=0, ddof=1) / seeds
            numbers = (
                np.sqrt(np.nanmean(own**2)),
                np.sqrt(max(np.nanmean(same), 0.0)),
                np.sqrt(np.nanmean(np.nanvar(own, axis=0, ddof=1))),
                np.sqrt(np.nanmean(claim[:, :, part] ** 2)),
            )
            rows.append((f"visit {visit}, {place}", str(seeds), *(f"{v:.2f}" for v in numbers)))
            print(*rows[-1], sep="  ", flush=True)
    return ("place", "scenes", "error", "same in all", "scatter", "claimed"), rows


def main() -> None:
    """Print and write a table."""
    tables: dict[str, Callable[..., Any]] = {
        "pulls": pulls,
        "confusion": confusion,
        "visits": visits,
        "shape": shape,
    }
    if len(sys.argv) < 2 or sys.argv[1] not in tables:
        sys.exit(__doc__)
    name = sys.argv[1]
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS[name]
    warnings.simplefilter("ignore")
    table = tables[name](seeds, *sys.argv[3:])
    publish(__file__, f"claims_{name}", table, write=seeds == SEEDS[name])


if __name__ == "__main__":
    main()
