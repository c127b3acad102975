"""A field of two detectors and a reference, fitted, of which nobody gave the errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tweakreg_step.alignment.solver import robust
from tweakreg_step.alignment.solver.hierarchy import Model, Motions
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

MAS = 1e-3
POLE = 30.0, 60.0
GROUPS = 4


def _sky(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ra_dec(from_plane(places, frames_at(*POLE)))


def fitted(
    seed: int,
    stars: int = 60,
    *,
    star_mas: float = 2.0,
    detector_mas: tuple[float, float] = (1.0, 3.0),
    bad: int = 0,
    given: float = 0.0,
) -> robust.Fit:
    """Four exposures of two detectors and a reference; 150 sources, the first are in it.

    Usual errors are 5 mas for stars and 1.5 mas for detections, all of it unknown. `bad`
    detections are anywhere, a share `given` of the stars has true errors.
    """
    rng = np.random.default_rng(seed)
    places = rng.uniform(-30.0, 30.0, (150, 2))
    detector = np.tile(np.where(places[:, 0] < 0.0, 0, 1), GROUPS)
    noise = MAS * np.array(detector_mas)[detector][:, None] * rng.normal(size=(150 * GROUPS, 2))
    noise[rng.choice(len(noise), bad, replace=False)] = 0.03 * rng.normal(size=(bad, 2))
    ra, dec = _sky(np.tile(places, (GROUPS, 1)) + noise)
    group = np.repeat(np.arange(GROUPS), 150)
    detections = Detections.simple(ra, dec, group, 1.5 * MAS)
    usual = np.full(len(ra), 1.5 * MAS)
    detections = replace(detections, detector=detector, floor=usual, image=2 * group + detector)
    seen = places[:stars] + star_mas * MAS * rng.normal(size=(stars, 2))
    known = rng.random(stars) < given
    sigma = np.where(known, star_mas, 5.0) * MAS
    reference = Reference(
        *_sky(seen), (sigma**2)[:, None, None] * np.eye(2), floor=np.where(known, 0.0, sigma)
    )
    star = np.full(150, -1)
    star[:stars] = np.arange(stars)
    links, _ = link(detections, np.tile(np.arange(150), GROUPS), reference, star)
    frames = frames_at(np.full(GROUPS, POLE[0]), np.full(GROUPS, POLE[1]))
    prior = np.broadcast_to([10.0, 10.0, 4e6], (GROUPS, 3))
    start = robust.Start(Motions(np.zeros((GROUPS, 3))))
    return robust.fit(links, Model(frames, "rshift", prior), start)
