"""What proper motions are worth, measured on NGC 188: `python benchmarks/proper_motions.py FOLDER`.

FOLDER holds Gaia DR2 and 2MASS of the cluster's field (gaia_results.fits, 2MASS_results.ecsv).
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time

from tweakreg_step.catalogs.reference import at_epoch

BINS = ((0.0, 12.0), (12.0, 14.0), (14.0, 16.0), (16.0, 18.0), (18.0, 21.0))
SPEEDS = (0.0, 10.0, 20.0, 50.0, 1e4)


def dispersions(gaia: Table) -> None:
    """Rms proper motion about zero, per axis, by magnitude."""
    mag = np.asarray(gaia["phot_g_mean_mag"], float)
    motions = np.stack([np.ma.filled(gaia[n].astype(float), np.nan) for n in ("pmra", "pmdec")])
    print("G magnitude    stars   rms proper motion per axis [mas/yr]")
    for low, high in BINS:
        chosen = motions[:, (mag >= low) & (mag < high) & np.isfinite(motions[0])]
        rms = np.sqrt(np.mean(np.clip(chosen, -100.0, 100.0) ** 2))
        print(f"{low:5.0f} to {high:3.0f}   {chosen.shape[1]:6d}   {rms:6.1f}")


def improvement(gaia: Table, tmass: Table) -> None:
    """Gaia against 2MASS, before and after its stars are moved to the date of 2MASS."""
    epoch = float(np.median(Time([str(date) for date in tmass["Date"]]).jyear))
    moved = at_epoch(gaia, epoch)
    seen = SkyCoord(tmass["RAJ2000"], tmass["DEJ2000"], unit="deg")
    before, after = (SkyCoord(t["RA"], t["DEC"], unit="deg") for t in (gaia, moved))
    index, apart, _ = seen.match_to_catalog_sky(after)
    near = np.asarray(apart.arcsec) < 1.0
    speed = np.ma.filled(np.hypot(gaia["pmra"], gaia["pmdec"])[index], np.nan)
    print(f"\nGaia of 2015.5 against 2MASS of {epoch:.2f}, rms distance [mas]")
    print("proper motion [mas/yr]    stars   as published   at the epoch   travelled")
    for low, high in pairwise(SPEEDS):
        chosen = near & (speed >= low) & (speed < high)
        rms = [
            np.sqrt(np.mean(sky[index[chosen]].separation(seen[chosen]).mas ** 2))
            for sky in (before, after)
        ]
        path = np.sqrt(np.mean((speed[chosen] * (2015.5 - epoch)) ** 2))
        print(
            f"{low:8.0f} to {high:5.0f}     {chosen.sum():6d}   {rms[0]:10.0f}   {rms[1]:12.0f}"
            f"   {path:9.0f}"
        )


def main(folder: Path) -> None:
    gaia = Table.read(folder / "gaia_results.fits")
    gaia.rename_columns(["ra", "dec"], ["RA", "DEC"])
    gaia["ref_epoch"] = 2015.5
    tmass = Table.read(folder / "2MASS_results.ecsv")
    dispersions(gaia)
    improvement(gaia, tmass[[str(flag)[0] == "A" for flag in tmass["Qflg"]]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
