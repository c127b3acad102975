"""The report of a run that ended with an error before it had results.

A program that collects reports can so tell a run that failed from one that was never started. Where
a person, or a script, is told at once, a refused input leaves nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stpipe.library import AbstractModelLibrary

from tweakreg_step.core.exceptions import (
    CatalogError,
    InputError,
    ParameterError,
    TweakregError,
)
from tweakreg_step.core.options import Options
from tweakreg_step.files.names import safe_name
from tweakreg_step.files.whole_files import content_of
from tweakreg_step.pipeline.run_result import versions
from tweakreg_step.report import (
    AlignedCatalogs,
    GroupResults,
    ImageResults,
    RunFacts,
    RunResult,
    write_result,
)
from tweakreg_step.telescopes.library import product_name

from .base_step import BaseStep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tweakreg_step.parameters import Setting

__all__ = ["product_of", "reports_errors", "result_of_error"]

UNNAMED = "tweakreg"
"""The product of a run whose input has no name."""


_REFUSALS = (InputError, ParameterError, CatalogError)
"""Errors of what was given."""


def reports_errors(process: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a step's ``process``: if it fails, a report is written if one is wanted.

    Parameters
    ----------
    process
        Method of a step with the attributes ``wants_report``, ``report_written``,
        ``reports_refusals``, ``output_folder`` and ``effective``.
    """

    @wraps(process)
    def reporting(step: Any, *inputs: Any) -> Any:
        start = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        step.report_written = False
        try:
            return process(step, *inputs)
        except TweakregError as error:
            _report(step, error, product_of(inputs), start)
            raise

    return reporting


def _report(step: Any, error: TweakregError, product: str, start: str) -> None:
    """Write the report if one is wanted and none was written.

    A function of its own: in the frame above, the result would keep the error alive, the error its
    traceback, and the traceback's frames the exposures with their folder.
    """
    told = isinstance(error, _REFUSALS) and not step.reports_refusals
    if step.wants_report and not step.report_written and not told:
        result = result_of_error(error, product, start, step.effective)
        write_result(result, step.output_folder, report=True, plots=False)


def result_of_error(
    error: TweakregError,
    product: str,
    start: str,
    parameters: Sequence[Setting],
) -> RunResult:
    """The result of a run that ended with an error: no images.

    Parameters
    ----------
    error
        The error.
    product
        Name of the product, for the name of the report.
    start
        Start of the run, ISO 8601, UTC.
    parameters
        Name, value and origin of each parameter.
    """
    run = RunFacts(
        product=product,
        start=start,
        parameters=tuple(parameters),
        options=Options(),
        versions=versions(),
        seconds={},
        error=error,
    )
    return RunResult(run, ImageResults.empty(), GroupResults.empty(), AlignedCatalogs.empty())


def product_of(inputs: Sequence[Any]) -> str:
    """Name of the product of an input of any kind, readable or not.

    The product name of the association if it can be read, else the stem of the first file's name.
    """
    first = inputs[0] if inputs else ""
    while isinstance(first, list | tuple):
        first = first[0] if first else ""
    if isinstance(first, AbstractModelLibrary):
        with suppress(InputError):
            return product_name(first, UNNAMED)
        return UNNAMED
    if not isinstance(first, str | Path):
        first = getattr(getattr(first, "meta", None), "filename", None) or ""
    text = str(first).split(",")[0].strip()
    stem = safe_name(re.sub(r"[^\w.+-]", "", Path(text).stem))
    return _named_in(Path(text).expanduser()) or BaseStep.remove_suffix(stem)[0] or UNNAMED


def _named_in(path: Path) -> str:
    """Product name in an association file; '' if the file is not one or can't be read."""
    if path.suffix != ".json":
        return ""
    try:
        name = json.loads(content_of(path))["products"][0]["name"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return safe_name(name) if isinstance(name, str) else ""
