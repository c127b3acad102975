"""Against the stock packages, in one run: `make test-jwst` brings them in."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from stdatamodels.jwst import datamodels
from tweakwcs.correctors import JWSTWCSCorrector

import tweakreg_step
from tweakreg_step.simulate import Truth, pixel_of, simulate_mosaic, truth_error

pytestmark = pytest.mark.jwst

# "The same WCS": both run the same code of tweakwcs on the same numbers.
SAME_ARCSEC = 1e-9


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Two overlapping tiles with two dithers each, 1024 x 1024 pixels."""
    return simulate_mosaic(
        tmp_path_factory.mktemp("mosaic"),
        seed=11,
        tiles=(1, 2),
        dithers=2,
        shape=(1024, 1024),
        stars_per_image=120,
        overlap=0.4,
        flux_limits=(30.0, 3000.0),
    )


@pytest.fixture(scope="module")
def models(mosaic: Truth) -> list[Any]:
    return [datamodels.open(path) for path in mosaic.files]


def correctors(mosaic: Truth, models: list[Any], *, weights: bool) -> list[Any]:
    """Correctors with catalogs of the true stars, displaced by noise, a group for each exposure."""
    stars = Table.read(mosaic.catalog)
    result = []
    for number, (model, image) in enumerate(zip(models, mosaic.images, strict=True)):
        from tweakreg_step.simulate import true_wcs

        x, y = pixel_of(true_wcs(image), np.asarray(stars["RA"]), np.asarray(stars["DEC"]))
        rng = np.random.default_rng(number)
        x, y = x + rng.normal(0, 0.05, x.size), y + rng.normal(0, 0.05, y.size)
        inside = (x > 0) & (x < 1023) & (y > 0) & (y < 1023)
        table = Table({"x": x[inside], "y": y[inside]}, meta={"name": image.file_name})
        if weights:
            table["weight"] = rng.uniform(0.5, 2.0, len(table))
        info = model.meta.wcsinfo
        angles = {"v2_ref": info.v2_ref, "v3_ref": info.v3_ref, "roll_ref": info.roll_ref}
        meta = {"catalog": table, "name": image.file_name, "group_id": image.group}
        result.append(JWSTWCSCorrector(model.meta.wcs, angles, meta=meta))
    return result


def largest_difference(ours: list[Any], stock: list[Any]) -> float:
    """Largest distance on the sky between two lists of WCS, in arcsec."""
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0.0, 1023.0, 7)] * 2))
    largest = 0.0
    for one, two in zip(ours, stock, strict=True):
        ra1, dec1 = one.wcs(x, y)
        ra2, dec2 = two.wcs(x, y)
        dra = (ra1 - ra2) * np.cos(np.radians(dec1))
        largest = max(largest, float(np.max(np.hypot(dra, dec1 - dec2))) * 3600.0)
    return largest


OPTIONS = [
    {},
    {"expand_refcat": True},
    {"enforce_user_order": True, "fitgeometry": "shift"},
    {"expand_refcat": True, "fitgeometry": "rscale", "nclip": 0},
    {"fitgeometry": "general", "use2dhist": False, "searchrad": 1.0, "minobj": 20},
    {"tolerance": 0.3, "separation": 0.5, "sigma": 2.5, "expand_refcat": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("weights", [False, True])
def test_relative_align_equals_stcal(
    mosaic: Truth, models: list[Any], options: dict[str, Any], weights: bool
) -> None:
    from stcal.tweakreg import tweakreg as stock

    ours = tweakreg_step.relative_align(
        correctors(mosaic, models, weights=weights), align_method="sequential", **options
    )
    theirs = stock.relative_align(correctors(mosaic, models, weights=weights), **options)
    assert [c.meta["fit_info"]["status"] for c in ours] == [
        c.meta["fit_info"]["status"] for c in theirs
    ]
    assert any(c.meta["fit_info"]["status"] == "SUCCESS" for c in ours)
    assert largest_difference(ours, theirs) < SAME_ARCSEC


@pytest.mark.parametrize(
    "options", [{}, {"abs_fitgeometry": "shift"}, {"abs_tolerance": 0.2}], ids=str
)
@pytest.mark.parametrize("weights", [False, True])
def test_absolute_align_equals_stcal(
    mosaic: Truth, models: list[Any], options: dict[str, Any], weights: bool
) -> None:
    from stcal.tweakreg import tweakreg as stock

    info = models[0].meta.wcsinfo.instance
    ours = tweakreg_step.absolute_align(
        correctors(mosaic, models, weights=weights),
        str(mosaic.catalog),
        align_method="sequential",
        **options,
    )
    theirs = stock.absolute_align(
        correctors(mosaic, models, weights=weights),
        str(mosaic.catalog),
        ref_wcs=models[0].meta.wcs,
        ref_wcsinfo=info,
        epoch=2023.0,
        **options,
    )
    assert all(c.meta["fit_info"]["status"] == "SUCCESS" for c in ours)
    assert largest_difference(ours, theirs) < SAME_ARCSEC


def test_failures_are_told_as_in_stcal(mosaic: Truth, models: list[Any]) -> None:
    from stcal.tweakreg import tweakreg as stock

    for options in ({"tolerance": 0.8}, {}):
        ours, theirs = (correctors(mosaic, models, weights=False)[:1] for _ in "ab")
        with pytest.raises(stock.TweakregError):
            stock.relative_align(theirs, **options)
        with pytest.raises(tweakreg_step.TweakregError):
            tweakreg_step.relative_align(ours, align_method="sequential", **options)


def test_in_place_of_the_stock_step_in_image3(
    mosaic: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tweakreg (ours), skymatch, outlier_detection, resample; without CRDS, without network."""
    from jwst.datamodels import ModelLibrary
    from jwst.pipeline import Image3Pipeline

    class Pipeline(Image3Pipeline):
        step_defs = {  # noqa: RUF012 - stpipe's own way
            **Image3Pipeline.step_defs,
            "tweakreg": tweakreg_step.TweakRegStep,
        }

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STPIPE_DISABLE_CRDS_STEPPARS", "true")
    seen = []
    process = tweakreg_step.TweakRegStep.process

    def spy(step: Any, library: Any) -> Any:
        result = process(step, library)
        seen.append((type(library), type(result)))
        return result

    monkeypatch.setattr(tweakreg_step.TweakRegStep, "process", spy)
    Pipeline.call(
        str(mosaic.association),
        save_results=True,
        output_dir=str(tmp_path),
        steps={
            "tweakreg": {"abs_refcat": str(mosaic.catalog), "save_results": True},
            "source_catalog": {"skip": True},
        },
    )
    assert seen == [(ModelLibrary, ModelLibrary)]
    for image in mosaic.images:
        name = image.file_name.replace("_cal", "_tweakreg")
        with datamodels.open(tmp_path / name) as model:
            assert model.meta.cal_step.tweakreg == "COMPLETE"
            assert truth_error(model.meta.wcs, image).max_mas < 10.0
    with datamodels.open(tmp_path / "mosaic_i2d.fits") as combined:
        assert combined.meta.cal_step.tweakreg == "COMPLETE"
        assert combined.meta.cal_step.resample == "COMPLETE"
        assert np.isfinite(combined.data).mean() > 0.5


def test_a_jwst_library_comes_back_as_one_and_is_not_modified(mosaic: Truth) -> None:
    from jwst.datamodels import ModelLibrary

    library = ModelLibrary(str(mosaic.association))
    result = tweakreg_step.TweakRegStep.call(library, abs_refcat=str(mosaic.catalog))
    assert type(result) is ModelLibrary
    assert result is not library
    with library, result:
        old, new = library.borrow(0), result.borrow(0)
        assert "v2v3corr" not in old.meta.wcs.available_frames
        assert "v2v3corr" in new.meta.wcs.available_frames
        library.shelve(old, 0, modify=False)
        result.shelve(new, 0, modify=False)


def test_the_table_of_defaults_has_those_of_the_stock_step() -> None:
    from jwst.tweakreg import TweakRegStep as Stock

    script = Path(__file__).parents[2] / "docs" / "make_defaults.py"
    told = runpy.run_path(str(script))["STOCK"]
    step = Stock()
    # stpipe has None for an empty text, and choices as texts
    given = {name: str(getattr(step, name) or None) for name in told}
    assert given == {name: str(value or None) for name, value in told.items()}
