"""Write docs/report.rst from the report's schema, the table's columns and the header's keywords."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from page_tables import table

import tweakreg_step
from tweakreg_step.report import SCHEMA
from tweakreg_step.report.headers import FACTS
from tweakreg_step.report.match_table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).with_name("report.rst")
SCHEMA_FILE = f"{SCHEMA.replace('/', '-')}.json"

HEAD = f"""\
Report
======

.. This page is made by docs/make_report.py from the code and its schema; change it there.

A run leaves two files beside its results, whether it succeeded or not. Where it ended with an error
before there was anything to align, ``error`` says which, and there are no images and no groups. (A
parameter of a wrong kind, and a folder that can't be written, are refused before the run starts
and leave nothing.)

* ``<product>_tweakreg.json``: what was given, done and found. Its first field says the version of
  its schema; the schema itself, for jsonschema, is in the package:
  ``tweakreg_step/report/schemas/{SCHEMA_FILE}``.
* ``<product>_tweakreg_matches.ecsv``: every match, for ``astropy.table.Table.read``.

The log ends with a table of the groups, and each image carries the essentials in its metadata and
its FITS header.

Conventions: what is not known is ``null``, never NaN. Indices start at 0. Offsets, residuals and
displacements have two components, east and north, on the sky. Pixels start at 0 in the centre of
the first one. Errors are one standard deviation per axis. Rolls turn from east to north.
Corrections and residuals are those that were found; whether a correction was applied is said by the
verdicts of its group.

How to read the overlap graph: ``offset_mas`` is how far the delivered WCS of two groups disagree,
``relative_sigma_mas`` how well that is known after the alignment. ``closure_mas`` compares what the
pair by itself wants with what it got; a pair that is several of its errors away contradicts the
others, perhaps by a wrong match. Where two groups are compared by sources that further groups see
as well, their offsets are not independent, and closure says less. What ties a *bridge*, nothing
checks.
"""

MATCHES = """\
Table of matches
----------------

One row for each detection that has a source, sorted by source; detections without one are left out.
The sequential method has no such table: it is empty then, as for a run that ended early.
"""

HEADER = """\
Metadata and FITS header of each image
--------------------------------------

``meta.tweakreg_report`` has the names, the primary FITS header the keywords. A second run replaces
them. What is not known is left out. The numbers are those of the image's group. An image that took
no part says why (``code``) and no more.
"""

SUMMARY = """\
Summary in the log
------------------

One line for each group: number of images and sources; ``matches``, and ``ref``, those of them with
reference stars; ``shift``, the length of the correction at the group's centre [mas]; ``roll``
[arcsec]; ``rms`` residual per axis [mas]; ``sigma``, the error of its images at their centres per
axis [mas]; ``ratio``, the achieved over the achievable error; the verdict with the code of its
reason. Of more than 40 groups those that are aligned share a line, with sums and medians.

``images`` is '1 of 2' where others of the group could take no part. ``sources`` are those that
took part: neither flagged nor dropped by the selection. A match is such a source that another
group or a reference star shares, and that was not clipped. The line below the table has the sums
of these columns, the last one those of the groups by verdict and of the images; they are the
report's ``totals``.
"""


def _kind(field: dict[str, Any]) -> str:
    """The type of a field in words, with the name of the table that describes an object."""
    if "anyOf" in field:
        return f"{_kind(field['anyOf'][0])} or null"
    if "$ref" in field:
        return field["$ref"].rsplit("/", maxsplit=1)[1]
    if "const" in field:
        return f"``{field['const']}``"
    if "enum" in field:
        return " or ".join("null" if value is None else repr(value) for value in field["enum"])
    kinds = field.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    words = " or ".join("list" if kind == "array" else kind for kind in kinds)
    if "array" in kinds:
        words = words.replace("list", f"list of {_kind(field['items'])}")
    return words


def _fields(item: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """The rows of an object; objects within it that have no table of their own follow."""
    for name, field in item["properties"].items():
        inner = field.get("anyOf", [field])[0]
        meaning = field.get("description") or "As below"
        yield f"``{prefix}{name}``", _kind(field), field.get("unit", ""), f"{meaning}."
        if "properties" in inner:
            yield from _fields(inner, f"{prefix}{name}.")


def _objects(schema: dict[str, Any]) -> Iterator[str]:
    parts = {"Report": schema} | schema["$defs"]
    for name, item in parts.items():
        title = "Fields of the report" if name == "Report" else f"Fields of *{name}*"
        yield title
        yield "-" * len(title)
        yield ""
        yield f"{item['description'].rstrip('.')}."
        yield ""
        yield from table(("Field", "Type", "Unit", "Meaning"), _fields(item), "25 20 10 45")


def page() -> str:
    """The whole page."""
    file = Path(tweakreg_step.__file__).parent / "report" / "schemas" / SCHEMA_FILE
    columns = [
        (f"``{name}``", "" if unit is None else str(unit), f"{meaning}.")
        for name, (unit, _, meaning) in COLUMNS.items()
    ]
    facts = [(f"``{name}``", f"``{key}``", f"{text}.") for name, (key, text) in FACTS.items()]
    lines = [HEAD, *_objects(json.loads(file.read_text())), MATCHES]
    lines += table(("Column", "Unit", "Meaning"), columns, "25 15 60")
    lines += [HEADER, *table(("Name", "Keyword", "Meaning"), facts, "25 15 60"), SUMMARY]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} written\n")
