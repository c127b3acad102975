"""How long a user's catalog of 100,000 rows takes to be read and selected, by format.

Run as ``python benchmarks/user_catalogs.py``. Each is processor time, the least of three.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from tables import publish

from tweakreg_step.catalogs.source_catalogs import read_catalog
from tweakreg_step.core.sources import Pixels
from tweakreg_step.parameters.source_stages import (
    ColumnParameters,
    SelectionParameters,
)
from tweakreg_step.simulate import Pointing, detector_wcs, nircam
from tweakreg_step.sources.peak_pixels import with_peaks
from tweakreg_step.sources.regions import read_exclusions
from tweakreg_step.sources.selection import limits_of, select
from tweakreg_step.telescopes.wcs.inverse import pixels_within

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 100_000
BOX = ((-0.5, 2047.5), (-0.5, 2047.5))
REGIONS = "image\ncircle(1024,1024,1000)\n-box(500,500,300,200,30)\n-ellipse(900,900,50,30,10)\n"
SKY_REGIONS = 'icrs\ncircle({ra},{dec},60")\n-polygon({ra},{dec},{ra1},{dec},{ra1},{dec1})\n'
SEXTRACTOR = ("NUMBER", "XWIN_IMAGE", "YWIN_IMAGE", "ERRX2WIN_IMAGE", "ERRY2WIN_IMAGE", "FLUX_AUTO",
              "FLUX_MAX", "FLAGS")  # fmt: skip


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result."""
    times, result = [], None
    for _ in range(3):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def columns(wcs: Any) -> dict[str, Any]:
    random = np.random.default_rng(1)
    x, y = random.uniform(1.0, 2048.0, (2, ROWS))
    ra, dec = wcs.forward_transform(x - 1, y - 1)
    flux = random.lognormal(3.0, 1.5, ROWS)
    values = (np.arange(1, ROWS + 1), x, y, np.full(ROWS, 1e-4), np.full(ROWS, 1e-4), flux,
              0.2 * flux, np.zeros(ROWS, int))  # fmt: skip
    return dict(zip(SEXTRACTOR, values, strict=True)) | {"RA": ra, "DEC": dec}


def write_all(folder: Path, table: dict[str, Any]) -> dict[str, Path]:
    """A file of each format."""
    rows = list(zip(*(table[name] for name in SEXTRACTOR), strict=True))
    names = ("ASCII_HEAD", "FITS_LDAC", "IRAF DAOPHOT", "list", "csv", "ecsv", "sky, csv")
    paths = {name: folder / f"{name.replace(' ', '_')}.cat" for name in names}
    header = [f"# {k + 1:3d} {name:20s} about it" for k, name in enumerate(SEXTRACTOR)]
    lines = ["{:d} {:.4f} {:.4f} {:g} {:g} {:g} {:g} {:d}".format(*row) for row in rows]
    paths["ASCII_HEAD"].write_text("\n".join(header + lines) + "\n")
    arrays = [fits.Column(n, format="1D", array=table[n]) for n in SEXTRACTOR[:-1]]
    flags = fits.Column("FLAGS", format="1I", array=table["FLAGS"])
    objects = fits.BinTableHDU.from_columns([*arrays, flags], name="LDAC_OBJECTS")
    fits.HDUList([fits.PrimaryHDU(), objects]).writeto(paths["FITS_LDAC"])
    iraf = ["#N ID XCENTER YCENTER MAG MERR \\", "#U ## pixels pixels mag mag \\",
            "#F %-9d %-10.3f %-10.3f %-12.3f %-14.3f", "#N CHI PIER PERROR \\"]  # fmt: skip
    iraf += [
        f"{r[0]:d} {r[1]:.4f} {r[2]:.4f} {-2.5 * np.log10(r[5]):.4f} 0.01 \\\n 1.0 0 No_error"
        for r in rows
    ]
    paths["IRAF DAOPHOT"].write_text("\n".join(iraf) + "\n")
    paths["list"].write_text("".join(f"{r[1]:.5f} {r[2]:.5f} {r[5]:g}\n" for r in rows))
    plain = Table({"x": table["XWIN_IMAGE"], "y": table["YWIN_IMAGE"], "flux": table["FLUX_AUTO"]})
    plain.write(paths["csv"], format="ascii.csv")
    plain.write(paths["ecsv"], format="ascii.ecsv")
    sky = Table({"RA": table["RA"], "DEC": table["DEC"], "flux": table["FLUX_AUTO"]})
    sky.write(paths["sky, csv"], format="ascii.csv")
    return paths


def main() -> None:
    wcs = detector_wcs(nircam("NRCA1"), Pointing(10.0, 20.0, 30.0), 0.9999)
    chosen = {
        "list": ColumnParameters(xcol="1", ycol="2", fluxcol="3"),
        "sky, csv": ColumnParameters(xyunits="degrees"),
    }
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        for label, path in write_all(Path(name), columns(wcs)).items():
            options = chosen.get(label, ColumnParameters())
            seconds, found = best(
                lambda path=path, options=options: read_catalog(
                    path,
                    "a",
                    options,
                    to_pixels=lambda ra, dec: pixels_within(wcs, BOX, ra, dec),
                )
            )
            rows.append((f"read {label}", f"{seconds:.2f}", f"{len(found):,}"))
        region, on_sky = Path(name) / "a.reg", Path(name) / "b.reg"
        region.write_text(REGIONS)
        ra, dec = (float(v) for v in wcs.forward_transform(1000.0, 1000.0))
        on_sky.write_text(SKY_REGIONS.format(ra=ra, dec=dec, ra1=ra + 0.01, dec1=dec + 0.01))
        options = SelectionParameters(fluxmin=5.0, fluxmax=500.0, border=10, peakmin=0.1)
        limits = limits_of(options, 10_000, 1e6, 100.0, "a")
        data = np.random.default_rng(2).normal(size=(2048, 2048))
        pixels = Pixels(data, np.ones_like(data), np.zeros(data.shape, bool))
        for label, path in (("image regions", region), ("sky regions", on_sky)):
            exclusions = read_exclusions(path)
            seconds, (left, _) = best(
                lambda exclusions=exclusions: select(
                    found,
                    limits,
                    BOX,
                    lambda s: exclusions.allowed(s.x, s.y, wcs.forward_transform, (1024.0, 1024.0)),
                )
            )
            rows.append((f"select with {label}", f"{seconds:.2f}", f"{len(left):,}"))
        seconds, _ = best(lambda: with_peaks(found, pixels))
        rows.append(("measure the peaks", f"{seconds:.2f}", f"{len(found):,}"))
    publish(__file__, "user_catalogs", (("work", "seconds", "sources"), rows))


if __name__ == "__main__":
    main()
