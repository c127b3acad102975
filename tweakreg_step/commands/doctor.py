"""The command ``tweakreg doctor``: the installation, and what a run on some exposures would do."""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tweakreg_step.catalogs.reference import service_reachable
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.memory import free_memory
from tweakreg_step.pipeline.run_result import versions
from tweakreg_step.pipeline.survey import survey_of
from tweakreg_step.solutions import targets_of

from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["run_doctor"]

EXTRAS = {
    "plots": ("matplotlib", "pictures in files"),
    "dask": ("distributed", "clusters"),
    "hats": ("hats", "Gaia from HATS catalogs"),
}
"""The extras: the package that each needs, and what it is for."""

CRDS = ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT")


def run_doctor(options: argparse.Namespace) -> int:
    """Check the installation; with exposures, say what a run would do. Returns the exit status."""
    for line in _installation():
        say(line)
    if not options.exposures:
        return 0
    first = options.exposures
    survey = survey_of(targets_of(first[0] if len(first) == 1 else first))
    say("")
    for line in survey.lines:
        say(line)
    if not survey.usable:
        raise InputError("None of the exposures can be aligned: see the reasons above.")
    return 0


def _installation() -> list[str]:
    shown = ", ".join(f"{name} {number}" for name, number in versions().items())
    lines = [f"Python {platform.python_version()}: {shown}"]
    for extra, (package, use) in EXTRAS.items():
        there = find_spec(package) is not None
        lines.append(f"Extra '{extra}' ({use}): {'installed' if there else 'not installed'}")
    named = [f"{name}={os.environ[name]}" for name in CRDS if os.environ.get(name)]
    lines.append(f"CRDS: {', '.join(named) or 'not configured, built-in parameters are used'}")
    lines.append(f"Reference catalogs: {service_reachable()}")
    free = free_memory()
    lines.append(
        "Memory: " + ("unknown" if free == float("inf") else f"{free / 1e9:.1f} GB are free")
    )
    return lines
