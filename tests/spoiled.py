"""Exposures and catalogs that are no good, made of good ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import Truth


def with_noise(files: Truth, *indices: int) -> dict[str, Any]:
    """Options that give some images catalogs of stars that are not there."""
    lines = []
    for index in indices:
        place = np.random.default_rng(index).uniform(5.0, 505.0, (2, 45))
        Table(place.T, names=["x", "y"]).write(f"noise{index}.ecsv", overwrite=True)
        lines.append(f"{files.images[index].file_name} noise{index}.ecsv")
    Path("catfile.txt").write_text("\n".join(lines) + "\n")
    return {"use_custom_catalogs": True, "catfile": "catfile.txt", "sip_approx": False}


def edit(path: Path, **meta: Any) -> None:
    """Write other metadata into a file; names may have dots."""
    with datamodels.open(path) as model:
        for name, value in meta.items():
            model[f"meta.{name}"] = value
        model.save(path)
