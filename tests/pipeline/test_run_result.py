"""The result of a run: complete, in the order of the input, and true."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from spoiled import with_noise
from step_outputs import Aligned, call, opened, run_results, statuses

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import AlignmentError
from tweakreg_step.core.outcome import Status
from tweakreg_step.simulate import Truth

OPTIONS = {"sip_approx": False}


def test_the_result_of_an_absolute_alignment(files: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run_results(monkeypatch)
    TweakRegStep.call(str(files.association), abs_refcat=str(files.catalog), **OPTIONS)
    result = kept[0]
    assert result.images.names == tuple(image.file_name for image in files.images)
    assert result.images.group.tolist() == [0, 1, 2]
    assert (
        result.images.detections.sum() == len(result.catalogs.x) == len(result.catalogs.detections)
    )
    assert [len(part) for part in (result.groups.relative, result.groups.absolute)] == [3, 3]
    assert np.all(result.groups.achieved_mas >= 0.9 * result.groups.bound_mas)
    assert result.catalogs.note.size == len(result.catalogs.reference)
    assert dt.datetime.fromisoformat(result.run.start).tzinfo is dt.UTC
    assert result.run.versions["numpy"] == np.__version__
    values = {name: (value, origin) for name, value, origin in result.run.parameters}
    assert values["abs_refcat"] == (str(files.catalog), "keyword")
    assert values["minobj"][1] == "default"


def test_places_before_and_after(absolute: Aligned) -> None:
    result, files = absolute.result, absolute.truth
    x, y = np.array([-0.5, 511.5, 511.5, -0.5]), np.array([-0.5, -0.5, 511.5, 511.5])
    for index, model in enumerate(opened(files)):
        ra, dec = model.meta.wcs(x, y)
        np.testing.assert_allclose(result.images.corners_before[index], np.stack([ra, dec], axis=1))
        moved = result.images.corners_after[index] - result.images.corners_before[index]
        assert np.abs(moved).max() > 1e-6  # degrees: pointing errors are 50 mas and more
        # NIRCam's long-wavelength pixels are 63 mas on a side
        assert result.images.pixel_scale[index] == pytest.approx(0.063, rel=0.01)


def test_there_is_a_result_of_a_failure_as_well(
    files: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = run_results(monkeypatch)
    options = with_noise(files, 0, 1, 2)
    with pytest.raises(AlignmentError):
        TweakRegStep.call(str(files.association), on_failure="raise", **options)
    result = kept[0]
    assert [outcome.status for outcome in result.images.outcomes] == [Status.FAILED] * 3
    assert np.isnan(result.groups.bound_mas).all()
    np.testing.assert_array_equal(result.images.corners_after, result.images.corners_before)


def test_images_without_sources(files: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run_results(monkeypatch)
    library = call(files, snr_threshold=1e9, **OPTIONS)
    assert statuses(library) == ["FAILED"] * 3
    result = kept[0]
    assert result.images.detections.tolist() == [0, 0, 0]
    assert [verdict.code for verdict in result.groups.relative] == ["too_few_sources"] * 3
    assert np.isfinite(result.images.corners_before).all()


def test_the_sequential_method_has_fits_and_verdicts(
    files: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = run_results(monkeypatch)
    TweakRegStep.call(str(files.association), align_method="sequential", **OPTIONS)
    result = kept[0]
    assert result.solution is None
    assert sum(fit is not None for fit in result.groups.fits) >= 2  # the reference image has none
    assert all(verdict.evidence is not None for verdict in result.groups.relative)
    assert np.isnan(result.groups.bound_mas).all()
