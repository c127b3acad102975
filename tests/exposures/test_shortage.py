"""Memory that is short is told as that, and no file is blamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tweakreg_step import TweakRegStep
from tweakreg_step.exposures import problem_of
from tweakreg_step.exposures.exposure import Refusal, refusal_of
from tweakreg_step.exposures.read import _results
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.jwst import models


class ReadTask:
    """As much of one as is asked here."""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 16.0 MiB"),
        OSError(12, "Cannot allocate memory"),
        TypeError("_ArrayMemoryError.__init__() missing 1 required positional argument: 'dtype'"),
    ],
)
def test_a_shortage_is_an_outcome_of_its_own(
    files: Truth, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whichever way the file is read: in one pass, or by the mission's software."""
    bad = files.files[1].name

    def failing(opened: Any) -> Any:
        def opening(path: Any, *args: Any, **options: Any) -> Any:
            if Path(path).name == bad:
                raise error
            return opened(path, *args, **options)

        return opening

    monkeypatch.setattr(models, "with_pixels", failing(models.with_pixels))
    monkeypatch.setattr(models.datamodels, "open", failing(models.datamodels.open))
    TweakRegStep.call(str(files.association), save_results=True, output_dir="out")
    (left_out,) = json.loads(Path("out/mosaic_tweakreg.json").read_text())["left_out"]
    assert (left_out["name"], left_out["code"]) == (bad, "out_of_memory")
    assert "not enough memory" in left_out["reason"]
    for blame in ("damaged", "Remove it", "whole JWST or HST exposure"):
        assert blame not in left_out["reason"]


def test_a_result_that_memory_is_short_for() -> None:
    assert problem_of("a.fits", OSError(12, "Cannot allocate memory")).startswith(
        "'a.fits': not enough memory. Lower 'n_workers'"
    )


def test_who_lacked_memory_among_others_is_read_again_alone() -> None:
    together: list[list[str]] = []

    class Pool:
        def results(self, _function: Any, tasks: Any) -> Any:
            together.append([task.name for task in tasks])
            for number, task in enumerate(tasks):
                short = task.name == "b" and len(tasks) > 1
                yield number, refusal_of("b", MemoryError(), opened=True) if short else task.name

    found = dict(_results(Pool(), [ReadTask(name) for name in "abc"]))  # type: ignore[misc]
    assert found == {0: "a", 1: "b", 2: "c"}
    assert together == [["a", "b", "c"], ["b"]]
    assert not any(isinstance(one, Refusal) for one in found.values())
