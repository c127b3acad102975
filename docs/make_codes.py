"""Write docs/reference/codes.rst from the codes of outcomes in tweakreg_step/core/outcome.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from page_tables import table

from tweakreg_step.core.outcome import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "reference" / "codes.rst"

HEAD = """\
Codes
=====

.. This page is made by docs/make_codes.py from tweakreg_step/core/outcome.py; change it there.

A code is the reason of a verdict for programs: it stays when a sentence is improved. It is in
the report, in the log's last table, and in the header of each image (``TWRCODE``). *Status* is that
of an image whose group has the code (``S_TWKREG``, ``meta.cal_step.tweakreg``); it is ``COMPLETE``
where the group is aligned to others and the code says why not to the reference (``relative only``).
*Exception* is what
is raised with ``on_failure='raise'`` and by the functions; all are in
``tweakreg_step.core.exceptions`` and derive from ``TweakregError``.

What each means and what to do is in `troubleshooting <../troubleshooting.rst>`_.

"""


def rows() -> Iterator[tuple[str, ...]]:
    """A row for each code."""
    for code in Code:
        home = "~tweakreg_step.core.exceptions"
        error = "" if code.error is None else f"`{home}.{code.error.__name__}`"
        yield f"``{code}``", code.standing.value, f"``{code.status.value}``", error


def page() -> str:
    """The whole page."""
    header = ("Code", "Verdict", "Status", "Exception")
    return HEAD + "\n".join(table(header, rows(), "25 20 15 40"))


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} written\n")
