"""The stock step of JWST or of Roman on files, for ``peers.py``, by the Python of its environment.

``python peers_stock.py jwst|romancal job.json``: the job has ``files``, ``options`` and ``output``,
a folder, and gets ``seconds`` of processor time and ``error``, '' for none.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ["STPIPE_DISABLE_CRDS_STEPPARS"] = "true"


def step_of(name: str) -> tuple[Any, Any]:
    """A step and its library of models, from its package."""
    if name == "jwst":
        from jwst.datamodels import ModelLibrary  # noqa: PLC0415 - one of the two is there
        from jwst.tweakreg import TweakRegStep  # noqa: PLC0415
    else:
        from romancal.datamodels import ModelLibrary  # noqa: PLC0415
        from romancal.tweakreg import TweakRegStep  # noqa: PLC0415
    return TweakRegStep, ModelLibrary


def main(name: str, path: Path) -> None:
    """Do the job of a file."""
    job = json.loads(path.read_text())
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    step, library = step_of(name)
    start = time.process_time()
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):  # noqa: PTH123
        try:
            written = {"save_results": True, "output_dir": job["output"], "suffix": "tweakreg"}
            step.call(library(job["files"]), **written, **job["options"])
            job["error"] = ""
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it ends on what it can't do
            job["error"] = f"{type(error).__name__}: {error}"
    job["seconds"] = time.process_time() - start
    path.write_text(json.dumps(job))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
