"""What a correction may change in a model, to be compared to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from stdatamodels.jwst import datamodels

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
