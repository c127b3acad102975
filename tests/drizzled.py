"""Mosaics of simulated visits by AstroDrizzle, in the environment that has drizzlepac."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import pytest

__all__ = ["drizzle"]


def drizzle(files: str, output: str, **options: Any) -> None:
    """Drizzle files of a pattern in the working folder to ``<output>_drc.fits``."""
    pytest.importorskip("drizzlepac")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from drizzlepac.astrodrizzle import AstroDrizzle

        usual = {"clean": True, "build": True, "context": False, "num_cores": 1}
        usual |= {"mdriztab": False, "skymethod": "localmin", "final_bits": 0, "driz_sep_bits": 0}
        AstroDrizzle(files, output=output, **(usual | options))
