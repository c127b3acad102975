"""The documentation says what the code does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import tables
import yaml

from tweakreg_step import TweakRegStep
from tweakreg_step.core.outcome import Code
from tweakreg_step.parameters.declaration import declarations
from tweakreg_step.parameters.run_parameters import STAGES

ROOT = Path(__file__).parent.parent
TABLES = sorted((ROOT / "docs" / "tables").glob("*.rst"))
SCRIPTS = {path.name for path in (ROOT / "benchmarks").glob("*.py")}


MADE = {
    "parameters": "parameters",
    "report": "report",
    "from_drizzlepac": "from_drizzlepac",
    "codes": "reference/codes",
    "defaults": "coming_from/jwst_defaults",
}
"""Pages that a script writes."""


@pytest.mark.parametrize("script", MADE)
def test_pages_are_made_from_the_code(script: str) -> None:
    page = runpy.run_path(str(ROOT / "docs" / f"make_{script}.py"))["page"]()
    assert (ROOT / "docs" / f"{MADE[script]}.rst").read_text() == page


@pytest.mark.parametrize("name", ["troubleshooting", "reference/codes"])
def test_the_pages_of_codes_tell_each(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.rst").read_text()
    assert not [code for code in Code if f"``{code}``" not in text]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tweakreg_step" / "config").glob("*.asdf")), ids=lambda p: p.stem
)
def test_parameter_files_hold_only_what_differs_each_with_its_reason(path: Path) -> None:
    step = TweakRegStep.from_config_file(str(path))
    text = path.read_text()
    assert "kernel_fwhm" not in text  # it follows the filter; one for a whole camera is worse
    if path.stem in {"nircam_short", "nircam_long", "niriss"}:
        assert "parameters: {}\n" in text
        assert step.kernel_fwhm is None
        return
    lines = text.split("parameters:\n")[1].splitlines()[:-1]
    reasons, settings = lines[0::2], lines[1::2]
    assert all(reason.startswith("  # ") for reason in reasons)
    defaults = {d.name: d.default for d in declarations(*STAGES.values())}
    assert settings
    for setting in settings:
        name, value = setting.strip().split(": ")
        assert getattr(step, name) == float(value) != defaults[name]


def test_the_page_of_parameter_files_has_their_values() -> None:
    text = (ROOT / "docs" / "howto" / "parameter_files.rst").read_text()
    for path in sorted((ROOT / "tweakreg_step" / "config").glob("*.asdf")):
        (row,) = re.findall(rf"^.*``{path.stem}``.*$", text, re.MULTILINE)
        values = yaml.safe_load(path.read_text().split("parameters:")[1].removesuffix("...\n"))
        told = {name: float(value) for name, value in re.findall(r"``(\w+)=([\d.]+)``", row)}
        assert told == values, path.stem
        assert values or row.endswith(" the defaults")


def test_the_pages_of_development_show_the_folders_and_names_that_there_are() -> None:
    pages = [page.read_text() for page in sorted((ROOT / "docs" / "development").glob("*.rst"))]
    text = "\n".join(pages)
    package = ROOT / "tweakreg_step"
    folders = {path.parent.name for path in package.rglob("__init__.py")}
    # a line of the tree may name two
    tree = re.findall(r"^    +([a-z_]+/ .*|[a-z_]+/)$", text, re.MULTILINE)
    assert {name for line in tree for name in re.findall(r"\b([a-z_]+)/(?= |$)", line)} == folders
    for name in re.findall(r"``([a-z_/]+\.py)``", text):
        assert called(name), name
    for name, file in re.findall(r"``(\w+)``\s+in\s+``([a-z_/]+\.py)``", text):
        code = called(file)[0].read_text()
        assert re.search(rf"^(?:def|class) {name}\(", code, re.MULTILINE), name


def called(name: str) -> list[Path]:
    """The files of a name, or of the end of a path."""
    return [
        path
        for home in ("tweakreg_step", "benchmarks", "tests", "docs")
        for path in (ROOT / home).rglob("*.py")
        if path.as_posix().endswith(f"/{name}")
    ]


def included() -> list[tuple[str, Path]]:
    """The pages, and the files that they include."""
    pattern = re.compile(r"^\.\. include:: ((?:\.\./)?tables/.+)$", re.MULTILINE)
    pages = sorted((ROOT / "docs").rglob("*.rst"))
    return [
        (page.name, (page.parent / name).resolve())
        for page in pages
        for name in pattern.findall(page.read_text())
    ]


FIGURES = runpy.run_path(str(ROOT / "docs" / "make_figures.py"))


@pytest.mark.parametrize("page", FIGURES["PICTURES"])
def test_a_page_of_measurements_has_its_figure_behind_its_findings(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.rst").read_text()
    assert f".. image:: figures/{page}.svg\n   :alt: " in text
    assert FIGURES["PICTURES"][page]().axes


@pytest.mark.parametrize("page", sorted(FIGURES["PICTURES"].keys() - {"hst", "roman"}))
def test_a_page_of_measurements_begins_with_its_findings_in_ten_lines(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.rst").read_text().split(f".. image:: figures/{page}.svg")[0]
    findings = [line for line in text.splitlines()[2:] if line]
    assert sum(line.startswith("* ") for line in findings) >= 3
    assert len(findings) <= 10


def test_a_figure_shows_the_numbers_of_its_table() -> None:
    rows = FIGURES["read_table"]("accuracy")
    (axes,) = FIGURES["PICTURES"]["accuracy"]().axes
    drawn = {line.get_label(): line for line in axes.get_lines()}["tweakreg_step, rms"]
    assert [f"{y:.3f}" for y in drawn.get_ydata()] == [row["rms"] for row in rows]
    assert [f"{x:.3f}" for x in drawn.get_xdata()] == [row["bound"] for row in rows]


def test_every_table_is_included_once_and_there() -> None:
    assert TABLES
    assert sorted(path for _, path in included()) == TABLES


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_a_table_names_the_script_that_writes_it_and_its_commit(path: Path) -> None:
    first, empty, rule = path.read_text().splitlines()[:3]
    named = re.fullmatch(
        r"\.\. Written by benchmarks/(\w+\.py), last run with commit [0-9a-f]{7}\.", first
    )
    assert named is not None, first
    assert not empty
    assert set(rule) == {"=", " "}
    script, (kind, _, rest) = named[1], path.stem.partition("_")
    # a name that is put together of the script's and that of a part of it stands there in parts
    text = (ROOT / "benchmarks" / script).read_text()
    whole = f'"{path.stem}"' in text
    assert whole or (f'f"{kind}_{{' in text and f'"{rest}"' in text)


def test_each_script_has_a_line_in_the_readme_of_the_benchmarks_and_each_line_a_script() -> None:
    text = (ROOT / "benchmarks" / "README.rst").read_text()
    lines = re.findall(r"^(\w+\.py) ", text, re.MULTILINE)
    helpers = re.findall(r"``(\w+\.py)``\s\(", text)
    assert sorted(lines + helpers) == sorted(SCRIPTS)


def test_the_readme_of_the_benchmarks_says_where_tables_are_used() -> None:
    text = (ROOT / "benchmarks" / "README.rst").read_text()
    for page, path in included():
        script = re.search(r"\w+\.py", path.read_text().splitlines()[0])
        assert script is not None
        line = re.search(rf"^{script[0]} .*$", text, re.MULTILINE)
        assert line is not None
        assert page in line[0], f"{script[0]} is used by {page}"


def test_a_table_is_written_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "TABLES", tmp_path)
    monkeypatch.setattr(tables, "commit", lambda: "1234567")
    rows = [("a scene", "1.25", ""), ("b", "", "none")]
    tables.publish("benchmarks/x.py", "one", (("scene", "error [mas]", "x"), rows), "Seen twice.")
    tables.publish("benchmarks/x.py", "two", (("scene",), [("a",)]), write=False)
    written = (tmp_path / "one.rst").read_text()
    assert not (tmp_path / "two.rst").exists()
    head, text = written.split("\n\n", maxsplit=1)
    assert head == ".. Written by benchmarks/x.py, last run with commit 1234567."
    assert text in capsys.readouterr().out
    assert text.splitlines() == [
        "=======  ===========  ====",
        "scene    error [mas]  x",
        "=======  ===========  ====",
        "a scene  1.25",
        "b                     none",
        "=======  ===========  ====",
        "",
        "Seen twice.",
    ]
