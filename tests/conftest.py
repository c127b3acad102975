"""Scenes that several test files use: small, made once, never changed."""

from __future__ import annotations

import gc
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# what fixtures need is imported by them: the process that only hands out the tests needs none of it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from step_outputs import Aligned

    from tweakreg_step.simulate import Truth

# Properties are quick, and their examples the same everywhere; a slow machine is no failure.
settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True, database=None)
settings.load_profile("quick")

REAL_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Two processes take files in their order: few tests are not few seconds, so not last."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of hundreds of exposures run only where they are asked for: pytest -m slow."""
    if "slow" in config.getoption("-m"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays: a search of it for cycles frees nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(autouse=True, scope="module")
def _old_objects_are_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every run searches all objects for cycles: but not imports, and what other files made."""
    from tweakreg_step.exposures.parallel import garbage_collection

    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        # each run counts frozen objects, which takes long where there are a million
        if not request.node.name.endswith("test_garbage_collection.py"):
            patch.setattr(garbage_collection, "_frozen_by_others", lambda: True)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_crds() -> Iterator[None]:
    """No test may depend on how the machine's CRDS is set up."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in (
            "CRDS_SERVER_URL",
            "CRDS_PATH",
            "CRDS_CONTEXT",
            "STPIPE_DISABLE_CRDS_STEPPARS",
        ):
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Three dithers of one field, 512 x 512 pixels, about 45 stars each, pointing errors."""
    from tweakreg_step.simulate import simulate_mosaic

    return simulate_mosaic(
        tmp_path_factory.mktemp("stack"),
        seed=3,
        tiles=(1, 1),
        dithers=3,
        shape=(512, 512),
        stars_per_image=45,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.8,
    )


@pytest.fixture(scope="session")
def absolute(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> Aligned:
    """The stack, aligned to its reference catalog; everything is saved. Nobody may change it."""
    from step_outputs import aligned

    saved = {"save_catalogs": True, "save_abs_catalog": True, "on_failure": "raise"}
    folder = tmp_path_factory.mktemp("absolute")
    return aligned(stack, folder, abs_refcat=str(stack.catalog), **saved)


@pytest.fixture(scope="session")
def relative(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> Aligned:
    """The stack, its images aligned to each other, without SIP. Nobody may change it."""
    from step_outputs import aligned

    options = {"save_catalogs": True, "sip_approx": False, "on_failure": "skip_all"}
    return aligned(stack, tmp_path_factory.mktemp("relative"), **options)


@pytest.fixture
def files(stack: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Truth:
    """A copy of the stack that a test may spoil; the test runs in its folder."""
    from tweakreg_step.simulate import load_truth

    folder = tmp_path / "input"
    shutil.copytree(stack.folder, folder)
    monkeypatch.chdir(tmp_path)
    return load_truth(folder / "truth.json")


@pytest.fixture
def pair(files: Truth) -> Truth:
    """The first two images of such a copy, where a third would tell nothing more."""
    content = json.loads(files.association.read_text())
    del content["products"][0]["members"][2:]
    files.association.write_text(json.dumps(content))
    files.files[2].unlink()
    return replace(files, images=files.images[:2])
