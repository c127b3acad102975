"""What a run has no use for is not imported: the first file is open the earlier."""

from __future__ import annotations

import subprocess
import sys

from tweakreg_step.simulate import Truth

UNUSED = (
    *("PIL", "bokeh", "dask", "distributed", "hats", "jinja2", "jsonschema", "matplotlib"),
    *("photutils", "regions", "scipy.interpolate", "scipy.stats", "skimage", "stwcs"),
    *("tweakreg_step.drizzlepac", "tweakreg_step.simulate"),
)
"""Modules for pages, pictures, other finders, clusters, regions and other missions."""


def imported(code: str) -> set[str]:
    """The modules of a process that has run something."""
    script = f"{code}\nimport sys; print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_package_alone() -> None:
    assert not {"asdf", "astropy", "numpy", "scipy", "stpipe"} & imported("import tweakreg_step")


def test_a_run_that_writes_no_page(pair: Truth) -> None:
    found = imported(
        "from tweakreg_step import TweakRegStep\n"
        f"TweakRegStep.call({str(pair.association)!r}, abs_refcat={str(pair.catalog)!r},"
        " save_results=True, output_dir='out')"
    )
    assert {"sep", "tweakreg_step.step"} <= found
    assert not found & set(UNUSED)
