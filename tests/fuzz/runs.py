"""Whole runs on hostile input: what each came to, and whether anything was lost or left behind."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table
from fuzz.cases import Scene, spoiled_association, spoiled_catalog, spoiled_image
from fuzz.faults import IN_TIME, SENTENCES, answering
from fuzz.mutations import pick
from stpipe.exceptions import ValidationError

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import TweakregError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tweakreg_step.simulate import Truth

__all__ = ["KINDS", "Run", "run_case", "signalled"]

LONGEST = 60
"""Seconds after which a run hangs."""

OPTIONS: dict[str, Any] = {"minobj": 8, "abs_minobj": 8, "save_results": True}


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Attributes
    ----------
    outcome
        "done", "refused" with a sentence, "raw error" or "hang".
    outside
        Files that it left outside of its output folder, and folders of its own inside.
    lost
        Good images without a result that says that it is aligned.
    what
        The error, if it was raw.
    """

    outcome: str
    outside: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    what: str = ""


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise _HangError

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class _HangError(BaseException):
    """Not to be caught by anything between."""


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _lost(out: Path, good: list[str]) -> tuple[str, ...]:
    """The good images without a result that is aligned, by the reports and the files."""
    status: dict[str, str] = {}
    for report in out.glob("*_tweakreg.json"):
        images = json.loads(report.read_text())["images"]
        status |= {image["name"]: image["status"] for image in images}
    written = {path.name.replace("_tweakreg", "_cal") for path in out.glob("*_tweakreg.fits")}
    return tuple(n for n in good if status.get(n) != "COMPLETE" or n not in written)


def _result(work: Callable[[], object], folder: Path, good: list[str]) -> Run:
    before = _tree(folder)
    what, outcome = "", "done"
    logging.disable(logging.CRITICAL)
    try:
        with _within(LONGEST), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work()
    except (TweakregError, ValidationError):
        outcome = "refused"
    except _HangError:
        outcome = "hang"
    except Exception as error:  # noqa: BLE001 - these are counted
        outcome, what = "raw error", f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        logging.disable(logging.NOTSET)
    out = folder / "out"
    new = sorted(_tree(folder) - before)
    outside = tuple(n for n in new if n.split("/")[0] != "out" or "/.tweakreg" in n)
    lost = _lost(out, good) if outcome == "done" else ()
    shutil.rmtree(out, ignore_errors=True)
    return Run(outcome, outside, lost, what)


def _association(scene: Scene, rng: np.random.Generator) -> Run:
    path = spoiled_association(scene, rng)
    try:
        return _run(scene, str(path), [])
    finally:
        path.unlink()


def _run(scene: Scene, given: Any, good: list[str], **options: Any) -> Run:
    def work() -> None:
        TweakRegStep.call(given, output_dir=str(scene.folder / "out"), **OPTIONS | options)

    return _result(work, scene.folder, good)


def _catalog(scene: Scene, rng: np.random.Generator) -> Run:
    """A spoiled catalog of one image, or a spoiled reference catalog."""
    images = scene.truth.files
    if rng.random() < 0.5:
        path = spoiled_catalog(scene, rng, "stars", Table.read(scene.truth.catalog))
        good, options = [image.name for image in images], {"abs_refcat": str(path)}
    else:
        path = spoiled_catalog(scene, rng, "sources")
        listed = scene.folder / "catfile.txt"
        listed.write_text(f"{images[0].name} {path.name}\n")
        good = [image.name for image in images[1:]]
        options = {"use_custom_catalogs": True, "catfile": str(listed)}
    try:
        return _run(scene, str(scene.truth.association), good, **options)
    finally:
        path.unlink(missing_ok=True)


def _image(scene: Scene, rng: np.random.Generator) -> Run:
    bad = scene.truth.files[int(rng.integers(len(scene.truth.files)))]
    whole = bad.read_bytes()
    try:
        spoiled_image(bad, rng)
        good = [image.name for image in scene.truth.files if image != bad]
        in_memory = bool(rng.random() < 0.5)
        return _run(scene, str(scene.truth.association), good, in_memory=in_memory)
    finally:
        bad.write_bytes(whole)


def _service(scene: Scene, rng: np.random.Generator) -> Run:
    faults = IN_TIME | {name: answer for name, (answer, _) in SENTENCES.items()}
    good = [image.name for image in scene.truth.files]
    cache = str(scene.folder / "out" / "cache")
    with answering(faults[pick(rng, sorted(faults))]) as (url, _):
        os.environ["ASTROMETRIC_CATALOG_URL"] = url
        try:
            return _run(
                scene,
                str(scene.truth.association),
                good,
                abs_refcat="GAIADR3",
                refcat_timeout=0.5,
                refcat_max_size=1.0,
                refcat_cache=cache,
            )
        finally:
            del os.environ["ASTROMETRIC_CATALOG_URL"]


KINDS: dict[str, tuple[Callable[[Scene, np.random.Generator], Run], int]] = {
    "service faults": (_service, 40),
    "broken associations": (_association, 300),
    "broken catalogs": (_catalog, 300),
    "damaged images": (_image, 120),
}
"""What is hostile, and how many cases of it `make fuzz` tries."""


def run_case(kind: str, seed: int, truth: Truth, folder: Path) -> Run:
    """The whole run of a case."""
    return KINDS[kind][0](Scene(truth, folder), np.random.default_rng([seed, 17]))


SCRIPT = """
import sys
from tweakreg_step import TweakRegStep

if __name__ == "__main__":
    TweakRegStep.call(
        sys.argv[1], n_workers=int(sys.argv[2]), save_results=True, save_catalogs=True,
        minobj=8, output_dir="out",
    )
"""


def signalled(seed: int, n_workers: int, truth: Truth, folder: Path, seconds: float | None) -> Run:
    """A run that gets a signal at a random moment.

    Parameters
    ----------
    seed, n_workers
        Of the moment and the kind of signal; of the run.
    truth, folder
        The images, and where the run works.
    seconds
        How long a run takes without a signal; None for no signal.
    """
    rng = np.random.default_rng([seed, n_workers])
    script, out = folder / "script.py", folder / "out"
    script.write_text(SCRIPT)
    before = _tree(folder)
    process = subprocess.Popen(
        [sys.executable, script.name, str(truth.association), str(n_workers)],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    if seconds is not None:
        time.sleep(float(rng.uniform(0.0, seconds)))
        process.send_signal(signal.SIGTERM if rng.random() < 0.5 else signal.SIGINT)
    try:
        _, said = process.communicate(timeout=LONGEST)
        outcome = "refused" if process.returncode else "done"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        outcome = "hang"
    interrupted = "KeyboardInterrupt" in said or process.returncode in {-15, -2, 143, 130}
    if outcome == "refused" and "Traceback" in said and not interrupted:
        outcome = "raw error"
    new = sorted(_tree(folder) - before)
    outside = tuple(
        n for n in new if n.split("/")[0] not in {"out", "__pycache__"} or ".tweakreg-" in n
    )
    broken = tuple(p.name for p in out.glob("*_tweakreg.fits") if not _is_whole(p))
    shutil.rmtree(out, ignore_errors=True)
    return Run(outcome, outside, broken, said[-300:] if outcome == "raw error" else "")


def _is_whole(path: Path) -> bool:
    from stdatamodels.jwst import datamodels

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with datamodels.open(path) as model:
            return bool(np.isfinite(model.data).any())
