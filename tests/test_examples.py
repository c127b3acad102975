"""The examples of the documentation and of docstrings, on three simulated exposures."""

from __future__ import annotations

import doctest
import glob
import re
import shlex
from pathlib import Path

import pytest
from stdatamodels.jwst import datamodels

from tweakreg_step import api, cli
from tweakreg_step.simulate import Truth

ROOT = Path(__file__).parents[1]


@pytest.fixture
def _exposures(files: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that the examples stand in: exposures, and some of them in another filter."""
    monkeypatch.chdir(files.folder)
    Path("other").mkdir()
    for path in files.files[:2]:
        with datamodels.open(path) as model:
            model.meta.instrument.filter = "F444W"
            model.save(Path("other") / path.name.replace("_cal", "_f444w_cal"))


def run(test: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not runner.summarize(verbose=False).failed, "".join(said)


@pytest.mark.usefixtures("_exposures")
def test_docstrings() -> None:
    for name in ("align", "apply", "undo", "transfer", "add"):
        function = getattr(api, name)
        tests = doctest.DocTestFinder(recurse=False).find(function, name, globs={**vars(api)})
        assert [test for test in tests if test.examples], name
        for test in tests:
            run(test)


@pytest.mark.usefixtures("_exposures")
def test_the_page_of_solutions(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "solutions.rst").read_text()
    run(doctest.DocTestParser().get_doctest(text, {}, "solutions.rst", None, 0))
    commands = [
        command
        for command in re.findall(r"^    (tweakreg .*)$", text, re.MULTILINE)
        if "field_" not in command  # mosaics are in tests/runs/test_mosaics.py
    ]
    assert len(commands) > 5
    for command in commands:
        words = [
            name
            for word in shlex.split(command)[1:]
            for name in (sorted(glob.glob(word)) if "*" in word else [word])  # noqa: PTH207
        ]
        status = cli.main(words)
        assert status == 0, (command, capsys.readouterr())
