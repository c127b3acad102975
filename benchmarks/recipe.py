"""The recipe for fields of galaxies with SExtractor, step by step, on simulated HST images.

Two visits of ACS/WFC with few stars and many galaxies: in each two exposures in one filter with
cosmic rays, and a fainter one in another filter. The visits are off by 0.5", their exposures by
another 3 mas. Errors are those of exposures relative to each other, in pixels, rms over the chips.

    python benchmarks/recipe.py [folder]

Where a step stands for another program, its comment says so: the cleaned images are what
AstroDrizzle writes, the catalogs are made by sep, which is SExtractor as a library. The mosaic is
drizzled where drizzlepac is installed (``make test-hst``), and the table is written there alone.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import sep
from astropy.coordinates import Angle
from astropy.io import fits
from astropy.wcs import WCS
from tables import publish

from tweakreg_step import TweakReg, apply, cli, transfer
from tweakreg_step.simulate.hst import Hits, HstTruth, Scene, simulate_hst
from tweakreg_step.simulate.stars import Stars

HAS_DRIZZLEPAC = getattr(find_spec("drizzlepac"), "origin", None) is not None
"""Whether it is installed; a folder of this name is no package."""

SCALE = 0.05
POINTS = 60
"""Points of light that a galaxy is made of."""

SCENE = Scene(
    seed=21,
    exposures=4,
    shape=(300, 600),
    pointing=(150.1, 2.2, 35.0),
    pointing_error=(0.003, 2.0, 1e-5),
    hits=Hits(1400.0),
    flagged=1.0,
)
GALAXIES, STARS = 90, 8
VISITS = {"j94f15": (0.4, -0.3), "j94f16": (-0.35, 0.3)}
"""East and north [arcsec] by which all exposures of each visit are off."""

SAME = 1.0
"""Sources of the mosaic and of the truth that are closer are the same [pixels]."""

NEBULA = 1.5
"""Radius [arcsec] of a galaxy that is left out."""


def galaxies(seed: int) -> tuple[Stars, tuple[float, float]]:
    """The field as points of light, and the place of the brightest galaxy."""
    rng = np.random.default_rng(seed)
    count = GALAXIES + STARS
    east, north = rng.uniform(-26.0, 26.0, (2, count))
    flux = 4000.0 * (1.0 - rng.random(count)) ** -0.8
    flux = np.minimum(flux, 150000.0)
    flux[0] = 200000.0
    width = rng.uniform(0.08, 0.25, count) * (np.arange(count) < GALAXIES)
    width[0] = 0.6
    ratio, angle = rng.uniform(0.3, 1.0, count), rng.uniform(0.0, np.pi, count)
    along, across = rng.standard_normal((2, count, POINTS)) * width[:, None]
    across *= ratio[:, None]
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x = (east[:, None] + cosine * along - sine * across).ravel()
    y = (north[:, None] + sine * along + cosine * across).ravel()
    ra0, dec0 = SCENE.pointing[:2]
    dec = dec0 + y / 3600.0
    ra = ra0 + x / 3600.0 / np.cos(np.deg2rad(dec))
    light = np.repeat(flux / POINTS, POINTS)
    return Stars(ra, dec, light), (float(ra[:POINTS].mean()), float(dec[:POINTS].mean()))


def observed(folder: Path) -> tuple[HstTruth, HstTruth, tuple[float, float]]:
    """The exposures in both filters, all with the pointing error of the visit."""
    sky, bright = galaxies(SCENE.seed)
    first = simulate_hst(folder, SCENE, sky)
    clean = simulate_hst(folder / "clean", replace(SCENE, hits=None), sky)
    for path, other in zip(first.files, clean.files, strict=True):
        # what AstroDrizzle writes with driz_cr_corr=True: pixels that were hit are replaced
        with fits.open(path) as hdus, fits.open(other) as free:
            for chip in (1, 2):
                hit = hdus["DQ", chip].data != 0
                hdus["SCI", chip].data[hit] = free["SCI", chip].data[hit]
            hdus.writeto(path.with_name(path.name.replace("_flc", "_crclean")), overwrite=True)
    faint = Stars(sky.ra, sky.dec, 0.03 * sky.flux)
    second = simulate_hst(folder / "blue", replace(SCENE, exposures=2), faint)
    first = _in_visits(first, "q", "F606W")
    return first, _in_visits(second, "b", "F435W"), bright


def _in_visits(truth: HstTruth, letter: str, band: str) -> HstTruth:
    """The first half of the exposures in one visit, the second in another, off as these are."""
    exposures = []
    for number, one in enumerate(truth.exposures):
        visit = list(VISITS)[2 * number // len(truth.exposures)]
        root = f"{visit}{number:02d}{letter}"
        cleaned = one.path.with_name(one.path.name.replace("_flc", "_crclean"))
        for path in (one.path, cleaned):
            if path.exists():
                _rewrite(path, path.with_name(path.name.replace(path.name[:9], root)), band)
        path = one.path.with_name(one.path.name.replace(one.path.name[:9], root))
        exposures.append(replace(one, path=path))
    return replace(truth, exposures=tuple(exposures))


def _rewrite(path: Path, target: Path, band: str) -> None:
    """A file under another name, in a filter, with the pointing error of its visit."""
    east, north = VISITS[target.name[:6]]
    with fits.open(path) as hdus:
        hdus[0].header["ROOTNAME"], hdus[0].header["FILENAME"] = target.name[:9], target.name
        hdus[0].header["FILTER1"] = band
        for chip in (1, 2):
            header = hdus["SCI", chip].header
            header["CRVAL1"] += east / 3600.0 / np.cos(np.deg2rad(header["CRVAL2"]))
            header["CRVAL2"] += north / 3600.0
        hdus.writeto(target.with_suffix(".new"), overwrite=True)
    path.unlink()
    target.with_suffix(".new").rename(target)


def write_catalogs(truth: HstTruth, thresh: float, minarea: int) -> int:
    """Catalogs of each chip (x, y, magnitude) from the cleaned images; the number of sources.

    sep is SExtractor as a library: DETECT_THRESH, DETECT_MINAREA.
    """
    lines, count = [], 0
    for path in truth.files:
        words = [path.name]
        with fits.open(path.name.replace("_flc", "_crclean")) as hdus:
            for chip in (1, 2):
                data = np.ascontiguousarray(hdus["SCI", chip].data, np.float64)
                background = sep.Background(data, bw=64, bh=64)
                found = sep.extract(
                    data - background, thresh, err=background.globalrms, minarea=minarea
                )
                x, y, _ = sep.winpos(data - background, found["x"], found["y"], 0.5 * found["a"])
                table = [x + 1.0, y + 1.0, 30.0 - 2.5 * np.log10(found["flux"])]
                words.append(f"{path.name[:9]}_{chip}.coo")
                np.savetxt(words[-1], np.stack(table, 1), fmt="%.4f")
                count += len(x)
        lines.append(" ".join(words))
    Path("catalogs.txt").write_text("\n".join(lines) + "\n")
    return count


def write_exclusions(truth: HstTruth, bright: tuple[float, float]) -> None:
    """Leave the brightest galaxy out on the second chip alone, by a line in sexagesimal."""
    ra, dec = Angle(bright[0], "deg"), Angle(bright[1], "deg")
    place = (
        f"{ra.to_string('hourangle', sep=':', precision=3)} {dec.to_string(sep=':', precision=2)}"
    )
    Path("nebula.reg").write_text(f"fk5\n{place} {NEBULA}\n")
    Path("exclusions.txt").write_text(
        "".join(f"{path.name} None nebula.reg\n" for path in truth.files)
    )


def relative_error(truth: HstTruth) -> float:
    """The rms error [pixel] of exposures relative to each other, per axis."""
    errors = []
    for one in truth.exposures:
        with warnings.catch_warnings(), fits.open(one.path) as hdus:
            warnings.simplefilter("ignore")
            for header in one.headers:
                ny, nx = hdus["SCI", header["EXTVER"]].shape
                x, y = (axis.ravel() for axis in np.meshgrid([0, nx / 2, nx], [0, ny / 2, ny]))
                found = WCS(hdus["SCI", header["EXTVER"]].header, hdus).all_pix2world(x, y, 0)
                true = WCS(header, hdus).all_pix2world(x, y, 0)
                cosine = np.cos(np.deg2rad(true[1]))
                errors.append([(found[0] - true[0]) * cosine, found[1] - true[1]])
    apart = np.array(errors).reshape(len(truth.exposures), -1) * 3600.0 / SCALE
    return float(np.sqrt(np.mean((apart - apart.mean(axis=0)) ** 2)))


def visit_error(truth: HstTruth, other: HstTruth) -> float:
    """The rms error [pixel] of exposures relative to those of another set, per axis."""
    both = replace(truth, exposures=(*truth.exposures, *other.exposures))
    return relative_error(both)


def sky_error(truth: HstTruth) -> np.ndarray:
    """Mean error (2,) of exposures, east and north [arcsec]: the first of them has stayed."""
    errors = []
    for one in truth.exposures:
        with warnings.catch_warnings(), fits.open(one.path) as hdus:
            warnings.simplefilter("ignore")
            for header in one.headers:
                chip = hdus["SCI", header["EXTVER"]]
                middle = [0.5 * size for size in chip.shape[::-1]]
                found, true = (
                    np.array(WCS(h, hdus).all_pix2world(*middle, 0)) for h in (chip.header, header)
                )
                errors.append((found - true) * (np.cos(np.deg2rad(true[1])), 1.0))
    return 3600.0 * np.mean(errors, axis=0)


def mosaic_error(truth: HstTruth) -> tuple[float, int]:
    """How far sources of the drizzled mosaic are from the truth [pixel], and their number.

    The larger of both axes, of the mean over stars and galaxies, weighted by the root of their
    light; the error that all exposures have in common is taken off.
    """
    from drizzlepac.astrodrizzle import AstroDrizzle  # noqa: PLC0415 - in its own environment

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [path.name for path in truth.files]
        AstroDrizzle(
            names, output="recipe", build=True, context=False, num_cores=1, mdriztab=False,
            updatewcs=False, skymethod="localmin", final_bits=0, driz_sep_bits=0,
        )  # fmt: skip
    sky, _ = galaxies(SCENE.seed)
    points = np.reshape([sky.ra, sky.dec], (2, -1, POINTS)).mean(axis=2)
    with warnings.catch_warnings(), fits.open("recipe_drc.fits") as hdus:
        warnings.simplefilter("ignore")
        data = np.ascontiguousarray(hdus["SCI"].data, np.float64)
        outside = ~(np.isfinite(data) & (hdus["WHT"].data > 0))
        wcs = WCS(hdus["SCI"].header)
    data[outside] = 0.0
    background = sep.Background(data, mask=outside, bw=64, bh=64)
    data -= background
    found = sep.extract(data, 5.0, err=background.globalrms, mask=outside, minarea=8)
    x, y, _ = sep.winpos(data, found["x"], found["y"], 0.5 * found["a"])
    ra, dec = wcs.all_pix2world(x, y, 0)
    cosine = np.cos(np.deg2rad(SCENE.pointing[1]))
    east, north = (
        3600.0 * (sky_of[:, None] - true) - off
        for sky_of, true, off in zip(
            (ra, dec), points, sky_error(truth) / (cosine, 1.0), strict=True
        )
    )
    apart = np.stack([cosine * east, north], axis=2) / SCALE
    nearest = np.argmin(np.hypot(*apart.T).T, axis=1)
    apart = apart[np.arange(len(x)), nearest]
    same = np.hypot(*apart.T) < SAME
    mean = np.average(apart[same], axis=0, weights=np.sqrt(found["flux"][same]))
    return float(np.abs(mean).max()), int(same.sum())


def recipe(folder: Path) -> list[tuple[str, str, str]]:
    """All steps; a row for each: what, error [pixel], remark."""
    first, second, bright = observed(folder)
    quiet = {"see2dplot": False, "residplot": "No plot", "writecat": False, "runfile": ""}
    files = [path.name for path in first.files]
    rows = [("as delivered", f"{relative_error(first):.3f}", "cosmic rays on every exposure")]
    cli.main(["doctor", "-q", *files])  # 1. look at visits and filters

    # 2. from the cleaned images, straight: one parameter in place of catalogs
    result = TweakReg(
        files, pixels_from="crclean", minarea=8, threshold=20.0, searchrad=3.0, **quiet
    )
    apply(result.solution, files, output_dir="cleaned")
    straight = _in(first, folder / "cleaned")
    rows.append(("sources of cleaned images", f"{relative_error(straight):.3f}", "crclean"))

    # 3. catalogs of each chip, limits in magnitudes, a border, a galaxy that is left out
    sources = write_catalogs(first, thresh=2.0, minarea=12)
    write_exclusions(first, bright)
    given = {
        "catfile": "catalogs.txt", "fluxcol": 3, "fluxunits": "mag", "minflux": 22.5,
        "maxflux": 16.0, "exclusions": "exclusions.txt", "border": 5, "searchrad": 3.0,
    } | quiet  # fmt: skip
    result = TweakReg(files, **given)
    rms = 1e-3 * float(np.nanmedian(result.solution.groups.rms_mas)) / SCALE
    used = f"{len(result.matches)} matches of {sources} sources, rms {rms:.2f} pixel"
    apply(result.solution, files)
    rows.append(("catalogs of chips", f"{relative_error(first):.3f}", used))

    # 4. iterate: a second run finds what is left, nothing
    again = TweakReg(files, **given)
    left = 1e-3 * float(np.max(np.hypot(*again.solution.images.shift.T) * 1e3)) / SCALE
    rows.append(("the same again", f"{left:.3f}", "largest shift that it would make"))

    # 5. the other filter of the visits, whose galaxies are too faint
    before = visit_error(second, first)
    transfer(result.solution, [str(path) for path in second.files])
    rows.append(("other filter, before", f"{before:.3f}", "relative to the first filter"))
    rows.append(("other filter, transfer", f"{visit_error(second, first):.3f}", "tweakback"))

    # 6. the final drizzle
    if HAS_DRIZZLEPAC:
        off, count = mosaic_error(first)
        rows.append(("mosaic, drizzled", f"{off:.3f}", f"mean of {count} stars and galaxies"))
    return rows


def _in(truth: HstTruth, folder: Path) -> HstTruth:
    """The truth of the results in a folder."""
    return replace(
        truth,
        exposures=tuple(replace(one, path=folder / one.path.name) for one in truth.exposures),
    )


def main() -> None:
    """Run the recipe in a folder, and print and write its table."""
    here = Path.cwd()
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.chdir(folder)
        rows = recipe(folder)
    finally:
        os.chdir(here)
        if len(sys.argv) < 2:
            shutil.rmtree(folder, ignore_errors=True)
    note = (
        "What limits it: the error of the centre of a galaxy (rms), over the root of their number; "
        "in the other filter, how far the exposures of a visit are apart from each other."
    )
    table = ("step", "error [pixel]", "remark"), rows
    publish(__file__, "recipe", table, note, write=HAS_DRIZZLEPAC)


if __name__ == "__main__":
    main()
