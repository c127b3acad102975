"""Motions of detectors of one run as the prior of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stdatamodels.jwst import datamodels
from step_outputs import errors_mas, models_of
from two_detectors import two_detectors

from tweakreg_step.api import AlignmentResult, align, apply
from tweakreg_step.core.exceptions import InputError, ParameterError
from tweakreg_step.simulate import Truth
from tweakreg_step.solutions import write_solution

QUICK = {"sip_approx": False}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Four dithers of two detectors, which are 20 mas off."""
    return two_detectors(tmp_path_factory.mktemp("pair"), 4)


def part(scene: Truth, which: slice) -> Truth:
    return replace(scene, images=scene.images[which])


@pytest.fixture(scope="module")
def calibration(scene: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The solution of the first three dithers, with the motions of both detectors."""
    given = [str(path) for path in scene.files[:6]]
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT"):
            patch.delenv(variable, raising=False)
        result = align(given, str(scene.catalog), detector_motion="rshift", **QUICK)
    assert len(result.detectors) == 2
    return write_solution(result.solution, tmp_path_factory.mktemp("s") / "calibration.asdf")


def run(scene: Truth, **options: object) -> AlignmentResult:
    given = [datamodels.open(path) for path in scene.files]
    return align(given, str(scene.catalog), **(QUICK | options))


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_one_exposure_is_as_good_as_many(scene: Truth, calibration: Path, method: str) -> None:
    last = part(scene, slice(6, 8))
    options = {"detector_motion": "none", "align_method": method}
    without = run(last, **options)
    result = run(last, detector_calibration=str(calibration), **options)
    assert max(errors_mas(models_of(without.library), last)) > 5.0
    assert max(errors_mas(models_of(result.library), last)) < 3.0
    # what is saved is the whole motion
    models = [datamodels.open(path) for path in last.files]
    apply(result, models)
    assert max(errors_mas(models, last)) < 3.0


def test_the_rest_is_fitted_with_their_errors_as_the_prior(scene: Truth, calibration: Path) -> None:
    last = part(scene, slice(4, 8))
    result = run(last, detector_calibration=str(calibration), detector_motion="rshift")
    free = run(last, detector_motion="rshift")
    assert max(errors_mas(models_of(result.library), last)) < 2.0
    level, other = result.solution.level("detector"), free.solution.level("detector")
    assert level is not None
    assert other is not None
    assert np.all(level.sigma[:, :2] < other.sigma[:, :2])
    # differences of the detectors, which a motion of all does not change
    one, two = (np.subtract(*part.shift) for part in (level, other))
    assert np.max(np.abs(one - two)) < 0.003  # arcsec


def test_images_that_are_not_aligned_stay_where_they_were(scene: Truth, calibration: Path) -> None:
    last = part(scene, slice(6, 8))
    result = run(last, detector_calibration=str(calibration), abs_minobj=1000, minobj=1000)
    assert not result.ok
    assert not result.solution.images.moved.any()
    for model, path in zip(models_of(result.library), last.files, strict=True):
        with datamodels.open(path) as given:
            assert np.array_equal(model.meta.wcs(1.0, 2.0), given.meta.wcs(1.0, 2.0))


def test_solutions_without_motions_are_refused_before_the_work(
    scene: Truth, tmp_path: Path
) -> None:
    last = part(scene, slice(6, 8))
    result = run(last, detector_motion="none")
    path = write_solution(result.solution, tmp_path / "none.asdf")
    with pytest.raises(ParameterError, match="has no motions of detectors"):
        align("gone.fits", detector_calibration=str(path))
    with pytest.raises(InputError, match="There is no solution"):
        align("gone.fits", detector_calibration="gone.asdf")
