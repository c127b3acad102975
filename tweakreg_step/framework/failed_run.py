"""The report of a run that ended before there was anything to report: what was wrong.

A pipeline that collects reports must not take a run that was refused for one that never was.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from stpipe.library import AbstractModelLibrary

from tweakreg_step.core.exceptions import TweakregError
from tweakreg_step.pipeline.run_result import versions
from tweakreg_step.report import RunResult, write_result
from tweakreg_step.telescopes.jwst import product_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["product_of", "reports_errors", "result_of_error"]

UNNAMED = "tweakreg"
"""The product of a run whose input has no name."""


def reports_errors(process: Callable[..., Any]) -> Callable[..., Any]:
    """A step's ``process`` that leaves a report where it fails, if reports are wanted.

    Parameters
    ----------
    process
        Of a step with ``wants_report``, ``has_told``, ``output_folder``, ``effective``.
    """

    @wraps(process)
    def reporting(step: Any, *inputs: Any) -> Any:
        start = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        step.has_told = False
        try:
            return process(step, *inputs)
        except TweakregError as error:
            _report(step, error, product_of(inputs), start)
            raise

    return reporting


def _report(step: Any, error: TweakregError, product: str, start: str) -> None:
    """Leave the report if one is wanted and there is none.

    Apart from the function above: a result that is alive there would keep its error alive, the
    error all frames that it has passed, and these the exposures with their folder.
    """
    if step.wants_report and not step.has_told:
        result = result_of_error(error, product, start, step.effective)
        write_result(result, step.output_folder, report=True, plots=False)


def result_of_error(
    error: TweakregError,
    product: str,
    start: str,
    parameters: Sequence[tuple[str, object, str]],
) -> RunResult:
    """The result of a run without images.

    Parameters
    ----------
    error
        What ended it.
    product
        Name that the report is called after.
    start
        When it started, ISO 8601, UTC.
    parameters
        Name, value and origin of each.
    """
    none = np.zeros(0)
    return RunResult(
        product=product,
        images=(),
        detectors=(),
        group_names=(),
        group=none.astype(np.int64),
        pixel_scale=none,
        corners_before=np.zeros((0, 4, 2)),
        corners_after=np.zeros((0, 4, 2)),
        image_detections=none.astype(np.int64),
        x=none,
        y=none,
        detections=None,
        reference=None,
        solution=None,
        fits=(),
        outcomes=(),
        relative=None,
        absolute=None,
        reference_note=None,
        parameters=tuple(parameters),
        versions=versions(),
        seconds={},
        start=start,
        bound_mas=none,
        achieved_mas=none,
        error=error,
    )


def product_of(inputs: Sequence[Any]) -> str:
    """The name of the product of an input that may be of any kind, and broken.

    That of the association if it can be read; else the stem of the first file that was named.
    """
    first = inputs[0] if inputs else ""
    while isinstance(first, list | tuple):
        first = first[0] if first else ""
    if isinstance(first, AbstractModelLibrary):
        return product_name(first, UNNAMED)
    if not isinstance(first, str | Path):
        first = getattr(getattr(first, "meta", None), "filename", None) or ""
    text = str(first).split(",")[0].strip()
    stem = re.sub(r"[^\w.+-]", "", Path(text).stem)
    return _named_in(Path(text).expanduser()) or stem or UNNAMED


def _named_in(path: Path) -> str:
    """The name of the product of an association; '' if the file is none, or broken."""
    if path.suffix != ".json":
        return ""
    try:
        name = json.loads(path.read_text())["products"][0]["name"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return re.sub(r"[^\w.+-]", "", name) if isinstance(name, str) else ""
