"""Processor time from the command to the first file, and of the packages that this needs.

    python benchmarks/startup.py

Each is the least of several processes, the start of Python included.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from tables import publish

from tweakreg_step.simulate import simulate_mosaic

TIMES = 5

TOLD = "print('TIME', time.process_time(), flush=True)"

UNTIL_A_FILE = f"""
import os, sys, time
from importlib.metadata import entry_points
from tweakreg_step.telescopes import exposure_file

def first(path):
    {TOLD}
    os._exit(0)

exposure_file.open_to_read = first
if sys.argv[1] == "strun":
    main = next(iter(entry_points(group="console_scripts", name="strun"))).load()
else:
    from tweakreg_step.cli import main
del sys.argv[0]
sys.exit(main())
"""
"""Runs a command until it reads the pixels and the WCS of its first exposure."""

ASDF = "import asdf; asdf.AsdfFile()"
EXTENSIONS = (
    "from tweakreg_step.files.asdf_extensions import load_extensions; import asdf; "
    "load_extensions(); asdf.AsdfFile().extension_manager"
)
PACKAGES = {
    "Python alone": "",
    "import numpy, scipy.sparse, scipy.spatial": "import numpy, scipy.sparse, scipy.spatial",
    "import astropy.io.fits": "import astropy.io.fits",
    "import stpipe": "import stpipe",
    "import stdatamodels": "import stdatamodels.jwst.datamodels",
    "asdf with its extensions, as it loads them itself": ASDF,
    "asdf with its extensions, as here": EXTENSIONS,
}


def alone(code: str) -> str:
    """A program that runs some code and tells the time."""
    return f"import time; {code}\n{TOLD}"


def least(code: str, *words: str) -> float:
    """Seconds."""
    return min(_seconds(code, words) for _ in range(TIMES))


def _seconds(code: str, words: tuple[str, ...]) -> float:
    command = [sys.executable, "-c", code, *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    told = [line for line in ended.stdout.splitlines() if line.startswith("TIME ")]
    if not told:
        raise RuntimeError(ended.stderr[-2000:])
    return float(told[-1].removeprefix("TIME "))


def main() -> None:
    """Print and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        truth = simulate_mosaic(folder, seed=7, tiles=(1, 1), dithers=2, shape=(256, 256))
        commands = {
            "strun, until the first file is read": ("strun", "tweakreg_step.TweakRegStep"),
            "tweakreg align, until the first file is read": ("tweakreg", "align"),
        }
        rows = [
            (name, f"{least(UNTIL_A_FILE, *words, str(truth.association)):.2f}")
            for name, words in commands.items()
        ]
    rows += [(name, f"{least(alone(code)):.2f}") for name, code in PACKAGES.items()]
    publish(__file__, "startup", (("what", "processor [s]"), rows))


if __name__ == "__main__":
    main()
