"""What proper motions are worth, measured on NGC 188: `python benchmarks/proper_motions.py`.

``../shared/data/gaia_ngc188``, or a folder that is named, holds Gaia DR2 and 2MASS of the cluster's
field (gaia_results.fits, 2MASS_results.ecsv).
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from tables import publish

from tweakreg_step.catalogs.reference import at_epoch

FOLDER = Path(__file__).parent.parent.parent / "shared" / "data" / "gaia_ngc188"
BINS = ((0.0, 12.0), (12.0, 14.0), (14.0, 16.0), (16.0, 18.0), (18.0, 21.0))
SPEEDS = (0.0, 10.0, 20.0, 50.0, 1e4)


def dispersions(gaia: Table) -> None:
    """Rms proper motion about zero, per axis, by magnitude."""
    mag = np.asarray(gaia["phot_g_mean_mag"], float)
    motions = np.stack([np.ma.filled(gaia[n].astype(float), np.nan) for n in ("pmra", "pmdec")])
    rows: list[tuple[str, ...]] = []
    for low, high in BINS:
        chosen = motions[:, (mag >= low) & (mag < high) & np.isfinite(motions[0])]
        rms = np.sqrt(np.mean(np.clip(chosen, -100.0, 100.0) ** 2))
        rows.append((f"{low:.0f} to {high:.0f}", f"{chosen.shape[1]}", f"{rms:.1f}"))
    head = ("G magnitude", "stars", "rms proper motion per axis [mas/yr]")
    publish(__file__, "proper_motions", (head, rows))


def improvement(gaia: Table, tmass: Table) -> None:
    """Gaia against 2MASS, before and after its stars are moved to the date of 2MASS."""
    epoch = float(np.median(Time([str(date) for date in tmass["Date"]]).jyear))
    moved = at_epoch(gaia, epoch)
    seen = SkyCoord(tmass["RAJ2000"], tmass["DEJ2000"], unit="deg")
    before, after = (SkyCoord(t["RA"], t["DEC"], unit="deg") for t in (gaia, moved))
    index, apart, _ = seen.match_to_catalog_sky(after)
    near = np.asarray(apart.arcsec) < 1.0
    speed = np.ma.filled(np.hypot(gaia["pmra"], gaia["pmdec"])[index], np.nan)
    rows: list[tuple[str, ...]] = []
    for low, high in pairwise(SPEEDS):
        chosen = near & (speed >= low) & (speed < high)
        rms = [
            np.sqrt(np.mean(sky[index[chosen]].separation(seen[chosen]).mas ** 2))
            for sky in (before, after)
        ]
        path = np.sqrt(np.mean((speed[chosen] * (2015.5 - epoch)) ** 2))
        between = f"{low:.0f} to {high:.0f}" if high < 1e4 else f"above {low:.0f}"
        rows.append((between, f"{chosen.sum()}", *(f"{v:.0f}" for v in (*rms, path))))
    head = (
        "proper motion [mas/yr]", "stars", "positions as published", "at the epoch of 2MASS",
        "rms path between",
    )  # fmt: skip
    publish(__file__, "gaia_2mass", (head, rows), f"Gaia is of 2015.5, 2MASS of {epoch:.2f}.")


def main(folder: Path) -> None:
    gaia = Table.read(folder / "gaia_results.fits")
    gaia.rename_columns(["ra", "dec"], ["RA", "DEC"])
    gaia["ref_epoch"] = 2015.5
    tmass = Table.read(folder / "2MASS_results.ecsv")
    dispersions(gaia)
    improvement(gaia, tmass[[str(flag)[0] == "A" for flag in tmass["Qflg"]]])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
