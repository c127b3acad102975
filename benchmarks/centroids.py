"""Finders on simulated stars at known positions: errors against the photon bound, and the rest.

Stars of one flux on images of 2048 x 2048 pixels, at random pixel phases, on pixels that integrate
a Gaussian or a Moffat profile; then the same with 2,000 bad pixels and 300 cosmic rays, in a crowd,
and on a nebula. Each finder is compared with the Cramer-Rao bound of the pixels of its stars;
"stock" is photutils' IRAFStarFinder with the defaults of the JWST step, without refinement.

    python benchmarks/centroids.py [--seeds 1] [--tables bound grid scenes epsf]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import KDTree
from tables import publish

from tweakreg_step.core.sources import Pixels
from tweakreg_step.parameters.source_stages import (
    FinderParameters,
    SegmentationParameters,
)
from tweakreg_step.simulate import Defects, Noise, Psf, observe, star_image
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.sources.epsf import StarSet, refined_with_epsf, star_stamps
from tweakreg_step.sources.flags import excluded
from tweakreg_step.sources.measure import floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from tables import Row

    from tweakreg_step.core.sources import Sources

SIZE = 2048
NOISE = Noise()
FWHMS = (1.0, 1.5, 2.0, 2.5, 4.0, 7.0)
SNRS = (5, 10, 30, 100, 500)
FINDERS = {
    "defects": ("sep", "iraf", "dao", "segmentation", "stock"),
    "crowded": ("sep", "stock"),
    "nebula": ("sep",),
}
NO_DEFECTS = Defects(0.0, 0.0, 0.0, 0)
DEFECTS = Defects(bad_fraction=2000 / SIZE**2, cosmic_rays=300 * 1e6 / SIZE**2, unflagged=0.5)
# iraf and dao drop most stars with the round limits of the stock step where the kernel fits
WIDE_LIMITS = {"sharplo": 0.0, "sharphi": 5.0, "roundlo": -2.0, "roundhi": 2.0}
STOCK = {"kernel_fwhm": 2.5, "refine_centroids": "none", "snr_threshold": 10.0}


@dataclass(frozen=True)
class Scene:
    """Stars on an image; ``snr`` is that of a star with a known place and the profile known."""

    kind: str
    psf: Psf
    snr: float
    seed: int


@dataclass(frozen=True)
class Result:
    """What one finder made of a scene; lengths in pixels per axis."""

    rms: float
    bound: float
    floor: float
    pull: float
    outliers: float
    complete: float
    pure: float
    seconds: float

    @property
    def ratio(self) -> float:
        """Error over bound and floor together."""
        return self.rms / float(np.hypot(self.bound, self.floor))


def noise_variance(signal: np.ndarray) -> np.ndarray:
    """Variance of pixels of a signal without sky, as ``observe`` gives them."""
    electrons = NOISE.gain * NOISE.exposure_time
    return (signal + NOISE.sky) / electrons + NOISE.read**2


def stamp(psf: Psf, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
    """A star of unit flux near the middle of a small image."""
    r = psf.reach
    at = np.array([r + dx]), np.array([r + dy])
    return star_image(*at, np.ones(1), (2 * r + 1, 2 * r + 1), psf)


def flux_of(psf: Psf, snr: float) -> float:
    """The flux at which a star has a signal to noise: sum of (F P)^2 / V = snr^2."""
    unit, low, high = stamp(psf), 1e-3, 1e8
    for _ in range(80):
        middle = np.sqrt(low * high)
        reached = np.sum((middle * unit) ** 2 / noise_variance(middle * unit)) > snr**2
        low, high = (low, middle) if reached else (middle, high)
    return float(low)


def bound_of(psf: Psf, flux: float) -> float:
    """Cramer-Rao bound per axis, rms over pixel phases."""
    rng, step, bounds = np.random.default_rng(1), 0.01, []
    for dx, dy in rng.uniform(-0.5, 0.5, (40, 2)):
        slope = flux * (stamp(psf, dx + step, dy) - stamp(psf, dx - step, dy)) / (2 * step)
        bounds.append(1.0 / np.sum(slope**2 / noise_variance(flux * stamp(psf, dx, dy))))
    return float(np.sqrt(np.mean(bounds)))


def positions(scene: Scene) -> np.ndarray:
    """Positions (2, n) of the stars."""
    rng = np.random.default_rng((scene.seed, 1))
    if scene.kind == "crowded":
        return rng.uniform(10, SIZE - 11, (2, 8000))
    line = np.linspace(40, SIZE - 41, 30)
    return np.stack([a.ravel() for a in np.meshgrid(line, line)]) + rng.uniform(-5, 5, (2, 900))


def image_of(scene: Scene) -> tuple[Pixels, np.ndarray]:
    """The image and where its stars are."""
    xy = positions(scene)
    flux = np.full(xy.shape[1], flux_of(scene.psf, scene.snr))
    stars = star_image(*xy, flux, (SIZE, SIZE), scene.psf)
    if scene.kind == "nebula":
        rng = np.random.default_rng((scene.seed, 2))
        coarse = gaussian_filter(rng.standard_normal((128, 128)), 1.5)
        stars = stars + NOISE.sky * zoom(np.exp(coarse / coarse.std() - 1.0), 16, order=3)
    defects = DEFECTS if scene.kind == "defects" else NO_DEFECTS
    seen = observe(stars, NOISE, defects, seed=(scene.seed, 3))
    return Pixels(seen.data, seen.err, (seen.dq & 1).astype(bool)), xy


def parameters(scene: Scene, finder: str) -> tuple[str, FinderParameters]:
    """Starfinder and its parameters: a threshold that such stars pass, and a fitting kernel."""
    if finder == "stock":
        return "iraf", FinderParameters(brightest=10**6, **STOCK)
    options: dict[str, Any] = {"kernel_fwhm": scene.psf.fwhm, "brightest": 10**6}
    options |= WIDE_LIMITS if finder in {"iraf", "dao"} else {}
    peak = flux_of(scene.psf, scene.snr) * stamp(scene.psf).max()
    threshold = 0.4 * peak / np.sqrt(noise_variance(np.zeros(1))[0])
    return finder, FinderParameters(snr_threshold=float(np.clip(threshold, 1.0, 10.0)), **options)


def matched(sources: Sources, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors (m, 2) of the stars found, rows (m,) of the sources, and numbers (m,) of the stars."""
    at = np.stack([sources.x, sources.y], axis=1)
    if not len(at):
        return np.empty((0, 2)), np.empty(0, int), np.empty(0, int)
    distance, star = KDTree(xy.T).query(at)
    order = np.lexsort((distance, star))
    first = order[np.r_[True, np.diff(star[order]) > 0]]
    rows = first[distance[first] < 1.0]
    return at[rows] - xy.T[star[rows]], rows, star[rows]


def run(scene: Scene, finder: str) -> Result:
    """One finder on one scene."""
    pixels, xy = image_of(scene)
    name, options = parameters(scene, finder)
    found = find_sources(pixels, name, options, SegmentationParameters()).sources
    usual = replace(options, brightest=200)
    start = time.process_time()  # of the one core that is used
    find_sources(pixels, name, usual, SegmentationParameters())
    seconds = time.process_time() - start
    found = found[~excluded(found.flags)]
    error, rows, _ = matched(found, xy)
    if len(rows) < 20:
        return Result(*[np.nan] * 5, len(rows) / xy.shape[1], np.nan, seconds)
    pull = error / np.stack([found.x_err, found.y_err], axis=1)[rows]
    far = np.abs(pull).max(axis=1) > 5.0
    return Result(
        rms=float(np.sqrt(np.mean(error[~far] ** 2))),
        bound=bound_of(scene.psf, flux_of(scene.psf, scene.snr)),
        floor=floor(scene.psf.fwhm),
        pull=float(np.sqrt(np.mean(pull[~far] ** 2))),
        outliers=float(far.mean()),
        complete=len(rows) / xy.shape[1],
        pure=len(rows) / len(found),
        seconds=seconds,
    )


def profile_name(psf: Psf) -> str:
    return "Gauss" if psf.beta is None else f"Moffat {psf.beta:g}"


def mean(scene: Scene, finder: str, seeds: int) -> Result:
    """The mean over seeds, which is printed."""
    results = [run(replace(scene, seed=seed), finder) for seed in range(seeds)]
    found = Result(*np.mean([[*vars(r).values()] for r in results], axis=0))
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in vars(found).items())
    print(
        f"{scene.kind}, {profile_name(scene.psf)}, FWHM {scene.psf.fwhm:g}, S/N {scene.snr:g}, "
        f"{finder}: {numbers}",
        flush=True,
    )
    return found


def bound_row(psf: Psf, seeds: int) -> tuple[str, ...]:
    """Errors and bounds at several S/N, with sep."""
    found = {snr: mean(Scene("plain", psf, snr, 0), "sep", seeds) for snr in SNRS}
    cells = [
        "not found" if np.isnan(r.rms) else f"{r.rms:.4f}, {r.bound:.4f}"
        for snr, r in found.items()
        if snr >= 10
    ]
    at = found[100]
    return profile_name(psf), f"{psf.fwhm:g}", *cells, f"{at.ratio:.2f}", f"{at.pull:.2f}"


def scene_rows(seeds: int) -> list[tuple[str, ...]]:
    """Each finder on each scene; none where it found nothing."""
    rows = []
    for kind, finders in FINDERS.items():
        cases = [Scene(kind, Psf(f, 3.0), snr, 0) for f in (1.5, 2.5) for snr in (30, 100)]
        for case, finder in ((case, finder) for case in cases for finder in finders):
            found = mean(case, finder, seeds)
            lengths = (f"{v:.4f}" for v in (found.rms, found.bound))
            parts = (f"{v:.1%}" for v in (found.outliers, found.complete, found.pure))
            if not np.isnan(found.rms):
                what = kind, f"{case.psf.fwhm:g}", f"{case.snr:g}", finder
                rows.append((*what, *lengths, *parts))
    return rows


def phase_bias(psf: Psf, kernel: float) -> float:
    """Rms over pixel phases of the mean error, stars of S/N 1000, with sep."""
    pixels, xy = image_of(Scene("phase", psf, 1000, 0))
    options = FinderParameters(snr_threshold=5.0, kernel_fwhm=kernel * psf.fwhm, brightest=10**6)
    found = find_sources(pixels, "sep", options, SegmentationParameters()).sources
    error, rows, star = matched(found[~excluded(found.flags)], xy)
    if len(rows) < 100:
        return float("nan")
    phase = ((xy.T[star] + 0.5) % 1.0 * 8).astype(int)
    bins = [error[:, a][phase[:, a] == b].mean() for a in (0, 1) for b in range(8)]
    return float(np.sqrt(np.mean(np.square(bins))))


def epsf_row(psf: Psf, snr: float, exposures: int = 4) -> tuple[str, ...]:
    """Windowed positions and those of an effective PSF, the brightest 200 of some exposures."""
    sets, truths = [], []
    for seed in range(exposures):
        pixels, xy = image_of(Scene("epsf", psf, snr, seed))
        found = find_sources(
            pixels, "sep", FinderParameters(snr_threshold=5.0), SegmentationParameters(), psf.fwhm
        )
        stamps = star_stamps(found.plane, found.sources, found.fwhm)
        sets.append(StarSet(found.sources, stamps, found.fwhm))
        truths.append(xy)
    refined, _ = refined_with_epsf(sets)
    results = []
    for catalogs in ([s.sources for s in sets], refined or []):
        errors = [matched(c, t)[0] for c, t in zip(catalogs, truths, strict=False)]
        results.append(float(np.sqrt(np.mean(np.concatenate(errors or [[np.nan]]) ** 2))))
    bound = bound_of(psf, flux_of(psf, snr))
    cells = ["not used" if np.isnan(v) else f"{v:.4f}" for v in (*results, bound)]
    return profile_name(psf), f"{psf.fwhm:g}", f"{snr:g}", *cells


def tables(seeds: int) -> dict[str, Callable[[], tuple[Row, list[Row]]]]:
    """What makes each table."""
    profiles = (None, 3.0, 2.0)
    grid, narrow = ([Psf(f, b) for f in FWHMS[:n] for b in profiles] for n in (4, 2))
    heads: dict[str, Row] = {
        "bound": (
            "profile", "FWHM", "S/N 10: error, bound", "S/N 30", "S/N 100", "S/N 500",
            "ratio at S/N 100", "pull at S/N 100",
        ),
        "grid": ("profile", "FWHM", "x 0.85", "x 1", "x 1.15"),
        "scenes": (
            "scene", "FWHM", "S/N", "finder", "error", "bound", "outliers", "found", "pure",
        ),
        "epsf": ("profile", "FWHM", "S/N", "window", "epsf", "bound"),
    }  # fmt: skip

    def bias(psf: Psf) -> Row:
        values = (f"{phase_bias(psf, kernel):.4f}" for kernel in (0.85, 1.0, 1.15))
        return profile_name(psf), f"{psf.fwhm:g}", *values

    makers: dict[str, Callable[[], list[Row]]] = {
        "bound": lambda: [bound_row(Psf(f, b), seeds) for f in FWHMS for b in (None, 3.0)],
        "grid": lambda: [bias(psf) for psf in grid],
        "scenes": lambda: scene_rows(seeds),
        "epsf": lambda: [epsf_row(psf, snr) for psf in narrow for snr in (30, 100, 500)],
    }
    return {name: lambda n=name: (heads[n], makers[n]()) for name in makers}


def main() -> None:
    """Print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--tables", nargs="+", default=["bound", "grid", "scenes", "epsf"])
    given = parser.parse_args()
    makers = tables(given.seeds)
    for name in given.tables:
        publish(__file__, f"centroids_{name}", makers[name](), write=given.seeds == 1)


if __name__ == "__main__":
    main()
