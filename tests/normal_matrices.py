"""Reduced normal matrices of scenes with known sources, for the tests of their inverses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg.blocks import inverse_2x2
from tweakreg_step.alignment.linalg.factorisation import Factor, factorise
from tweakreg_step.alignment.solver.hierarchy import Model, Motions, linearise
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.alignment.solver.motions.levels import detector_level
from tweakreg_step.alignment.solver.normal_equations import normal_equations
from tweakreg_step.core.correction import parameter_count, prior_precision
from tweakreg_step.core.sphere import frames_at
from tweakreg_step.simulate.judge import true_sources
from tweakreg_step.simulate.sky import Scene, Setup, layout, make_scene

DETECTORS = np.array([[-33.0, 0.0], [33.0, 0.0]])


def islands(seed: int = 7, **changes: object) -> Scene:
    """Three mosaics of 9, 4 and 9 groups far from each other; the last alone has stars."""
    far = np.array([3000.0, 0.0])
    centres = np.concatenate([layout("mosaic", n, 0.4) + i * far for i, n in enumerate((3, 2, 3))])
    setup = Setup(centres, density=0.01, spread=0.5, reference_fraction=0.3)
    scene = make_scene(replace(setup, **changes), seed)
    assert scene.reference is not None
    near = np.abs(scene.reference.ra - np.median(scene.centre[13:, 0])) < 0.2
    assert 0 < near.sum() < len(near)
    stars = scene.reference
    kept = replace(stars, ra=stars.ra[near], dec=stars.dec[near], covariance=stars.covariance[near])
    return replace(scene, reference=kept, reference_star=scene.reference_star[near])


def normal_of(scene: Scene, geometry: str = "rshift", motion: str = "none") -> tuple[Model, object]:
    """The model of a scene, and its reduced matrix without the prior, sparse."""
    source, star = true_sources(scene)
    links, _ = link(scene.detections, source, scene.reference, star)
    frames, count = frames_at(*scene.centre.T), scene.group_count
    sigmas = (0.3, 100.0, 1e-4)
    prior = np.broadcast_to(prior_precision(geometry, sigmas), (count, parameter_count(geometry)))
    own = prior_precision(motion, (0.02, 20.0, 1e-4))
    units = 0 if motion == "none" else 2
    own = np.broadcast_to(own, (units, len(own)))
    levels = (detector_level(scene.detections, motion, own),) if units else ()
    model = Model(frames, geometry, prior, levels)
    zero = Motions(np.zeros_like(model.prior), tuple(np.zeros_like(x.prior) for x in levels))
    linear = linearise(links, model, zero)
    turned = linear.transform @ links.covariance @ np.swapaxes(linear.transform, 1, 2)
    matrix, _, _ = normal_equations(linear, links, inverse_2x2(turned))
    return model, sparse.csc_matrix(matrix)


def both_factors(model: Model, matrix: object) -> tuple[Factor, Factor]:
    """The dense and the sparse factor of one matrix."""
    return factorise(matrix.toarray(), model.precision), factorise(matrix, model.precision)
