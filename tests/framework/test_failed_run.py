"""What a report of a run without images is called, and that it is a report."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.framework.failed_run import product_of, result_of_error
from tweakreg_step.parameters import Setting
from tweakreg_step.report import report_of, summary_table


def asn(folder: Path, text: str) -> str:
    (folder / "my_asn.json").write_text(text)
    return str(folder / "my_asn.json")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (json.dumps({"products": [{"name": "jw1_i2d"}]}), "jw1_i2d"),
        (json.dumps({"products": [{"name": "../jw1"}]}), "jw1"),
        (json.dumps({"products": [{"name": 5}]}), "my_asn"),
        (json.dumps({"products": []}), "my_asn"),
        ("[]", "my_asn"),
        ("{", "my_asn"),
    ],
)
def test_the_product_of_an_association(tmp_path: Path, text: str, name: str) -> None:
    assert product_of([asn(tmp_path, text)]) == name


MODEL = SimpleNamespace(meta=SimpleNamespace(filename="a_cal.fits"))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ([], "tweakreg"),
        ([""], "tweakreg"),
        ([[]], "tweakreg"),
        ([["x/a_cal.fits", "b_cal.fits"]], "a"),
        (["a_cal.fits, b_cal.fits"], "a"),
        (["@list.txt"], "list"),
        (["in/jw*_cal.fits"], "jw"),
        ([Path("a_cal.fits")], "a"),
        ([[MODEL]], "a"),
        ([object()], "tweakreg"),
    ],
)
def test_the_product_of_other_input(given: list[Any], name: str) -> None:
    assert product_of(given) == name


def test_it_is_a_report() -> None:
    error = InputError("There is nothing. Give something.")
    result = result_of_error(
        error, "x", "2026-01-01T00:00:00+00:00", [Setting("minobj", 15, "default")]
    )
    report = report_of(result)
    schema = files("tweakreg_step.report") / "schemas" / "tweakreg-report-1.json"
    jsonschema.validate(report, json.loads(schema.read_text()))
    assert report["error"] == {"type": "InputError", "message": str(error)}
    assert summary_table(result)
