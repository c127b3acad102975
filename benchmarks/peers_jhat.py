"""JHAT on images with catalogs, for ``peers.py``, by the Python of its own environment.

``python peers_jhat.py jobs.json``: a list of jobs with ``image``, ``catalog`` (a text with x, y,
mag and dmag), ``reference`` and ``output``, a folder. Each gets ``seconds`` and ``error``, '' for
none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

os.environ["MPLBACKEND"] = "agg"
os.environ["STPIPE_DISABLE_CRDS_STEPPARS"] = "true"

from jhat.st_wcs_align import st_wcs_align  # in that environment alone


def align(image: str, catalog: str, reference: str, output: str) -> tuple[float, str]:
    """Align an image as JHAT does, but with a catalog that is given; seconds, and what it said."""
    folder, name = Path(output), Path(image).name
    folder.mkdir(exist_ok=True)
    # JHAT takes a catalog of its own photometry where there is one
    shutil.copy(catalog, folder / f"{name.rpartition('_')[0]}.phot.txt")
    start = time.process_time()
    try:
        st_wcs_align().run_all(
            image,
            telescope="jwst",
            outrootdir=output,
            overwrite=True,
            load_photcat_if_exists=True,
            rematch_refcat=True,
            refcatname=reference,
            refcat_racol="RA",
            refcat_deccol="DEC",
            refcat_magcol="MAG",
            refcat_magerrcol="MAGERR",
        )
        said = ""
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is its refusal
        said = f"{type(error).__name__}: {error}"
    return time.process_time() - start, said


def main(path: Path) -> None:
    """Do all jobs of a file."""
    jobs = json.loads(path.read_text())
    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        for job in jobs:
            with contextlib.redirect_stdout(nothing):
                job["seconds"], job["error"] = align(**job)
    path.write_text(json.dumps(jobs))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
