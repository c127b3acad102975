"""Motions carried to other exposures: against the truth, and their stated errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from states import wcs_state
from stdatamodels.jwst import datamodels
from two_detectors import two_detectors

from tweakreg_step.api import AlignmentResult, align, transfer, undo
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import ImageTruth, Truth, true_wcs

X, Y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 511, 5), np.linspace(0, 511, 5)))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Three dithers of two detectors, which are 20 mas off."""
    return two_detectors(tmp_path_factory.mktemp("pair"), 3)


def of(scene: Truth, detector: str) -> list[int]:
    return [i for i, image in enumerate(scene.images) if image.detector == detector]


def models(scene: Truth, which: list[int]) -> list[Any]:
    return [datamodels.open(scene.files[i]) for i in which]


@pytest.fixture(scope="module")
def result(scene: Truth) -> AlignmentResult:
    """Detector A alone, aligned to the reference. Nobody may change it."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT"):
            patch.delenv(variable, raising=False)
        given = models(scene, of(scene, "NRCALONG"))
        return align(given, str(scene.catalog), sip_approx=False)


def off(model: Any, image: ImageTruth) -> np.ndarray:
    """Distance (east, north) [mas] of an image's middle from the truth, and its roll [arcsec]."""
    there = np.array(true_wcs(image).forward_transform(X, Y))
    here = np.array(model.meta.wcs.forward_transform(X, Y))
    frame = frames_at(*there[:, 12])
    goal, found = (to_plane(directions(*places), frame) for places in (there, here))
    slopes = np.linalg.lstsq(goal - goal.mean(0), found - found.mean(0), rcond=None)[0].T
    roll = np.rad2deg(np.arctan2(slopes[1, 0] - slopes[0, 1], slopes[0, 0] + slopes[1, 1]))
    return np.array([*(1e3 * (found - goal).mean(0)), 3600.0 * roll])


def check(scene: Truth, which: list[int], carried: list[Any], table: Table) -> np.ndarray:
    """Errors in units of those that are stated, none beyond 3.5; returns the stated ones."""
    stated = np.array([[row[f"error_{x}"] for x in ("east", "north", "roll")] for row in table])
    true = np.array([off(model, scene.images[i]) for model, i in zip(carried, which, strict=True)])
    assert np.all(np.abs(true) < 3.5 * stated), (true, stated)
    return stated


def test_another_detector_in_parallel(scene: Truth, result: AlignmentResult) -> None:
    which = of(scene, "NRCBLONG")
    given = models(scene, which)
    assert (
        np.max(np.abs([off(m, scene.images[i])[:2] for m, i in zip(given, which, strict=True)]))
        > 100.0
    )
    done = transfer(result, given)
    assert list(done.table["done"]) == ["carried"] * 3
    assert list(done.table["from"]) == [f"exposure {scene.images[i].group}" for i in which]
    stated = check(scene, which, given, done.table)
    assert np.all(stated[:, :2] > 20.0)  # where the detector lies
    assert np.all(stated[:, :2] < 40.0)
    for model in given:
        assert model.meta.cal_step.tweakreg == "COMPLETE"
        words = model.meta.tweakreg_report.instance
        assert words["carried_from"].startswith("exposure")
        assert words["error_east_mas"] > 20.0
        cards = {card[0] for card in model.extra_fits.PRIMARY.header}
        assert {"TWRFROM", "TWRTE", "TWRTN", "TWRTROLL", "TWRSOLN"} <= cards
    # once more is nothing more, and it can be taken back
    state = [wcs_state(model) for model in given]
    assert list(transfer(result, given).table["done"]) == ["already carried"] * 3
    assert [wcs_state(model) for model in given] == state
    undo(given)
    assert [wcs_state(m) for m in given] == [wcs_state(m) for m in models(scene, which)]


def test_another_filter_in_files(scene: Truth, result: AlignmentResult, tmp_path: Path) -> None:
    which = of(scene, "NRCALONG")[:1]
    path = tmp_path / "jw00001001001_02101_00001_nrcalong_f444w_cal.fits"
    with datamodels.open(scene.files[which[0]]) as model:
        model.meta.instrument.filter = "F444W"
        model.save(path)
    done = transfer(result, path)
    with datamodels.open(path) as model:
        stated = check(scene, which, [model], done.table)
    assert np.all(stated[:, :2] < 5.0)
    beside = Table.read(next(tmp_path.glob("*_transfer.ecsv")))
    assert beside["error_east"][0] == pytest.approx(stated[0, 0])


def test_the_visit_stands_in_for_an_exposure_that_was_not_aligned(
    scene: Truth, result: AlignmentResult
) -> None:
    saved = result.solution
    last = scene.images[of(scene, "NRCALONG")[2]].group
    status = tuple(
        "FAILED" if saved.groups.names[g] == last else s
        for g, s in zip(saved.images.group.tolist(), saved.images.status, strict=True)
    )
    solution = replace(saved, images=replace(saved.images, status=status))
    which = of(scene, "NRCALONG")[2:]
    given = models(scene, which)
    done = transfer(solution, given)
    assert list(done.table["from"]) == ["visit jw00001001001"]
    check(scene, which, given, done.table)
    # a parallel exposure has its own name, and the same time
    given = models(scene, of(scene, "NRCBLONG")[:1])
    given[0].meta.observation.sequence_id = "2"
    given[0].meta.group_id = None
    done = transfer(result, given)
    assert list(done.table["from"]) == ["exposure jw00001001001_02101_1"]


def test_one_exposure_stands_for_its_visit_with_the_usual_scatter(
    scene: Truth, result: AlignmentResult
) -> None:
    saved = result.solution
    status = ("COMPLETE", "FAILED", "FAILED")
    solution = replace(saved, images=replace(saved.images, status=status))
    given = models(scene, of(scene, "NRCALONG")[1:2])
    done = transfer(solution, given)
    assert 10.0 < done.table["error_east"][0] < 12.0


def test_cubes_of_images(scene: Truth, result: AlignmentResult) -> None:
    image = models(scene, of(scene, "NRCALONG")[:1])[0]
    cube = datamodels.CubeModel(data=np.zeros((2, 512, 512), np.float32))
    cube.update(image)
    cube.meta.instance["wcs"] = image.meta.wcs
    cube.meta.filename = "jw00001001001_02101_00001_nrcalong_calints.fits"
    assert list(transfer(result, cube).table["done"]) == ["carried"]
    assert "v2v3corr" in cube.meta.wcs.available_frames
    with pytest.raises(InputError, match="only images can be aligned"):
        align(cube)


def test_the_sequential_method_has_errors_and_carries_within_them(
    scene: Truth, result: AlignmentResult
) -> None:
    which = of(scene, "NRCALONG")
    given = models(scene, which)
    one = align(given, str(scene.catalog), align_method="sequential", sip_approx=False).solution
    level, jointly = one.levels[0], result.solution.levels[0]
    assert one.method == "sequential"
    assert np.all(np.einsum("gii->gi", level.covariance)[:, :3] > 0.0)
    # of the same catalogs the joint solution has the least errors
    assert np.all(np.sum(level.sigma[:, :2] ** 2 - jointly.sigma[:, :2] ** 2, axis=1) > 0.0)
    other = models(scene, which)
    for model in other:
        model.meta.instrument.filter = "F444W"
    stated = check(scene, which, other, transfer(one, other).table)
    assert np.isfinite(stated).all()
    assert np.all(stated[:, :2] < 6.0)


# ---- what is refused


def test_spectra_are_refused_by_name(scene: Truth, result: AlignmentResult) -> None:
    given = models(scene, [0])[0]
    given.meta.exposure.type = "NRC_WFSS"
    with pytest.raises(InputError, match=r"nrcalong_cal\.fits' is a spectrum \(NRC_WFSS\)"):
        transfer(result, given)
    slit = datamodels.SlitModel()
    slit.meta.filename = "slit_cal.fits"
    with pytest.raises(InputError, match=r"'slit_cal\.fits' is a SlitModel"):
        transfer(result, slit)


def test_exposures_that_were_aligned_and_visits_that_were_not(
    scene: Truth, result: AlignmentResult
) -> None:
    given = models(scene, of(scene, "NRCBLONG")[:1])
    transfer(result, given)
    saved = result.solution
    level = replace(saved.levels[0], shift=saved.levels[0].shift + 0.1)
    with pytest.raises(InputError, match="was aligned already"):
        transfer(replace(saved, levels=(level,)), given)
    images = replace(saved.images, corrected=np.ones(3, bool))
    with pytest.raises(InputError, match="had been aligned before the run"):
        transfer(replace(saved, images=images), models(scene, [1]))
    other = models(scene, [1])
    other[0].meta.observation.visit_number = "007"
    other[0].meta.group_id = None
    with pytest.raises(InputError, match=r"No exposure of the visit .* \(jw00001001007\)"):
        transfer(result, other)
