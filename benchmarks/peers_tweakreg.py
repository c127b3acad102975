"""TweakReg of DrizzlePac on files with catalogs, by the Python of its own environment.

``hst.py`` imports it; ``peers.py`` runs ``python peers_tweakreg.py job.json``: the job has
``files``, ``reference`` and ``options``, and gets ``seconds`` and ``error``, '' for none.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

__all__ = ["NAME", "align"]

NAME = "TWEAK"
"""Of the WCS in the header of an exposure that it has aligned."""


def align(files: list[str], catalog: str, options: dict[str, Any]) -> tuple[float, str]:
    """Change the headers of files in this folder; processor time [s], and what it said.

    Parameters
    ----------
    files
        Exposures.
    catalog
        Of the reference: a table with RA, DEC [deg] and MAG.
    options
        Of TweakReg, beside those that say what the reference is and that nobody looks on.
    """
    from drizzlepac.tweakreg import TweakReg  # noqa: PLC0415 - in that environment alone

    stars = Table.read(catalog)
    np.savetxt("ref.txt", np.stack([stars["RA"], stars["DEC"], stars["MAG"]], 1), fmt="%.10f")
    start = time.process_time()
    try:
        TweakReg(
            files,
            refcat="ref.txt",
            refxcol=1,
            refycol=2,
            refxyunits="degrees",
            rfluxcol=3,
            rfluxunits="mag",
            updatehdr=True,
            wcsname=NAME,
            fitgeometry="rscale",
            interactive=False,
            see2dplot=False,
            residplot="NoPlot",
            shiftfile=False,
            **options,
        )
        said = ""
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it ends on what it can't do
        said = f"{type(error).__name__}: {error}"
    return time.process_time() - start, said


def main(path: Path) -> None:
    """Do the job of a file."""
    job = json.loads(path.read_text())
    os.chdir(path.parent)
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):  # noqa: PTH123
        job["seconds"], job["error"] = align(job["files"], job["reference"], job["options"])
    path.write_text(json.dumps(job))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
