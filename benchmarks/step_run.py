"""One run of a tweakreg step, from files to files, for ``step.py``: prints seconds as JSON.

It runs with the Python of either environment, so it imports nothing but the step that it times.

    python step_run.py ours|stock association catalog output workers in_memory
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections import defaultdict
from pathlib import Path

SECONDS: dict[str, float] = defaultdict(float)


def timed(home: object, name: str, stage: str) -> None:
    """Count the time that a function of a module or class takes to a stage."""
    function = getattr(home, name)

    @functools.wraps(function)
    def replacement(*arguments: object, **options: object) -> object:
        start, inner = time.perf_counter(), SECONDS[stage]
        try:
            return function(*arguments, **options)
        finally:  # a function that calls itself counts once
            SECONDS[stage] = inner + time.perf_counter() - start

    setattr(home, name, replacement)


def ours() -> tuple[type, dict[str, object]]:
    """Our step; it reports its stages itself."""
    from tweakreg_step.step import TweakRegStep  # noqa: PLC0415 - one of the two is there

    return TweakRegStep, {}


def stock() -> tuple[type, dict[str, object]]:
    """The stock step, with a watch on its parts; 'expand_refcat' so that it aligns all."""
    from jwst.tweakreg import tweakreg_step  # noqa: PLC0415 - one of the two is there

    step = tweakreg_step.TweakRegStep
    timed(step, "_find_sources", "sources")
    timed(tweakreg_step.twk, "relative_align", "alignment")
    timed(tweakreg_step.twk, "absolute_align", "alignment")
    timed(step, "_apply_tweakreg_solution", "writing")
    return step, {"expand_refcat": True}


def main() -> None:
    """Run the step that the command line names."""
    which, association, catalog, output, workers, in_memory = sys.argv[1:]
    start = time.perf_counter()
    step, options = {"ours": ours, "stock": stock}[which]()
    if which == "ours":
        options["n_workers"] = int(workers)
    SECONDS["import"] = time.perf_counter() - start
    timed(step, "save_model", "saving")
    start = time.perf_counter()
    step.call(
        association,
        abs_refcat=catalog,
        save_results=True,
        output_dir=output,
        in_memory=in_memory == "True",
        **options,
    )
    SECONDS["step"] = time.perf_counter() - start
    for report in Path(output).glob("*_tweakreg.json"):
        stages = json.loads(report.read_text())["stages"]
        SECONDS.update({stage["name"]: stage["seconds"] for stage in stages})
    print("RESULT", json.dumps({"seconds": SECONDS}))


if __name__ == "__main__":
    main()
