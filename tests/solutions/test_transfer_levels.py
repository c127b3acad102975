"""Motions carried by the levels of a solution, against the truth and their stated errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_solutions import large_solution
from stdatamodels.jwst import datamodels

from tweakreg_step.api import align, transfer
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import ImageTruth, mosaic, perturbed, true_wcs
from tweakreg_step.simulate.stars import reference_catalog
from tweakreg_step.solutions import SavedLevel, SavedSolution, read_solution, write_solution
from tweakreg_step.solutions.carried_motion import Wanted, carried_motion

VISITS, EXPOSURES, ALIGNED = 2, 7, 4
WITHIN = 0.004  # of exposures about their visit, per axis [arcsec]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[ImageTruth], Path]:
    """Two visits that are 0.2 arcsec off, whose exposures are 4 mas and 1 arcsec of roll apart."""
    folder = tmp_path_factory.mktemp("visits")
    settings = mosaic.Mosaic(
        seed=11,
        tiles=(1, VISITS),
        dithers=EXPOSURES,
        shape=(512, 512),
        stars_per_image=40,
        overlap=0.9,
        pointing_shift=WITHIN * np.sqrt(2.0),
        pointing_roll=1.0,
        flux_limits=(20.0, 3000.0),
    )
    rng = np.random.default_rng(4)
    errors = np.repeat(rng.normal(0.0, [0.2, 0.2, 30.0], (VISITS, 3)), EXPOSURES, axis=0)
    drawn = zip(mosaic.mosaic_images(settings), errors.tolist(), strict=True)
    images = [replace(one, claimed=perturbed(one.claimed, *error)) for one, error in drawn]
    stars = mosaic.mosaic_stars(settings, tuple(images))
    for number, image in enumerate(images):
        mosaic._write_image(folder, settings, number, image, stars)
    catalog = folder / "reference.ecsv"
    reference_catalog(stars, fraction=0.8, sigma=1.0, seed=11).write(catalog)
    models = [datamodels.open(folder / image.file_name) for image in images]
    return models, images, catalog


@pytest.fixture(scope="module")
def solution(scene: tuple[list[Any], list[ImageTruth], Path]) -> SavedSolution:
    """The solution of the first exposures of each visit."""
    models, _, catalog = scene
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT"):
            patch.delenv(variable, raising=False)
        given = [one for i, one in enumerate(models) if i % EXPOSURES < ALIGNED]
        return align(given, str(catalog), sip_approx=False).solution


def off(model: Any, image: ImageTruth) -> np.ndarray:
    """Distance (east, north) [mas] of an image's middle from the truth."""
    places = [wcs.forward_transform(255.5, 255.5) for wcs in (true_wcs(image), model.meta.wcs)]
    return np.asarray(1e3 * to_plane(directions(*places[1])[None], frames_at(*places[0]))[0])


def test_visits_are_in_the_file_with_covariance_and_scatter(
    solution: SavedSolution, tmp_path: Path
) -> None:
    found = read_solution(write_solution(solution, tmp_path / "a.asdf"))
    visit, group = found.level("visit"), found.level("group")
    assert visit is not None
    assert group is not None
    assert visit.units == ("jw00001001001", "jw00001002001")
    assert np.array_equal(visit.of_image, np.repeat([0, 1], ALIGNED))
    assert np.all(np.linalg.eigvalsh(visit.covariance) > 0.0)
    # as the exposures truly scatter, from eight of them
    assert group.scatter[0] == pytest.approx(WITHIN, rel=0.6)
    # known better than one exposure more is
    assert np.all(visit.sigma[:, :2] < group.scatter[0])


def test_the_motion_of_a_visit_is_true_within_the_error_stated(
    scene: tuple[list[Any], list[ImageTruth], Path], solution: SavedSolution
) -> None:
    models, images, _ = scene
    which = [i for i in range(len(images)) if i % EXPOSURES >= ALIGNED]
    given = [models[i].copy() for i in which]
    assert min(np.hypot(*off(one, images[i])) for one, i in zip(given, which, strict=True)) > 60.0
    done = transfer(solution, given).table
    assert set(done["from"]) == {"visit jw00001001001", "visit jw00001002001"}
    stated = np.array([[row["error_east"], row["error_north"]] for row in done])
    true = np.array([off(one, images[i]) for one, i in zip(given, which, strict=True)])
    pulls = true / stated
    assert np.all(stated > 1e3 * WITHIN / 2.0)
    assert np.all(stated < 1e3 * WITHIN * 2.5)
    # twelve numbers, in threes with the error of their visit
    assert 0.4 < np.sqrt(np.mean(pulls**2)) < 1.6
    assert np.max(np.abs(pulls)) < 3.5


# ---- detectors, of numbers made up


def level(name: str, units: int, of_image: list[int], **values: Any) -> SavedLevel:
    rest: dict[str, Any] = {
        "centre": np.full((units, 2), np.nan),
        "matrix": np.tile(np.eye(2), (units, 1, 1)),
        "covariance": np.tile(np.diag([1e-6, 1e-6, 0.0]), (units, 1, 1)),
    }
    return SavedLevel(
        name, "rshift", "detector", ("",) * units, of_image=np.array(of_image), **rest | values
    )


def test_another_filter_has_what_the_detector_is_in_all_and_the_scatter_of_filters() -> None:
    made = large_solution(2)
    shifts = np.array([[0.020, 0.0], [0.026, 0.0]])
    whole = level("detector over the run", 1, [0, 0], shift=np.array([[0.023, 0.001]]))
    units = level("detector", 2, [0, 1], shift=shifts, scatter=np.array([0.003, 0.0]))
    filters = level("detector and filter", 2, [0, 1], shift=shifts * 0, scatter=np.full(2, 0.004))
    two = replace(
        made,
        images=replace(made.images, filters=("F356W", "F444W")),
        levels=(*made.levels, units, whole, filters),
    )
    wanted = Wanted("x", two.groups.names[0], "NRCALONG", "F277W", None, np.array([0.0, 0.0]))
    found = carried_motion(two, wanted)
    assert found.detector_motion is not None
    assert np.allclose(found.detector_motion[1], [0.023, 0.001])
    plain = carried_motion(replace(two, levels=made.levels), wanted).error
    added = np.sqrt(found.error[:2] ** 2 - plain[:2] ** 2 + 0.003**2)  # the usual one of filters
    assert np.allclose(added, np.sqrt(1e-6 + 0.003**2 + 0.004**2))
    # a filter that was aligned has its own motion
    own = carried_motion(two, replace(wanted, band="F444W"))
    assert own.detector_motion is not None
    assert np.allclose(own.detector_motion[1], [0.026, 0.0])
    # with one filter alone, what the detector is with it is not told apart
    one = replace(two, images=replace(two.images, filters=("F356W", "F356W")))
    assert np.allclose(carried_motion(one, wanted).detector_motion[1], [0.020, 0.0])  # type: ignore[index]
