"""Results of real alignments of simulated scenes, with verdicts made by hand."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_step.alignment import image_fits
from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.correction import move
from tweakreg_step.core.evidence import Evidence
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code, Outcome, Verdict
from tweakreg_step.core.outcome import Status as ImageStatus
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import directions, frames_at, from_plane, ra_dec, to_plane, turn
from tweakreg_step.parameters import Setting
from tweakreg_step.report import (
    AlignedCatalogs,
    GroupFit,
    GroupResults,
    ImageResults,
    ReferenceNote,
    RunFacts,
    RunResult,
)
from tweakreg_step.report.sentences import FACTS
from tweakreg_step.simulate.sky import Scene, Setup, layout, make_scene

SIDE = 64.0  # arcsec, of a detector
PIXEL_SCALE = 0.031  # arcsec

__all__ = ["assembled", "changed", "early_result", "make_result", "sequential_result"]


def _centres(kind: str, count: int) -> np.ndarray:
    if kind != "mosaic":
        return layout(kind, count, 0.25, SIDE)
    rows = int(np.ceil(np.sqrt(count)))
    return layout(kind, rows, 0.25, SIDE)[:count]


def _scrambled(scene: Scene, groups: tuple[int, ...], seed: int) -> Scene:
    """The scene with the detections of some groups thrown anywhere: no alignment is possible."""
    rng = np.random.default_rng(seed)
    detections = scene.detections
    ra, dec = detections.ra.copy(), detections.dec.copy()
    for group in groups:
        own = np.flatnonzero(detections.group == group)
        frame = frames_at(*scene.centre[group])
        xy = rng.uniform(-0.5 * SIDE, 0.5 * SIDE, (len(own), 2))
        ra[own], dec[own] = ra_dec(from_plane(xy, frame))
    return replace(scene, detections=replace(detections, ra=ra, dec=dec))


def _corners(setup: Setup, scene: Scene) -> np.ndarray:
    """(I, 4, 2) [deg] of the corners through the input WCS."""
    square = 0.5 * setup.side * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    rolls = np.zeros(scene.group_count) if setup.rolls is None else setup.rolls
    corners = []
    for group in range(scene.group_count):
        for place in setup.detectors:
            true = (square + place) @ turn(rolls[group]).T
            seen = np.linalg.solve(scene.matrix[group], (true - scene.shift[group]).T).T
            corners.append(np.stack(ra_dec(from_plane(seen, frames_at(*scene.centre[group]))), -1))
    return np.array(corners)


def _moved(corners: np.ndarray, group: np.ndarray, solution: Solution) -> np.ndarray:
    out = corners.copy()
    for image, g in enumerate(group):
        centre = float(solution.groups.ra[g]), float(solution.groups.dec[g])
        affine = solution.groups.matrix[g], solution.groups.shift[g]
        out[image] = np.stack(move(corners[image, :, 0], corners[image, :, 1], centre, *affine), -1)
    return out


def _names(count: int, layers: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    groups = tuple(f"jw01345001001_02101_{number + 1:05d}" for number in range(count))
    chips = [f"nrca{layer + 1}" for layer in range(layers)]
    images = tuple(f"{group}_{chip}_cal.fits" for group in groups for chip in chips)
    return groups, images, tuple(f"{chip.upper()} F115W" for chip in chips) * count


def _evidence(solution: Solution, group: int, matches: int) -> Evidence:
    sigma = 1e3 * np.sqrt(np.trace(solution.groups.covariance[group][:2, :2]) / 2.0)
    return Evidence(
        matches=matches,
        chance_matches=0.02 * matches,
        log10_chance=-1.5 * matches,
        spread=0.15,
        reserved=matches // 5,
        reserved_before_mas=310.0,
        reserved_after_mas=2.1,
        coverage=0.9,
        sigma_centre_mas=float(sigma),
        sigma_corner_mas=float(2.0 * sigma),
        pull=float(np.hypot(*solution.groups.shift[group]) / 0.3),
    )


def _verdict(
    solution: Solution, group: int, doubtful: tuple[int, ...], *, absolute: bool
) -> Verdict:
    status = solution.groups.status[group]
    matches = int(
        (solution.groups.reference_matches if absolute else solution.groups.matches)[group]
    )
    if status is not Code.ALIGNED:
        return Verdict(status, f"{FACTS[status]}.")
    evidence = _evidence(solution, group, matches)
    if absolute and not solution.groups.anchored[group]:
        reason = "Not tied to the reference: 0 of its stars match, 15 are needed."
        return Verdict(Code.NO_REFERENCE_MATCH, reason, evidence)
    if group in doubtful:
        reason = "Its matches cover 12 % of its area, 25 % are asked for: check its roll."
        return Verdict(Code.POOR_COVERAGE, reason, evidence)
    return Verdict(Code.ALIGNED, "Aligned.", evidence)


def _outcome(relative: Verdict, absolute: Verdict | None) -> Outcome:
    if not relative.applied:
        return Outcome(ImageStatus.FAILED, relative.reason)
    tied = absolute is not None and absolute.applied
    reason = "aligned to the reference catalog" if tied else "aligned to the other images"
    return Outcome(ImageStatus.ALIGNED, reason, moved=True, absolute=tied)


_OWN_NAMES = {
    "images": ("images", "names"),
    "image_fits": ("images", "fits"),
    "image_detections": ("images", "detections"),
    "group_names": ("groups", "names"),
    "reference_note": ("catalogs", "note"),
}
_PARTS = {"run": RunFacts, "images": ImageResults, "groups": GroupResults}
PLACES = {
    field.name: (part, field.name)
    for part, kind in (*_PARTS.items(), ("catalogs", AlignedCatalogs))
    for field in fields(kind)
} | _OWN_NAMES
"""Where in a result a value is, by a name that says it all."""


def changed(result: RunResult, **changes: Any) -> RunResult:
    """A result of which some values are others, by the names of `PLACES`."""
    parts: dict[str, dict[str, Any]] = {}
    for name in PLACES.keys() & changes.keys():
        part, own = PLACES[name]
        parts.setdefault(part, {})[own] = changes.pop(name)
    return replace(
        result, **changes, **{p: replace(getattr(result, p), **new) for p, new in parts.items()}
    )


def _split(changes: dict[str, Any]) -> dict[str, Any]:
    """What is of a result, taken out; 'detectors' is the setup's."""
    names = {*PLACES, "left_out"} - {field.name for field in fields(Setup)}
    return {name: changes.pop(name) for name in list(changes) if name in names}


def _facts(options: Options) -> RunFacts:
    """What every result has, whatever became of the run."""
    return RunFacts(
        product="jw01345-o001_t021_nircam_f115w",
        parameters=(
            Setting("searchrad", 2.0, "default"),
            Setting("minobj", 6, "command line"),
            Setting("kron_params", None, "default"),
            Setting("abs_refcat", Path("gaia.ecsv"), "keyword"),
        ),
        options=options,
        versions={"tweakreg_step": "0.1.0", "numpy": np.__version__},
        seconds={"finding sources": 12.5, "matching": 0.8, "solving": 0.1},
        start="2026-11-20T12:00:00+00:00",
    )


def make_result(
    kind: str = "mosaic",
    count: int = 9,
    seed: int = 0,
    reference: bool = True,
    lost: tuple[int, ...] = (),
    doubtful: tuple[int, ...] = (),
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> RunResult:
    """The result of an alignment by the global method.

    Parameters
    ----------
    kind
        'mosaic', 'stack' or 'strip'.
    count, seed
        Number of groups (a mosaic is filled column by column) and seed of the scene.
    reference
        Whether there is a reference catalog.
    lost
        Groups whose detections mean nothing: they are left alone.
    doubtful
        Groups whose verdict is said to be doubtful.
    options
        Fields of `Options`.
    **changes
        Fields of `Setup` (e.g. spurious=0.3, density=0.1, geometry='general') or values of the
        result (e.g. dry_run=True, product='x'), see `PLACES`.
    """
    ours = _split(changes)
    given = {"density": 0.03, "spread": 0.3, "spurious": 0.25, "side": SIDE}
    given |= {"reference_fraction": 0.3 if reference else 0.0, "reference_sigma": 0.002} | changes
    setup = Setup(_centres(kind, count), **given)
    scene = _scrambled(make_scene(setup, seed), lost, seed)
    wanted = Options(**({"minobj": 6, "abs_minobj": 6} | (options or {})))
    solution = solve_jointly(scene.detections, scene.group_count, scene.reference, wanted)
    return changed(assembled(setup, scene, solution, doubtful, wanted), **ours)


def assembled(
    setup: Setup, scene: Scene, solution: Solution, doubtful: tuple[int, ...], options: Options
) -> RunResult:
    layers = len(setup.detectors)
    group_names, images, detectors = _names(scene.group_count, layers)
    group = np.repeat(np.arange(scene.group_count), layers)
    corners, detections = _corners(setup, scene), scene.detections
    every = range(scene.group_count)
    relative = tuple(_verdict(solution, g, doubtful, absolute=False) for g in every)
    absolute = None
    if scene.reference is not None:
        absolute = tuple(_verdict(solution, g, (), absolute=True) for g in every)
    of_group = [_outcome(relative[g], absolute[g] if absolute else None) for g in every]
    achieved = 1e3 * np.sqrt(
        np.trace(solution.groups.covariance[:, :2, :2], axis1=1, axis2=2) / 2.0
    )
    x, y = _pixels(setup, scene).T
    return RunResult(
        run=_facts(options),
        images=ImageResults(
            names=images,
            detectors=detectors,
            group=group,
            pixel_scale=np.full(len(images), PIXEL_SCALE),
            corners_before=corners,
            corners_after=_moved(corners, group, solution),
            detections=np.bincount(detections.image, minlength=len(images)),
            outcomes=tuple(of_group[g] for g in group),
            fits=image_fits(detections, scene.reference, solution, len(images)),
        ),
        groups=GroupResults(group_names, relative, absolute, (), 0.93 * achieved, achieved),
        catalogs=AlignedCatalogs(detections, scene.reference, x, y, _note(scene)),
        solution=solution,
    )


def _note(scene: Scene) -> ReferenceNote | None:
    if scene.reference is None:
        return None
    return ReferenceNote("gaia.ecsv", len(scene.reference), 2016.0, {"release": "DR3"})


def _pixels(setup: Setup, scene: Scene) -> np.ndarray:
    """(N, 2) pixel positions, as if the input WCS were a tangent plane at the detector."""
    detections, group = scene.detections, scene.detections.group
    frames = frames_at(scene.centre[:, 0], scene.centre[:, 1])[group]
    xy = to_plane(directions(detections.ra, detections.dec), frames)
    rolls = np.zeros(scene.group_count) if setup.rolls is None else setup.rolls
    back = np.stack([turn(-roll) for roll in rolls])[group]
    own = np.einsum("nij,nj->ni", back, xy) - setup.detectors[detections.unit]
    return (own + 0.5 * setup.side) / PIXEL_SCALE


def sequential_result(count: int = 4, **changes: Any) -> RunResult:
    """The result of a sequential run: fits in place of a solution, the last group without."""
    result = make_result("stack", count, reference=False, **changes)
    fits: list[GroupFit | None] = [
        GroupFit((0.1 * g, -0.2), 3.0 * g, 1e-5, 40 + g, 2.5) for g in range(count - 1)
    ]
    left = Verdict(Code.TOO_FEW_MATCHES, "Too few matches: 3, 15 are needed.")
    outcomes = [*result.images.outcomes[:-1], Outcome(ImageStatus.FAILED, left.reason)]
    relative = result.groups.relative or ()
    return changed(
        result,
        solution=None,
        fits=(*fits, None),
        outcomes=tuple(outcomes),
        relative=(*relative[:-1], left),
        bound_mas=np.full(count, np.nan),
        achieved_mas=np.full(count, np.nan),
    )


def early_result(count: int = 3, **changes: Any) -> RunResult:
    """The result of a run that ended before anything was aligned: reference out of reach."""
    result = make_result("stack", count, **changes)
    reason = "The reference service could not be reached."
    left = (Verdict(Code.REFERENCE_UNREACHABLE, reason),) * count
    return changed(
        result,
        detections=None,
        reference=None,
        solution=None,
        corners_after=result.images.corners_before,
        x=np.zeros(0),
        y=np.zeros(0),
        outcomes=(Outcome(ImageStatus.FAILED, reason),) * count,
        relative=None,
        absolute=left,
        reference_note=None,
        seconds={},
        bound_mas=np.full(count, np.nan),
        achieved_mas=np.full(count, np.nan),
    )
