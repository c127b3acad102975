"""What a detector is in its filters and visits, told apart from what is the same in all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import POLE, catalogs, field

from tweakreg_step.alignment.solver.motions.detector_parents import (
    MODULE,
    PLACEMENT,
    parents_of_units,
)
from tweakreg_step.alignment.solver.motions.levels import DETECTOR
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

PRIOR = np.array([2500.0, 2500.0, 1e8])
CENTRES = np.array([[-70.0, 5.0], [0.0, -10.0], [70.0, 5.0]])


def _detections(detectors: int, bands: int, visits: int) -> Detections:
    """One detection for each detector, filter and visit, which are all seen."""
    every = np.stack(np.meshgrid(*map(np.arange, (detectors, bands, visits)), indexing="ij"))
    detector, band, visit = every.reshape(3, -1)
    unit = np.arange(len(detector))
    given = catalogs(field(np.random.default_rng(1), len(unit)))
    return replace(given, unit=unit, detector=detector, band=band, visit=visit)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3, 1, 1), []),
        ((3, 2, 1), ["detector over the run"]),
        ((3, 1, 2), ["detector over the run", PLACEMENT]),
        ((1, 1, 2), ["detector over the run"]),
        (
            (3, 2, 2),
            ["detector over the run", "detector and filter", "detector in a visit", PLACEMENT],
        ),
    ],
)
def test_levels_are_there_where_they_differ(shape: tuple[int, int, int], expected: list) -> None:
    parents = parents_of_units(_detections(*shape), "rshift", PRIOR)
    assert [parent.name for parent in parents] == expected
    assert {parent.child for parent in parents} <= {DETECTOR}
    for parent in parents:
        assert parent.unit.shape == (np.prod(shape),)
        assert parent.prior.shape == (parent.unit.max() + 1, parent.carry.shape[2])


def test_visits_that_are_unknown_have_no_placement() -> None:
    given = replace(_detections(3, 1, 2), visit=np.full(6, -1))
    assert PLACEMENT not in [parent.name for parent in parents_of_units(given, "shift", PRIOR[:2])]


def test_detectors_are_where_they_lie_whichever_an_exposure_has() -> None:
    """Exposures with rolls of their own, the second without the first detector."""
    turns, pole = np.deg2rad([20.0, -40.0]), frames_at(*POLE)
    parts = []
    for group, (turn, present) in enumerate(zip(turns, ([0, 1, 2], [1, 2]), strict=True)):
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for detector in present:
            xy = field(np.random.default_rng(10 * group + detector), 50, 60.0)
            on_sky = (CENTRES[detector] + xy) @ matrix.T + 20.0 * group
            ra, dec = ra_dec(from_plane(on_sky, pole))
            one = Detections.simple(ra, dec, np.full(50, group), 0.001)
            label = np.full(50, detector)
            parts.append(
                replace(
                    one,
                    unit=label + 3 * group,
                    detector=label,
                    visit=np.full(50, group),
                    unit_xy=xy,
                    unit_to_sky=np.broadcast_to(matrix, (50, 2, 2)).copy(),
                )
            )
    names = Detections.__slots__
    given = Detections(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})
    placement = parents_of_units(given, "rscale", np.ones(4))[-1]
    assert placement.unit.tolist() == [0, 0, 0, -1, 1, 1]
    found = placement.carry[[0, 1, 2, 4, 5], :2, 0]
    expected = CENTRES - CENTRES.mean(axis=0)
    np.testing.assert_allclose(found, expected[[0, 1, 2, 1, 2]], atol=0.05)
    assert not placement.carry[:, 2:].any()


def _of_modules(rng: np.random.Generator) -> Detections:
    """An exposure of two modules, 100 arcsec apart, of two detectors with a gap of 5 arcsec."""
    centres = np.array([[x, y] for x in (-50.0, 50.0) for y in (-32.5, 32.5)])
    unit = np.repeat(np.arange(4), 200)
    xy = rng.uniform(-30.0, 30.0, (800, 2))
    given = catalogs(centres[unit] + xy)
    return replace(given, unit=unit, detector=unit, unit_xy=xy, visit=np.zeros(800, int))


@pytest.mark.parametrize(("geometry", "width"), [("shift", 2), ("rshift", 3), ("rscale", 4)])
def test_detectors_side_by_side_roll_as_one(geometry: str, width: int) -> None:
    prior = np.append(PRIOR, 1e8)[:width]
    (module,) = parents_of_units(_of_modules(np.random.default_rng(1)), geometry, prior)
    assert module.name == MODULE
    assert module.unit[0] == module.unit[1] != module.unit[2] == module.unit[3]
    # half of the distance of 65 arcsec between the two, along y
    if width > 2:
        np.testing.assert_allclose(module.carry[:2, 0, 2], [32.5, -32.5], atol=0.7)
    if width > 3:
        np.testing.assert_allclose(module.carry[:2, 1, 3], [-32.5, 32.5], atol=0.7)
