"""The picture of the README: `python benchmarks/mosaic_picture.py`, after `make demo`.

A part of the demonstration's mosaic, the mean of its exposures, with the WCS as delivered and with
the aligned one. Above each panel: how far the exposures are from the truth, rms over each image.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from astropy.table import Table
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import map_coordinates
from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import load_truth, truth_error

DEMO = Path(".demo")
TARGET = Path(__file__).parent.parent / "docs" / "images" / "mosaic.png"
HALF = 4.0  # arcsec
CELLS = 320


def main() -> None:
    """Draw both panels, and print the numbers that stand above them."""
    truth = load_truth(DEMO / "input" / "truth.json")
    names = [image.file_name for image in truth.images]
    before = [truth.folder / name for name in names]
    after = [DEMO / "output" / name.replace("_cal", "_tweakreg") for name in names]
    ra, dec = _centre(truth.catalog, before)
    panels = []
    for title, paths in (("as delivered", before), ("aligned", after)):
        mosaic, errors = _mosaic(paths, truth.images, ra, dec)
        words = f"{title}: {_short(min(errors))} to {_short(max(errors))} mas off"
        print(words)
        panels.append((words, mosaic))
    _draw(panels)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10.0 else f"{value:.2f}"


def _centre(catalog: Path, paths: list[Path]) -> tuple[float, float]:
    """The reference star, seen by four exposures or more, with most others around it."""
    stars = Table.read(catalog)
    seen = np.zeros(len(stars), int)
    for path in paths:
        with datamodels.open(path) as model:
            x, y = model.meta.wcs.invert(stars["RA"], stars["DEC"], with_bounding_box=False)
            ny, nx = model.data.shape
            seen += (x > 150) & (x < nx - 150) & (y > 150) & (y < ny - 150)
    cos = np.cos(np.deg2rad(np.mean(stars["DEC"])))
    plane = 3600.0 * np.stack([stars["RA"] * cos, stars["DEC"]], axis=1)
    gap = np.abs(plane[:, None] - plane[None]).max(axis=2)
    near = (gap < 0.9 * HALF).sum(axis=1) * (seen >= 4)
    best = int(np.argmax(near))
    return float(stars["RA"][best]), float(stars["DEC"][best])


def _mosaic(paths, images, ra: float, dec: float):
    """Mean of the exposures on a grid of the sky, and the errors of their WCS [mas]."""
    offset = np.linspace(-HALF, HALF, CELLS) / 3600.0
    east, north = np.meshgrid(offset[::-1], offset)
    sky = ra + east / np.cos(np.deg2rad(dec)), dec + north
    layers, errors = [], []
    for path, image in zip(paths, images, strict=True):
        with datamodels.open(path) as model:
            errors.append(truth_error(model.meta.wcs, image).rms_mas)
            x, y = model.meta.wcs.invert(*sky, with_bounding_box=False)
            data = np.where(np.asarray(model.dq) & 1, np.nan, np.asarray(model.data))
            data = np.where(np.isfinite(data), data, np.nanmedian(data))
            layers.append(map_coordinates(data, [y, x], order=1, cval=np.nan))
    # cosmic rays are in one exposure each: the brightest one of each pixel is left out
    cube = np.sort(np.array(layers), axis=0)  # NaN, where an exposure does not reach, comes last
    seen = np.isfinite(cube).sum(axis=0)
    rank = np.arange(len(cube))[:, None, None]
    return np.nanmean(np.where(rank < np.maximum(seen - 1, 1), cube, np.nan), axis=0), errors


def _draw(panels) -> None:
    figure = Figure(figsize=(8.0, 4.3), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    sky = float(np.nanmedian(panels[1][1]))
    noise = 1.48 * float(np.nanmedian(np.abs(panels[1][1] - sky)))
    for axes, (words, mosaic) in zip(figure.subplots(1, 2), panels, strict=True):
        shade = np.arcsinh((mosaic - sky) / (3.0 * noise))
        axes.imshow(shade, origin="lower", cmap="gray_r", vmin=0.4, vmax=4.0)
        axes.set_title(words, fontsize=11)
        axes.set_axis_off()
    TARGET.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    Image.open(buffer).convert("L").save(TARGET, optimize=True)
    print(f"{TARGET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
