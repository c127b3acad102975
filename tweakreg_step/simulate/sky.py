"""Scenes of catalogs with known truth: the alignment without images and without a WCS.

A scene is drawn in four stages: stars on the sky, footprints of groups on them, what each group
detects (noise, missing, spurious), and the motion that the true positions are displaced by. The
truth is what a perfect alignment would find.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.core.correction import affine, parameter_count
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.sphere import chord, directions, frames_at, from_plane, ra_dec, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["Scene", "Setup", "displacement_errors", "joined", "layout", "make_scene"]


@dataclass(frozen=True, slots=True)
class Setup:
    """How a scene is drawn.

    Attributes
    ----------
    centres
        (G, 2) of the groups in the plane tangent at `pole` [arcsec].
    rolls
        (G,) of the groups' fields [degrees].
    side
        Of the square field of one detector [arcsec].
    detectors
        (K, 2) positions of the detectors in the group's own plane [arcsec].
    density
        Stars per arcsec^2.
    sigma
        Centroid error per axis [arcsec].
    spread
        Errors of the detections are `sigma` times 10^u, u uniform between 0 and this.
    missing, spurious
        Fraction of the stars that a group misses; spurious detections per star detected.
    geometry
        Of the groups' true motions.
    shift, roll, scale
        Standard deviations of the true motions: arcsec, arcsec as angle, dimensionless.
    motion_shift, motion_roll, motion_scale
        The same for the detectors' own motions, shared by all groups.
    reference_fraction, reference_sigma
        Fraction of the stars in the reference catalog, none if 0; their error [arcsec].
    pole
        (ra, dec) of the scene's centre [degrees].
    """

    centres: FloatArray
    rolls: FloatArray | None = None
    side: float = 64.0
    detectors: FloatArray = field(default_factory=lambda: np.zeros((1, 2)))
    density: float = 0.05
    sigma: float = 0.0015
    spread: float = 0.0
    missing: float = 0.2
    spurious: float = 0.0
    geometry: str = "rshift"
    shift: float = 0.3
    roll: float = 60.0
    scale: float = 3e-5
    motion_shift: float = 0.0
    motion_roll: float = 0.0
    motion_scale: float = 0.0
    reference_fraction: float = 0.0
    reference_sigma: float = 0.001
    pole: tuple[float, float] = (150.0, 30.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene with its truth.

    Attributes
    ----------
    detections, reference
        What the alignment is given.
    group_count
        G.
    star
        (N,) true star of each detection, -1 where spurious.
    reference_star
        (M,) true star of each reference star.
    centre
        (G, 2) tangent points of the true motions [degrees].
    matrix, shift
        (G, 2, 2), (G, 2) [arcsec] of the motions that undo the displacement.
    grid
        (G, 5, 2) as-observed positions of each field's centre and corners [degrees], and
    grid_true
        where they truly are.
    motion_shift, motion_roll, motion_scale
        (K, 2) [arcsec], (K,) [radians], (K,) of the motions that undo the detectors' own.
    """

    detections: Detections
    reference: Reference | None
    group_count: int
    star: IntArray
    reference_star: IntArray
    centre: FloatArray
    matrix: FloatArray
    shift: FloatArray
    grid: FloatArray
    grid_true: FloatArray
    motion_shift: FloatArray
    motion_roll: FloatArray
    motion_scale: FloatArray


def layout(kind: str, count: int, overlap: float = 0.2, side: float = 64.0) -> FloatArray:
    """Centres (G, 2) [arcsec] of 'stack', 'mosaic' (count per side) or 'strip' of fields.

    The stack's dithers are spread over a tenth of the field, on a spiral.
    """
    step = side * (1.0 - overlap)
    if kind == "stack":
        turn = 2.399963 * np.arange(count)  # the golden angle fills a disc evenly
        radius = 0.1 * side * np.sqrt(np.arange(count) / max(count, 1))
        return np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    if kind == "strip":
        return np.stack([step * (np.arange(count) - 0.5 * (count - 1)), np.zeros(count)], axis=1)
    if kind == "mosaic":
        x, y = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        return np.asarray(step * (np.stack([x.ravel(), y.ravel()], axis=1) - 0.5 * (count - 1)))
    raise ValueError(f"The layout is '{kind}', but 'stack', 'mosaic' or 'strip' is needed.")


def _true_parameters(setup: Setup, rng: np.random.Generator) -> FloatArray:
    turn = np.deg2rad(setup.roll / 3600.0)
    sigma = np.array([setup.shift, setup.shift, turn, setup.scale, setup.scale, setup.scale])
    count = parameter_count(setup.geometry)
    return np.asarray(rng.normal(size=(len(setup.centres), 6))[:, :count] * sigma[:count])


@dataclass(frozen=True, slots=True)
class _View:
    """One detector of one group: what it sees, in the plane of the group's tangent point."""

    star: IntArray
    detector_xy: FloatArray
    group_xy: FloatArray
    turn: FloatArray


def _view(stars: cKDTree, frame: FloatArray, roll: float, setup: Setup, layer: int) -> _View:
    centre, side = setup.detectors[layer], setup.side
    # only stars near by are looked at: fields of a large mosaic would else cost its square
    reach = float(chord(1.01 * (np.hypot(*centre) + 0.75 * side)))
    near = np.sort(np.asarray(stars.query_ball_point(frame[2], reach), dtype=np.int64))
    cosine, sine = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    group_xy = to_plane(stars.data[near], frame)
    own = group_xy @ turn - centre
    inside = np.flatnonzero(np.all(np.abs(own) < 0.5 * side, axis=1))
    return _View(near[inside], own[inside], group_xy[inside], turn)


def _seen(
    view: _View, setup: Setup, rng: np.random.Generator, centre: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    kept = rng.random(len(view.star)) >= setup.missing
    extra = rng.poisson(setup.spurious * kept.sum())
    loose = rng.uniform(-0.5, 0.5, (extra, 2)) * setup.side
    star = np.concatenate([view.star[kept], np.full(extra, -1)])
    own = np.concatenate([view.detector_xy[kept], loose])
    group_xy = np.concatenate([view.group_xy[kept], (loose + centre) @ view.turn.T])
    return star, own, group_xy


def _undo(positions: FloatArray, matrix: FloatArray, shift: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(matrix, (positions - shift).T).T)


@dataclass(frozen=True, slots=True)
class _Truth:
    """What moves what: groups (G, ...) and detectors (K, ...)."""

    frames: FloatArray
    rolls: FloatArray
    matrix: FloatArray
    shift: FloatArray
    motion: FloatArray
    own_matrix: FloatArray
    own_shift: FloatArray


def _truth(setup: Setup, centre: FloatArray, rng: np.random.Generator) -> _Truth:
    matrix, shift = affine(setup.geometry, _true_parameters(setup, rng))
    turn = np.deg2rad(setup.motion_roll / 3600.0)
    sigma = [setup.motion_shift, setup.motion_shift, turn, setup.motion_scale]
    motion = rng.normal(size=(len(setup.detectors), 4)) * np.array(sigma)
    own_matrix, own_shift = affine("rscale", motion)
    rolls = np.zeros(len(setup.centres)) if setup.rolls is None else setup.rolls
    frames = frames_at(centre[:, 0], centre[:, 1])
    return _Truth(frames, rolls, matrix, shift, motion, own_matrix, own_shift)


def _image(
    setup: Setup,
    stars: cKDTree,
    truth: _Truth,
    which: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Detections, IntArray]:
    """The detections of one detector of one group, and their true stars."""
    group, layer = which
    place, frame = setup.detectors[layer], truth.frames[group]
    view = _view(stars, frame, truth.rolls[group], setup, layer)
    star, own, group_xy = _seen(view, setup, rng, place)
    # The star truly is at M own + s of the detector, which sees it at own.
    observed = _undo(own, truth.own_matrix[layer], truth.own_shift[layer])
    group_xy = group_xy + (observed - own) @ view.turn.T
    sigma = setup.sigma * 10.0 ** rng.uniform(0.0, setup.spread, len(star))
    displaced = _undo(group_xy, truth.matrix[group], truth.shift[group])
    displaced = displaced + sigma[:, None] * rng.normal(size=displaced.shape)
    ra, dec = ra_dec(from_plane(displaced, frame))
    count = len(star)
    detections = Detections(
        ra=ra,
        dec=dec,
        covariance=(sigma**2)[:, None, None] * np.eye(2),
        group=np.full(count, group),
        image=np.full(count, group * len(setup.detectors) + layer),
        unit=np.full(count, layer),
        unit_xy=observed,
        unit_to_sky=np.broadcast_to(view.turn, (count, 2, 2)).copy(),
        flux=np.full(count, np.nan),
    )
    return detections, star


def joined(parts: list[Detections]) -> Detections:
    """Several sets of detections in one."""
    names = Detections.__slots__
    return Detections(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def make_scene(setup: Setup, seed: int) -> Scene:
    """A scene, reproducible by its seed."""
    rng = np.random.default_rng(seed)
    pole = frames_at(*setup.pole)
    reach = 0.75 * setup.side + float(np.abs(setup.detectors).max()) * 1.5 + 5.0
    low, high = setup.centres.min(axis=0) - reach, setup.centres.max(axis=0) + reach
    total = rng.poisson(setup.density * float(np.prod(high - low)))
    stars = from_plane(rng.uniform(low, high, (total, 2)), pole)
    centre = np.stack(ra_dec(from_plane(setup.centres, pole)), axis=1)
    truth = _truth(setup, centre, rng)
    count, layers = len(setup.centres), len(setup.detectors)
    tree = cKDTree(stars)
    parts = [
        _image(setup, tree, truth, (group, layer), rng)
        for group in range(count)
        for layer in range(layers)
    ]
    reference, reference_star = _reference(setup, stars, rng)
    grid, grid_true = _grids(setup, truth)
    return Scene(
        detections=joined([part for part, _ in parts]),
        reference=reference,
        group_count=count,
        star=np.concatenate([star for _, star in parts]),
        reference_star=reference_star,
        centre=centre,
        matrix=truth.matrix,
        shift=truth.shift,
        grid=grid,
        grid_true=grid_true,
        motion_shift=truth.motion[:, :2],
        motion_roll=truth.motion[:, 2],
        motion_scale=truth.motion[:, 3],
    )


def _reference(
    setup: Setup, stars: FloatArray, rng: np.random.Generator
) -> tuple[Reference | None, IntArray]:
    if setup.reference_fraction <= 0.0:
        return None, np.zeros(0, np.int64)
    chosen = np.flatnonzero(rng.random(len(stars)) < setup.reference_fraction)
    frames = frames_at(*ra_dec(stars[chosen]))
    noise = setup.reference_sigma * rng.normal(size=(len(chosen), 2))
    ra, dec = ra_dec(from_plane(noise, frames))
    covariance = np.broadcast_to(setup.reference_sigma**2 * np.eye(2), (len(chosen), 2, 2)).copy()
    return Reference(ra, dec, covariance), chosen.astype(np.int64)


def _grids(setup: Setup, truth: _Truth) -> tuple[FloatArray, FloatArray]:
    extent = np.abs(setup.detectors).max(axis=0) + 0.5 * setup.side
    corners = np.array([[0, 0], [-1, -1], [-1, 1], [1, -1], [1, 1]]) * extent
    observed, true = [], []
    for frame, roll, m, s in zip(truth.frames, truth.rolls, truth.matrix, truth.shift, strict=True):
        cosine, sine = np.cos(np.deg2rad(roll)), np.sin(np.deg2rad(roll))
        places = corners @ np.array([[cosine, sine], [-sine, cosine]])
        true.append(np.stack(ra_dec(from_plane(places, frame)), axis=1))
        observed.append(np.stack(ra_dec(from_plane(_undo(places, m, s), frame)), axis=1))
    return np.stack(observed), np.stack(true)


def displacement_errors(
    scene: Scene, centre: tuple[FloatArray, FloatArray], matrix: FloatArray, shift: FloatArray
) -> FloatArray:
    """Errors (G, 5, 2) [arcsec] at the fields' centres and corners of corrections found.

    Parameters
    ----------
    scene
        The truth.
    centre
        Right ascensions and declinations (G,) of the tangent points of the corrections [degrees].
    matrix, shift
        (G, 2, 2), (G, 2) [arcsec].
    """
    errors = np.empty(scene.grid.shape)
    for group in range(scene.group_count):
        frame = frames_at(centre[0][group], centre[1][group])
        observed = directions(scene.grid[group, :, 0], scene.grid[group, :, 1])
        moved = from_plane(to_plane(observed, frame) @ matrix[group].T + shift[group], frame)
        true_frames = frames_at(scene.grid_true[group, :, 0], scene.grid_true[group, :, 1])
        errors[group] = to_plane(moved, true_frames)
    return errors
