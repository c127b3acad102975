"""strun in this process: what it says and ends with, without another start of Python."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
from stpipe._cli.strun import main


def strun(*arguments: object) -> tuple[int, str]:
    """Exit status and log of strun."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.setattr(sys, "argv", ["strun", *map(str, arguments)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), said.getvalue()
    return 0, said.getvalue()
