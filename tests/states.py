"""What a correction may change in a model, to be compared to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from stdatamodels.jwst import datamodels

from tweakreg_step.pipeline import run as run_module
from tweakreg_step.simulate import Truth

LIBRARY = {"wcs", "asn.exptype", "group_id"}
"""The WCS, which is compared by what it does, and what a library writes into its models."""


def wcs_state(model: Any) -> dict[str, Any]:
    """Frames, name, the forward transform on a grid, bit for bit, and the keywords made of it."""
    wcs = model.meta.wcs
    x, y = np.meshgrid(np.linspace(-0.5, 511.5, 7), np.linspace(-0.5, 511.5, 7))
    return {
        "frames": list(wcs.available_frames),
        "name": wcs.name,
        "places": np.stack(wcs(x, y, with_bounding_box=False)).tobytes(),
        "steps": [
            np.stack(wcs.get_transform(a, b)(x, y)).tobytes()
            for a, b in [(wcs.available_frames[0], "v2v3")]
        ],
        "box": repr(wcs.bounding_box),
        "wcsinfo": dict(model.meta.wcsinfo.instance),
    }


def meta_state(model: Any) -> dict[str, Any]:
    """All metadata but the WCS object, and the WCS as above."""
    return wcs_state(model) | {"meta": {k: repr(v) for k, v in flat(model.meta.instance).items()}}


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    out = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            out |= flat(value, f"{prefix}{key}.")
        elif f"{prefix}{key}" not in LIBRARY:
            out[f"{prefix}{key}"] = value
    return out


def file_state(path: Path) -> dict[str, Any]:
    with datamodels.open(path) as model:
        return wcs_state(model)


def with_noise(files: Truth, *indices: int) -> dict[str, Any]:
    """Options that give some images catalogs of stars that are not there."""
    lines = []
    for index in indices:
        place = np.random.default_rng(index).uniform(5.0, 505.0, (2, 45))
        Table(place.T, names=["x", "y"]).write(f"noise{index}.ecsv", overwrite=True)
        lines.append(f"{files.images[index].file_name} noise{index}.ecsv")
    Path("catfile.txt").write_text("\n".join(lines) + "\n")
    return {"use_custom_catalogs": True, "catfile": "catfile.txt", "sip_approx": False}


def run_results(monkeypatch: Any) -> list[Any]:
    """The results of the runs that follow."""
    kept: list[Any] = []
    made = run_module.run_result_of

    def keeping(*arguments: Any) -> Any:
        kept.append(made(*arguments))
        return kept[-1]

    monkeypatch.setattr(run_module, "run_result_of", keeping)
    return kept
