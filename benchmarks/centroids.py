"""Finders on simulated stars at known positions: errors against the photon bound, and the rest.

Stars of one flux on images of 2048 x 2048 pixels, at random pixel phases, on pixels that integrate
a Gaussian or a Moffat profile; then the same with 2,000 bad pixels and 300 cosmic rays, in a crowd,
and on a nebula. Each finder is compared with the Cramer-Rao bound of the pixels of its stars;
"stock" is photutils' IRAFStarFinder with the defaults of the JWST step, without refinement.

    python benchmarks/centroids.py [--seeds 1] [--scenes plain,phase,defects,crowded,nebula,epsf]
                                   [--finders sep,iraf,dao,segmentation,stock] [--rst]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import KDTree
from tables import rst_table

from tweakreg_step.core.sources import Pixels
from tweakreg_step.parameters.stages import FinderParameters, SegmentationParameters
from tweakreg_step.simulate import Defects, Noise, Psf, observe, star_image
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.sources.effective_psf import StarSet, refined_with_epsf, star_stamps
from tweakreg_step.sources.flags import excluded
from tweakreg_step.sources.measure import floor

if TYPE_CHECKING:
    from tweakreg_step.core.sources import Sources

SIZE = 2048
NOISE = Noise()
FWHMS = (1.0, 1.5, 2.0, 2.5, 4.0, 7.0)
SNRS = (5, 10, 30, 100, 500)
FINDERS = ("sep", "iraf", "dao", "segmentation", "stock")
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


HEADER = (
    "scene", "profile", "FWHM", "S/N", "finder", "rms", "bound", "ratio", "pull", "outliers",
    "found", "pure", "time",
)  # fmt: skip


def row(scene: Scene, finder: str, seeds: int) -> tuple[str, ...]:
    """One line of the table, the mean over seeds."""
    results = [run(Scene(scene.kind, scene.psf, scene.snr, s), finder) for s in range(seeds)]
    mean = Result(*np.mean([[*vars(r).values()] for r in results], axis=0))
    return (
        scene.kind, profile_name(scene.psf), f"{scene.psf.fwhm:g}", f"{scene.snr:g}", finder,
        f"{mean.rms:.4f}", f"{mean.bound:.4f}", f"{mean.ratio:.2f}", f"{mean.pull:.2f}",
        f"{mean.outliers:.1%}", f"{mean.complete:.1%}", f"{mean.pure:.1%}",
        f"{mean.seconds:.2f} s",
    )  # fmt: skip


def phase_bias(psf: Psf, finder: str, kernel: float) -> float:
    """Rms over pixel phases of the mean error, stars of S/N 1000."""
    scene = Scene("phase", psf, 1000, 0)
    pixels, xy = image_of(scene)
    name, options = parameters(scene, finder)
    if finder != "stock":
        options = FinderParameters(
            snr_threshold=5.0, kernel_fwhm=kernel * psf.fwhm, brightest=10**6,
            **(WIDE_LIMITS if finder in {"iraf", "dao"} else {}),
        )  # fmt: skip
    found = find_sources(pixels, name, options, SegmentationParameters()).sources
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
    return (
        profile_name(psf), f"{psf.fwhm:g}", f"{snr:g}", *(f"{v:.4f}" for v in (*results, bound))
    )  # fmt: skip


def show(header: tuple[str, ...], rows: list[tuple[str, ...]], *, rst: bool) -> None:
    """Print a table."""
    if rst:
        print(rst_table(header, rows))
        return
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for cells in (header, *rows):
        print("  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)), flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scenes", default="plain,phase,defects,crowded,nebula,epsf")
    parser.add_argument("--finders", default=",".join(FINDERS))
    parser.add_argument("--rst", action="store_true")
    given = parser.parse_args()
    finders, scenes = given.finders.split(","), given.scenes.split(",")
    psfs = [Psf(fwhm, beta) for fwhm in FWHMS for beta in (None, 3.0)]
    for kind in scenes:
        if kind == "plain":
            cases = [Scene(kind, psf, snr, 0) for psf in psfs for snr in SNRS]
        else:
            cases = [Scene(kind, Psf(f, 3.0), snr, 0) for f in (1.5, 2.5) for snr in (30, 100)]
        if kind == "phase":
            header = ("profile", "FWHM", "finder", "kernel x 0.85", "kernel x 1", "kernel x 1.15")
            some = [Psf(f, b) for f in FWHMS[:4] for b in (None, 3.0, 2.0)]
            rows = [
                (profile_name(p), f"{p.fwhm:g}", f,
                 *(f"{phase_bias(p, f, k):.4f}" for k in (0.85, 1.0, 1.15)))
                for p in some for f in finders
            ]  # fmt: skip
        elif kind == "epsf":
            header = ("profile", "FWHM", "S/N", "window", "epsf", "bound")
            some = [Psf(f, b) for f in FWHMS[:4] for b in (None, 3.0, 2.0)]
            rows = [epsf_row(psf, snr) for psf in some for snr in (30, 100, 500)]
        else:
            header = HEADER
            rows = [row(case, finder, given.seeds) for case in cases for finder in finders]
        show(header, rows, rst=given.rst)


if __name__ == "__main__":
    main()
