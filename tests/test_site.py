"""The site of the documentation: pages have their places, links lead somewhere, examples hold."""

from __future__ import annotations

import ast
import re
import runpy
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from tweakreg_step.commands import parser
from tweakreg_step.core.outcome import Code
from tweakreg_step.parameters import STAGES, declarations

DOCS = Path(__file__).parents[1] / "docs"
INCLUDED = {"coming_from/jwst_defaults"}
PAGES = {
    page.relative_to(DOCS).with_suffix("").as_posix(): page.read_text()
    for kind in ("*.rst", "*.md")
    for page in sorted(DOCS.rglob(kind))
    if page.parent.name != "tables" and "_build" not in page.parts
}
STPIPE = {
    "output_dir", "output_file", "save_results", "save-parameters", "help", "version",
}  # fmt: skip
"""Options of stpipe, which are not of this package."""
HOOKS = {"pre_hooks", "post_hooks"}
"""Its parameters that are on no command line."""

OF_OTHERS = "coming_from/"
"""Pages with names of other programs."""


def path_of(page: str, target: str) -> str:
    """The name of a page as another names it."""
    return (DOCS / page).parent.joinpath(target).resolve().relative_to(DOCS).as_posix()


def test_every_page_has_one_place() -> None:
    named: Counter[str] = Counter()
    for page, text in PAGES.items():
        for tree in re.findall(r"\.\. toctree::\n(?: +:.*\n)*\n((?: +\S.*\n)+)", text + "\n"):
            names = (re.sub(r".*<(.+)>", r"\1", line.strip()) for line in tree.splitlines())
            named.update(path_of(page, name) for name in names)
    assert set(named) == set(PAGES) - INCLUDED - {"index"}
    assert [page for page, count in named.items() if count > 1] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages(page: str) -> None:
    text = PAGES[page]
    links = re.findall(r"<([^<>\s]+\.(?:rst|md))[#\w-]*>`_", text)
    links += re.findall(r"\]\(([\w./]+\.(?:rst|md))\)", text)
    assert not [link for link in links if not (DOCS / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize("page", [*PAGES, "../benchmarks/README"])
def test_cells_of_tables_stay_in_their_columns(page: str) -> None:
    text = PAGES.get(page) or (DOCS / f"{page}.rst").read_text()
    gaps: list[int] = []
    for line in text.splitlines():
        if re.fullmatch(r"=+(?: +=+)+", line):
            gaps = [place for place, letter in enumerate(line) if letter == " "]
        elif not line:
            gaps = []  # tables of these pages have no empty lines
        assert not [place for place in gaps if line[place : place + 1].strip()], line


def commands(text: str) -> list[str]:
    """The lines of a page that run a command, continued lines put together."""
    joined = text.replace("\\\n", " ")
    return re.findall(r"^\s*(?:\* )?((?:tweakreg|strun) .*)$", joined, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_options_of_commands_are_there(page: str) -> None:
    _, words = parser.make_parser(["--help-parameters"])
    known = {
        option.lstrip("-")
        for one in words.values()
        for action in one._actions
        for option in action.option_strings
    }
    for line in commands(PAGES[page]):
        options = set(re.findall(r"(?<=\s)--([a-zA-Z][\w-]*)", line))
        assert options <= known | STPIPE, line


WORDS = {
    word
    for folder in ("tweakreg_step", "benchmarks", "tests")
    for path in sorted((DOCS.parent / folder).rglob("*"))
    if path.suffix in {".py", ".json"} and path != Path(__file__)
    for word in (path.stem, *re.findall(r"\w+", path.read_text()))
} | {path.stem for path in DOCS.glob("*.py")}
"""What the code calls by name, and the files that it is in."""


@pytest.mark.parametrize(
    "page", [*(page for page in PAGES if not page.startswith(OF_OTHERS)), "../README", "../CHANGES"]
)
def test_names_on_pages_are_those_of_the_code(page: str) -> None:
    quote = "`" if (DOCS / f"{page}.md").exists() else "``"
    suffix = "md" if quote == "`" else "rst"
    text = PAGES.get(page) or (DOCS / f"{page}.{suffix}").read_text()
    literals = re.findall(rf"(?<!`){quote}([^`]+){quote}(?!`)", text)
    names = r"\b[a-z]+(?:_[a-z0-9]+)+\b(?!\.(?:asdf|cat|ecsv|fits|html|ipynb|json|md|rst|txt)\b)"
    told = {name for one in literals for name in re.findall(names, one)}
    assert sorted(told - WORDS - HOOKS) == []


@pytest.mark.parametrize("name", ["searchrad", "abs_searchrad", "minobj", "snr_threshold"])
def test_the_start_tells_the_defaults_that_there_are(name: str) -> None:
    (default,) = (d.default for d in declarations(*STAGES.values()) if d.name == name)
    found = re.search(rf"``{name}``[^(]*\(([\d.]+)\)", PAGES["start/six_parameters"])
    assert found is not None
    assert float(found[1]) == default


def test_every_command_is_on_its_page() -> None:
    _, words = parser.make_parser([])
    assert not [
        name
        for name in words
        if f"``tweakreg {name} " not in PAGES["reference/command"]
        and f"``tweakreg {name}``" not in PAGES["reference/command"]
    ]


def examples() -> list[tuple[str, str]]:
    """Python on pages: blocks, and cells of notebooks."""
    found = []
    for page, text in PAGES.items():
        blocks = re.findall(r"\.\. code-block:: python\n\n((?: +.*\n|\n)+)", text)
        blocks += re.findall(
            r"^```\{code-cell\} ipython3\n((?::.*\n)*)(.*?)^```", text, re.MULTILINE | re.DOTALL
        )
        found += [(page, block if isinstance(block, str) else block[1]) for block in blocks]
    return found


@pytest.mark.parametrize(("page", "code"), examples())
def test_examples_name_what_there_is(page: str, code: str) -> None:
    parameters = {declared.name for declared in declarations(*STAGES.values())}
    others = {"output_dir", "config_file", "save_results"}
    for node in ast.walk(ast.parse(textwrap.dedent(code))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        of_step = isinstance(owner, ast.Name) and owner.id == "TweakRegStep"
        if name == "align" or of_step:
            given = {keyword.arg for keyword in node.keywords if keyword.arg}
            assert given <= parameters | others, page


def test_every_parameter_has_its_place() -> None:
    names = [declared.name for declared in declarations(*STAGES.values())]
    assert len(names) > 80
    assert not [name for name in names if f"``{name}``" not in PAGES["parameters"]]
    stock = runpy.run_path(str(DOCS / "make_defaults.py"))
    assert set(stock["STOCK"]) <= set(names)
    assert set(stock["EARLY"]) | set(stock["REASONS"]) <= set(stock["STOCK"])
    table = PAGES["coming_from/jwst_defaults"]
    differs = [
        d.name
        for d in declarations(*STAGES.values())
        if d.name in stock["STOCK"] and d.default != stock["STOCK"][d.name]
    ]
    assert differs
    assert not [name for name in differs if f"``{name}``" not in table]


def test_every_code_is_told_in_the_start_or_by_symptom() -> None:
    assert not [code for code in Code if f"``{code}``" not in PAGES["troubleshooting"]]
