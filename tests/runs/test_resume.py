"""Runs that go on: kept catalogs are used if they are true, and only then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from stdatamodels.jwst import datamodels
from step_outputs import Aligned, models_of, relative_errors_mas

from tweakreg_step import TweakRegStep
from tweakreg_step.catalogs.saved_catalogs import checkpoint_meta, fingerprint, read_checkpoint
from tweakreg_step.catalogs.source_catalogs import write_catalog
from tweakreg_step.core.sources import Sources
from tweakreg_step.simulate import Truth


@pytest.mark.parametrize("catalog_format", ["ecsv", "fits"])
@pytest.mark.parametrize("count", [0, 40])
def test_a_kept_catalog_is_the_same_to_the_bit(
    tmp_path: Path, catalog_format: str, count: int
) -> None:
    x, y, flux, x_err, y_err, peak = np.random.default_rng(1).normal(size=(6, count)) * 1e3
    flags = np.arange(count, dtype=np.int32)
    x_err[:2] = np.nan
    sources = Sources(x, y, flux, x_err, y_err, None, peak, flags)
    path = tmp_path / f"a_cat.{catalog_format}"
    write_catalog(sources, path, catalog_format, checkpoint_meta("mark", (1.9, 1.0 / 3.0), sources))
    kept = read_checkpoint(path)
    assert kept is not None
    assert (kept.fingerprint, kept.fwhm) == ("mark", (1.9, 1.0 / 3.0))
    assert kept.sources.weight is None
    for name in ("x", "y", "flux", "x_err", "y_err", "peak", "flags"):
        before, after = getattr(sources, name), getattr(kept.sources, name)
        assert after.dtype == before.dtype
        assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize("content", [b"", b"x y\n1 2\n", b"# %ECSV 1.0\n# ---\nbroken"])
def test_what_is_no_kept_catalog_is_not_used(tmp_path: Path, content: bytes) -> None:
    assert read_checkpoint(tmp_path / "a.ecsv") is None
    (tmp_path / "a.ecsv").write_bytes(content)
    assert read_checkpoint(tmp_path / "a.ecsv") is None


def changed(rows: Table) -> Table:
    rows["x"] += 3.0
    return rows


def as_text(rows: Table) -> Table:
    rows["x"] = [str(x) for x in rows["x"]]
    return rows


def masked(rows: Table) -> Table:
    rows["y"] = MaskedColumn(rows["y"], mask=rows["y"] > np.median(rows["y"]))
    return rows


@pytest.mark.parametrize(
    "edit", [changed, as_text, masked, lambda rows: rows[:10], lambda rows: rows[:0]]
)
def test_a_kept_catalog_whose_rows_were_changed_is_not_used(
    tmp_path: Path, edit: Callable[[Table], Table], caplog: pytest.LogCaptureFixture
) -> None:
    x, y, flux, x_err, y_err = np.random.default_rng(1).normal(size=(5, 30))
    sources, path = Sources(x, y, flux, x_err, y_err), tmp_path / "a_cat.ecsv"
    write_catalog(sources, path, "ecsv", checkpoint_meta("mark", (1.9, 2.0), sources))
    edit(Table.read(path)).write(path, overwrite=True)
    assert read_checkpoint(path) is None
    (said,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "will be replaced" in said
    assert "use_custom_catalogs" in said


def test_a_fingerprint_sees_every_part() -> None:
    data = np.arange(6.0).reshape(2, 3)
    marks = {
        fingerprint(parts)
        for parts in (
            [data], [data.reshape(3, 2)], [data.astype("f4")], [data, None], [None, data],
            [data, "a"], [data, "ab"], [data + 1e-15], [],
        )
    }  # fmt: skip
    assert len(marks) == 9
    assert fingerprint([data]) == fingerprint([data.copy()])


def resumed(caplog: pytest.LogCaptureFixture, files: Truth, **options: Any) -> tuple[int, Any]:
    """How many catalogs a run uses again, and what comes out."""
    caplog.clear()
    library = TweakRegStep.call(str(files.association), resume=True, **options)
    (line,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Resumed")]
    return int(line.split("catalogs of ")[1].split()[0]), models_of(library)


def test_catalogs_are_used_while_they_are_true(
    files: Truth, relative: Aligned, caplog: pytest.LogCaptureFixture
) -> None:
    for path in relative.folder.glob("*_cat.ecsv"):
        shutil.copy(path, path.name)
    catalogs = sorted(Path().glob("*_cat.ecsv"))
    before = [path.read_bytes() for path in catalogs]
    count, models = resumed(caplog, files)
    assert count == 3
    assert [path.read_bytes() for path in catalogs] == before
    for model, one in zip(models, relative.models, strict=True):
        assert np.array_equal(model.meta.wcs(5.0, 6.0), one.meta.wcs(5.0, 6.0))
        assert model.meta.tweakreg_catalog == one.meta.tweakreg_catalog
    # a file that was copied is the same image; one with another pixel is not, whatever its date
    shutil.copy(files.files[0], "copy.fits")
    Path("copy.fits").replace(files.files[0])
    with datamodels.open(files.files[1]) as model:
        model.data[100, 100] += 1e-3
        model.save(files.files[1])
    catalogs[2].write_bytes(before[2][:500])  # broken
    assert resumed(caplog, files)[0] == 1
    assert resumed(caplog, files, n_workers=2)[0] == 3
    # other parameters, another catalog
    assert resumed(caplog, files, snr_threshold=20.0)[0] == 0
    assert resumed(caplog, files, snr_threshold=20.0, minobj=5, brightest=200)[0] == 3
    count, models = resumed(caplog, files, snr_threshold=20.0, refine_centroids="epsf")
    assert count == 0
    assert max(relative_errors_mas(models, files)) < 6.3


def test_every_vertex_of_a_region_counts(pair: Truth, caplog: pytest.LogCaptureFixture) -> None:
    """A text for people has the first ones alone."""
    angle = np.linspace(0.0, 2.0 * np.pi, 9)[:-1]
    name = pair.images[0].file_name
    Path("list.txt").write_text(f"{name} a.reg\n")
    corners = np.stack([256.0 + 200.0 * np.cos(angle), 256.0 + 200.0 * np.sin(angle)], axis=1)
    for last in (1.0, 0.2):
        corners[-1] *= last
        Path("a.reg").write_text(f"image\npolygon({','.join(map(str, corners.ravel()))})\n")
        options = {"exclusions": "list.txt", "save_catalogs": True}
        if last == 1.0:
            TweakRegStep.call(str(pair.association), **options)
            assert resumed(caplog, pair, **options)[0] == 2
    assert resumed(caplog, pair, **options)[0] == 1


def test_a_catalog_that_cannot_be_kept_costs_no_image(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    name = pair.images[1].file_name.replace(".fits", "_cat.ecsv")
    Path(name).mkdir()  # a folder is in the way
    for options in ({}, {"refine_centroids": "epsf", "kernel_fwhm": 1.4}):
        caplog.clear()
        models = models_of(TweakRegStep.call(str(pair.association), save_catalogs=True, **options))
        errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
        assert len(errors) == 1
        assert f"'{name}' can't be written" in errors[0]
        assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
        assert [bool(model.meta.tweakreg_catalog) for model in models] == [True, False]


def test_an_interrupted_run_goes_on(
    files: Truth, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each catalog is written as soon as it is found."""
    from tweakreg_step.exposures import exposure_catalog as reader

    find, calls = reader.find_sources, []

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return find(*arguments)

    monkeypatch.setattr(reader, "find_sources", interrupted)
    with pytest.raises(KeyboardInterrupt):
        TweakRegStep.call(str(files.association), save_catalogs=True)
    assert len(list(Path().glob("*_cat.ecsv"))) == 2
    assert resumed(caplog, files)[0] == 2
    assert len(calls) == 4
