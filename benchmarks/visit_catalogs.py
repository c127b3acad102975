"""Catalogs of real visits without images: what `ceers.py` aligns, drawn anew in a millisecond.

Where the stars of the survey's HST catalog lie on the detectors, and where the delivered WCS puts
these places, is computed once for a visit. A scene is a choice of them with noise and spurious
detections, its detectors moved beside what the visit has, and a reference catalog.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table
from ceers import MISSING, SPURIOUS, correctors, sources
from ceers_images import SHAPE, Image, read_visit

from tweakreg_step.alignment import corrected_directions, image_covariance_at, solve_jointly
from tweakreg_step.core.correction import affine
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.images import Groups
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions, frames_of, from_plane, ra_dec, to_plane
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.simulate import pixel_of
from tweakreg_step.simulate.image_pulls import without_rotation

if TYPE_CHECKING:
    from tweakreg_step.core.solution import Solution

__all__ = ["Sparse", "VisitScene", "visit_scene"]

FALSE = 400
"""Places of spurious detections on each detector to choose from."""

CORNERS = np.array([[0.5, 0.5], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
MOVED = np.array([0.015, 0.015, np.deg2rad(10.0 / 3600.0), 3e-5])
"""How detectors move beside what they do in the visit: two shifts [arcsec], roll [rad], scale."""


@dataclass(frozen=True)
class Sparse:
    """A reference catalog: a share of the stars, their error, and whether it is given [arcsec]."""

    share: float
    sigma: float
    given: bool


@dataclass(frozen=True)
class _Visit:
    """All that may be detected, without noise, and centre and corners of the images."""

    seen: Detections
    star: np.ndarray
    points: Detections
    true: np.ndarray


@dataclass(frozen=True)
class VisitScene:
    """Catalogs of a visit, and where centre and corners (5 I,) of its images are put and belong."""

    detections: Detections
    reference: Reference | None
    points: Detections
    true: np.ndarray

    def solved(self, **options: object) -> Solution:
        """The solution, detectors moving as the data ask for."""
        wanted = Options(**({"detector_motion": "auto"} | options))
        count = int(self.detections.group.max()) + 1
        return solve_jointly(self.detections, count, self.reference, wanted)

    def errors(self, solution: Solution, *, relative: bool) -> tuple[np.ndarray, np.ndarray]:
        """Errors and claims (I, 5, 2) [arcsec], see `image_errors_of`; NaN where not aligned."""
        error = to_plane(corrected_directions(self.points, solution), frames_of(self.true))
        if relative:
            error = without_rotation(error, self.true)
        images = solution.images
        claims = images.relative if relative else images.absolute
        sigma = np.full((len(images), 5, 2), np.nan)
        for image in np.flatnonzero(np.isfinite(claims[:, 0, 0])).tolist():
            own = self.points.image == image
            place = self.points.ra[own], self.points.dec[own]
            there = image_covariance_at(images, claims, image, *place)
            sigma[image] = np.sqrt(np.diagonal(there, axis1=1, axis2=2))
        return error.reshape(-1, 5, 2), sigma


def _gathered(images: list[Image], tables: list[Table]) -> Detections:
    given = correctors(images, tables, "exposure")
    for corrector, image in zip(given, images, strict=True):
        corrector.meta["visit"] = image.name.split("_")[0]
        corrector.meta["group_id"] = f"{corrector.meta['visit']} {image.dither}"
    return gather(Groups.of(images_of(given)))


@cache
def _visit(visits: tuple[str, ...]) -> _Visit:
    images = [image for visit in visits for image in read_visit(visit)]
    stars, rng = sources(), np.random.default_rng(0)
    tables, star, points, true = [], [], [], []
    for image in images:
        x, y = pixel_of(image.published, np.asarray(stars["RA"]), np.asarray(stars["DEC"]))
        inside = (x > 0) & (x < SHAPE[1] - 1) & (y > 0) & (y < SHAPE[0] - 1)
        false = rng.uniform(0.0, SHAPE[0] - 1.0, (2, FALSE))
        tables.append(Table({"x": np.r_[x[inside], false[0]], "y": np.r_[y[inside], false[1]]}))
        star.append(np.r_[np.flatnonzero(inside), np.full(FALSE, -1)])
        corners = CORNERS * (SHAPE[1] - 1.0, SHAPE[0] - 1.0)
        points.append(Table({"x": corners[:, 0], "y": corners[:, 1]}))
        true.append(directions(*image.published.forward_transform(*corners.T)))
    seen = _gathered(images, tables)
    return _Visit(seen, np.concatenate(star), _gathered(images, points), np.concatenate(true))


def _moved(detections: Detections, step: np.ndarray) -> Detections:
    """The detections at directions that are a step (N, 2) [arcsec], east and north, away."""
    frames = frames_of(directions(detections.ra, detections.dec))
    ra, dec = ra_dec(from_plane(step, frames))
    return replace(detections, ra=ra, dec=dec)


def _displaced(detections: Detections, motion: np.ndarray) -> Detections:
    """The detections of detectors whose own motions (U, 4) are to be undone."""
    matrix, shift = affine("rscale", motion)
    unit, place = detections.unit, detections.unit_xy
    seen = np.linalg.solve(matrix[unit], (place - shift[unit])[:, :, None])[:, :, 0]
    step = np.einsum("nij,nj->ni", detections.unit_to_sky, seen - place)
    return replace(_moved(detections, step), unit_xy=seen)


def _reference(seen: np.ndarray, given: Sparse, rng: np.random.Generator) -> Reference:
    """Some of the stars that are on a detector."""
    table = sources()
    on_detector = np.zeros(len(table), bool)
    on_detector[seen] = True
    chosen = np.flatnonzero(on_detector & (rng.random(len(table)) < given.share))
    true = directions(np.asarray(table["RA"])[chosen], np.asarray(table["DEC"])[chosen])
    step = rng.normal(0.0, given.sigma, (len(chosen), 2))
    sigma = np.full(len(chosen), given.sigma if given.given else 0.005)
    return Reference(
        *ra_dec(from_plane(step, frames_of(true))),
        sigma[:, None, None] ** 2 * np.eye(2),
        floor=np.where(given.given, 0.0, sigma),
    )


def visit_scene(
    visits: tuple[str, ...], seed: int, given: Sparse | None, spurious: float = SPURIOUS
) -> VisitScene:
    """A scene, reproducible by its seed; without a reference where none is given."""
    rng = np.random.default_rng(seed)
    visit = _visit(visits)
    seen, image = visit.seen, visit.seen.image
    count = np.bincount(image, visit.star >= 0)
    false = ((1.0 - MISSING) * spurious * count / FALSE)[image]
    share = np.where(visit.star >= 0, 1.0 - MISSING, false)
    kept = rng.random(len(share)) < share
    motion = rng.normal(size=(int(seen.unit.max()) + 1, 4)) * MOVED
    drawn = _displaced(seen.take(kept), motion)
    # errors that nobody gave are those that catalogs mostly have
    noise = np.linalg.cholesky(drawn.covariance) @ rng.normal(size=(int(kept.sum()), 2, 1))
    drawn = _moved(drawn, noise[:, :, 0])
    stars = None if given is None else _reference(visit.star[visit.star >= 0], given, rng)
    return VisitScene(drawn, stars, _displaced(visit.points, motion), visit.true)
