"""What keeps exposures of HST from the bound where sources are found in their pixels.

Run as ``python benchmarks/hst_pixels.py [visits]``; needs stwcs. The visits of three dithers of
``hst.py``, with other seeds: aligned from catalogs whose positions have the errors that light
allows, told or not, and from pixels. The bound is that of ``hst.py``, of all stars and their light.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from hst import errors_of, scenes, simulated
from hst_bound import MOFFAT, centroid_error, chips_of
from tables import publish

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate.hst import CAMERAS, Scene
from tweakreg_step.simulate.render import Psf
from tweakreg_step.sources.measure import floor

VISITS = 8
FIRST = 101
"""Seed of the first visit."""

FOUND = 1.0
"""Distance [pixels] to which a source is a star."""

GIVEN = {"use_custom_catalogs": True, "catfile": "catfile", "xyorigin": 0, "brightest": 100000}
CATALOGS = {
    "given, errors told": lambda light, _: light,
    "given, errors not told": lambda _light, _: None,
    "given, errors told with the grid's": np.hypot,
}
"""What catalogs say of the errors, from those by light and by the grid of pixels."""

PIXELS: dict[str, dict[str, Any]] = {
    "pixels": {},
    "pixels, effective PSF": {"refine_centroids": "epsf"},
}


@dataclass(frozen=True)
class Seen:
    """A star on a chip: its flux, the error of its place by light, and how far off it was found.

    ``off`` has both axes [pixels], NaN where it was not found.
    """

    flux: np.ndarray
    light: np.ndarray
    off: np.ndarray


def light_of(scene: Scene, stars: Table) -> np.ndarray:
    """Error per axis of the place of each star, as light and noise allow [pixels]."""
    psf = Psf(CAMERAS[scene.camera].fwhm, MOFFAT)
    return centroid_error(psf, np.asarray(stars["FLUX"]), scene.sky + scene.read**2)


def write_given(visit: Any, say: Any) -> None:
    """Catalogs of all stars that chips see, with positions off by the errors of light."""
    stars = Table.read(visit.truth.folder / "sky.ecsv")
    light = light_of(visit.scene, stars)
    grid = float(floor(CAMERAS[visit.scene.camera].fwhm))
    rng, lines = np.random.default_rng(visit.scene.seed), []
    for one in visit.truth.exposures:
        words = [one.path.name]
        for number, chip in enumerate(chips_of(one, stars)):
            sigma = light[chip.stars]
            off = sigma * rng.standard_normal((2, len(sigma)))
            table = Table({"x": chip.x + off[0], "y": chip.y + off[1]})
            table["flux"] = stars["FLUX"][chip.stars]
            said = say(sigma, grid)
            if said is not None:
                table["x_err"] = table["y_err"] = said
            words.append(f"{one.path.stem}_{number}.ecsv")
            table.write(words[-1], overwrite=True)
        lines.append(" ".join(words))
    Path("catfile").write_text("\n".join(lines))


def seen_in(visit: Any) -> Seen:
    """What became of all stars on all chips, from the catalogs that a run has saved."""
    stars = Table.read(visit.truth.folder / "sky.ecsv")
    light, parts = light_of(visit.scene, stars), []
    for one in visit.truth.exposures:
        tables = sorted(Path("out").glob(f"{one.path.name.split('_')[0]}*_cat*.ecsv"))
        for chip, path in zip(chips_of(one, stars), tables, strict=True):
            table = Table.read(path)
            places = np.stack([table["x"], table["y"]], 1)[:, None]
            apart = places - np.stack([chip.x, chip.y], 1)
            nearest = np.hypot(*apart.T).T.argmin(axis=0)
            off = apart[nearest, np.arange(len(chip.x))]
            off[np.hypot(*off.T) > FOUND] = np.nan
            parts.append((np.asarray(stars["FLUX"])[chip.stars], light[chip.stars], off))
    return Seen(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def run(visit: Any, options: dict[str, Any]) -> np.ndarray:
    """Errors of the exposures after a run [mas]."""
    TweakRegStep.call(
        [str(path) for path in visit.truth.files], abs_refcat=str(visit.truth.catalog),
        output_dir="out", save_results=True, save_catalogs=True, **options,
    )  # fmt: skip
    return errors_of(Path("out"), visit.truth)


def figures(camera: str, hits: str, sources: str, visits: int) -> tuple[str, ...]:
    """A row of the table."""
    after, best, seen, home = [], [], [], Path.cwd()
    for seed in range(FIRST, FIRST + visits):
        scene = replace(scenes(camera)["3 dithers", hits], seed=seed)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.chdir(folder)
            try:
                visit = simulated(scene, Path("in"))
                if sources in CATALOGS:
                    write_given(visit, CATALOGS[sources])
                after.append(run(visit, GIVEN if sources in CATALOGS else PIXELS[sources]))
                best.append(visit.bound["pixels"])
                if sources in PIXELS:
                    seen.append(seen_in(visit))
            finally:
                os.chdir(home)
    ratio = np.sqrt(np.mean(np.square(after)) / np.mean(np.square(best)))
    spread = np.mean(np.square(after) - ratio**2 * np.square(best), axis=1).std(ddof=1)
    error = spread / np.sqrt(visits) / (2.0 * ratio * np.mean(np.square(best)))
    parts = positions(seen) if seen else ("", "", "", "")
    return (camera, hits, sources, f"{ratio:.2f} ± {error:.2f}", *parts)


def positions(seen: list[Seen]) -> tuple[str, str, str, str]:
    """Part of the faintest and of all stars that were found; errors over those by light.

    Errors are those of the faintest and of the brightest quarter, by the median of what is off.
    """
    flux, light, off = (
        np.concatenate([getattr(one, name) for one in seen]) for name in ("flux", "light", "off")
    )
    found = np.isfinite(off[:, 0])
    faint, bright = flux < np.quantile(flux, 0.25), flux > np.quantile(flux, 0.75)
    over = [
        1.4826 * np.median(np.abs(off[part & found] / light[part & found, None]))
        for part in (faint, bright)
    ]
    parts = (found[faint].mean(), found.mean())
    return (
        *(f"{100 * part:.0f} %" for part in parts),
        *(f"{value:.2f}" for value in over),
    )


def main(visits: int) -> None:
    """Print the table, and write it if it is that of the documentation."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    cases = [("WFC3/IR", "0 %", sources) for sources in (*CATALOGS, *PIXELS)]
    cases += [("WFC3/IR", "95 %", "pixels")]
    cases += [("ACS/WFC", hits, "pixels") for hits in ("0 %", "95 %")]
    rows = []
    for case in cases:
        rows.append(figures(*case, visits))
        print(*rows[-1], sep="  ", flush=True)
    header = ("camera", "cosmic rays", "sources", "rms / bound", "faint found", "found")
    header = (*header, "faint error", "bright error")
    note = (
        f"Of {visits} visits of three dithers. Errors of positions are over those that light "
        "allows; faint and bright are the outer quarters of the stars."
    )
    publish(__file__, "hst_pixels", (header, rows), note, write=visits == VISITS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else VISITS)
