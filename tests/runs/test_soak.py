"""Many exposures with faults thrown in: the good ones are aligned, the bad ones are named."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from stdatamodels.jwst import datamodels
from step_outputs import TOLERANCE_MAS

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.simulate import Truth, simulate_mosaic, truth_error

FAULTS = ("truncated", "garbage", "empty", "no_wcs", "no_pixels", "no_sources", "no_room")
"""One image each of twelve, and of each further 25."""


def spoil(fault: str, path: Path, out: Path) -> None:
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif fault in {"garbage", "empty"}:
        path.write_bytes(b"SIMPLE  = no" * 500 if fault == "garbage" else b"")
    elif fault in {"no_wcs", "no_pixels"}:
        with datamodels.open(path) as model:
            if fault == "no_wcs":
                model.meta.wcs = None
            else:
                model.data[:] = np.nan
            model.save(path)
    elif fault == "no_sources":
        with Path("catfile.txt").open("a") as catfile:
            catfile.write(f"{path.name} none.ecsv\n")
    else:  # what stands where the result should be can't be replaced
        (out / path.name.replace("_cal", "_tweakreg")).mkdir()


def assassin(done: threading.Event, out: Path, killed: list[str]) -> None:
    """Kill a worker while sources are found, and one while results are written."""
    for stage in ("*_cat.ecsv", "*_tweakreg.fits"):
        while not done.is_set():
            victims = [child.pid for child in multiprocessing.active_children() if child.pid]
            if victims and any(path.is_file() for path in out.glob(stage)):
                with suppress(ProcessLookupError):  # it has just ended: the next one, then
                    os.kill(victims[0], signal.SIGKILL)
                    killed.append(stage)
                    break
            time.sleep(0.01)


def soak(truth: Truth, count: int) -> None:
    out = Path("out")
    out.mkdir()
    Path("none.ecsv").write_text("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: x, datatype: float64}"
                                 "\n# - {name: y, datatype: float64}\nx y\n")  # fmt: skip
    Path("catfile.txt").write_text("")
    order = np.random.default_rng(count).permutation(count)
    rounds = 1 + (count - 12) // 25
    faults = {int(order[i]): fault for i, fault in enumerate(FAULTS * rounds)}
    for index, fault in faults.items():
        spoil(fault, truth.files[index], out)
    done, killed = threading.Event(), list[str]()
    killer = threading.Thread(target=assassin, args=(done, out, killed))
    killer.start()
    unwritten = [i for i, fault in faults.items() if fault == "no_room"]
    try:
        with pytest.raises(OutputError, match=rf"^{len(unwritten)} of \d+ results could not be"):
            TweakRegStep.call(
                str(truth.association),
                abs_refcat=str(truth.catalog),
                abs_minobj=8,
                minobj=8,
                n_workers=2,
                save_results=True,
                save_catalogs=True,
                output_dir=str(out),
                use_custom_catalogs=True,
                catfile="catfile.txt",
            )
    finally:
        done.set()
        killer.join()
    assert len(killed) == 2
    check(truth, faults, out)
    assert not multiprocessing.active_children()


def check(truth: Truth, faults: dict[int, str], out: Path) -> None:
    report = json.loads((out / "mosaic_tweakreg.json").read_text())
    left_out = {one["name"]: one["code"] for one in report["left_out"]}
    status = {one["name"]: one["status"] for one in report["images"]}
    for index, image in enumerate(truth.images):
        name, fault = image.file_name, faults.get(index)
        result = out / name.replace("_cal", "_tweakreg")
        if fault in {"truncated", "garbage", "empty"}:
            assert left_out.pop(name) == "unreadable"
            assert not result.exists()
        elif fault == "no_wcs":
            assert left_out.pop(name) == "unusable"
            assert result.is_file()
        elif fault in {"no_pixels", "no_sources"}:
            assert status[name] == "FAILED"
        elif fault == "no_room":
            assert result.is_dir()
            assert status[name] == "FAILED"  # a report never says COMPLETE of what is not written
        else:
            assert status[name] == "COMPLETE"
            with datamodels.open(result) as model:
                assert model.meta.cal_step.tweakreg == "COMPLETE"
                assert truth_error(model.meta.wcs, image).rms_mas < TOLERANCE_MAS
    assert not left_out
    assert not list(out.glob(".tweakreg*"))


@pytest.mark.parametrize("count", [12, pytest.param(300, marks=pytest.mark.slow)])
def test_faults_cost_themselves_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = simulate_mosaic(
        tmp_path / "input",
        seed=9,
        tiles=(1, 1),
        dithers=count,
        shape=(256, 256),
        stars_per_image=40,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.9,
        dither_size=1.0,
    )
    soak(truth, count)
