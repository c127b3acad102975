"""The step on a scene, and what tests ask of what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stdatamodels.jwst import datamodels

from tweakreg_step import TweakRegStep
from tweakreg_step.pipeline import run as run_module
from tweakreg_step.report.result import RunResult
from tweakreg_step.simulate import Truth, relative_truth_errors, truth_error

# The centroid noise of these scenes is about 1 mas; a tenth of a pixel (6.3 mas) is far from both
# that and the pointing errors of 50 to 500 mas.
TOLERANCE_MAS = 6.3


def call(files: Truth, **options: Any) -> Any:
    """What the step makes of a scene's association."""
    return TweakRegStep.call(str(files.association), **options)


def statuses(library: Any) -> list[str | None]:
    return [model.meta.cal_step.tweakreg for model in models_of(library)]


@dataclass(frozen=True, slots=True)
class Aligned:
    """A run of the step at which many tests look, and which none may change.

    Attributes
    ----------
    truth
        The scene, as it was before.
    folder
        With all that was saved.
    models
        What the step returned.
    result
        What its reports are made of.
    """

    truth: Truth
    folder: Path
    models: list[Any]
    result: RunResult

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in result_files(self.folder)]


def aligned(truth: Truth, folder: Path, **options: Any) -> Aligned:
    """Run the step, and keep what it saves and returns."""
    with pytest.MonkeyPatch.context() as patch:
        results = run_results(patch)
        library = call(truth, save_results=True, output_dir=str(folder), **options)
    return Aligned(truth, folder, models_of(library), results[-1])


def result_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*_tweakreg.fits"))


def models_of(library: Any) -> list[Any]:
    with library:
        models = list(library)
        for index, model in enumerate(models):
            library.shelve(model, index, modify=False)
    return models


def errors_mas(models: list[Any], truth: Truth) -> list[float]:
    return [
        truth_error(model.meta.wcs, image).rms_mas
        for model, image in zip(models, truth.images, strict=True)
    ]


def relative_errors_mas(models: list[Any], truth: Truth) -> list[float]:
    wcses = [model.meta.wcs for model in models]
    return [error.rms_mas for error in relative_truth_errors(wcses, truth.images)]


def opened(files: Truth) -> list[Any]:
    return [datamodels.open(path) for path in files.files]


def run_results(monkeypatch: Any) -> list[Any]:
    """The results of the runs that follow."""
    kept: list[Any] = []
    made = run_module.run_result_of

    def keeping(*arguments: Any) -> Any:
        kept.append(made(*arguments))
        return kept[-1]

    monkeypatch.setattr(run_module, "run_result_of", keeping)
    return kept
