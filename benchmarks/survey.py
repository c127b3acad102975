"""A survey in one run: 69 exposures of ten detectors in five visits and three filters.

Geometry, pointing errors and distortion are those of the two real visits of ``ceers.py``, whose
dithers are taken again and again with new catalogs. Detectors lie off beside that, as they do in
real surveys: by 8 mas over the run, by 4 mas in each filter and by 10 mas and 10 arcsec of roll in
each visit. All 690 images are aligned at once, as they are and with filters not told apart, and
each visit by itself, to the survey's HST catalog.

    python benchmarks/survey.py
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ceers import PLACES, catalog, correctors, errors, sources
from ceers_images import SHAPE, Image, read_visit
from tables import publish
from visits import line

from tweakreg_step import absolute_align
from tweakreg_step.core.outcome import Standing

if TYPE_CHECKING:
    from astropy.table import Table

VISITS = {"1": "001", "2": "002", "3": "001", "4": "002", "5": "001"}
"""The real visit whose geometry each has."""
EXPOSURES = {"1": 14, "2": 14, "3": 14, "4": 14, "5": 13}
FILTERS = "a", "b", "c"
RUN_MAS, FILTER_MAS, VISIT_MAS, ROLL = 8.0, 4.0, 10.0, np.deg2rad(10.0 / 3600.0)
SCALE_MAS = {"long": 63.0, "short": 31.0}
MIDDLE = np.array([(SHAPE[1] - 1) / 2.0, (SHAPE[0] - 1) / 2.0])


@dataclass(frozen=True)
class Moved:
    """A WCS whose pixels were rotated by `roll` [rad] about the middle, and displaced (2,)."""

    wcs: Any
    step: np.ndarray
    roll: float

    def pixels(self, xy: np.ndarray) -> np.ndarray:
        """Where what was at pixels (N, 2) is seen."""
        return _turned(xy - MIDDLE, self.roll) + MIDDLE + self.step

    def forward_transform(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """RA and DEC [deg] of pixels where they are seen."""
        seen = np.stack([x, y], axis=1)
        ra, dec = self.wcs.forward_transform(
            *(_turned(seen - self.step - MIDDLE, -self.roll) + MIDDLE).T
        )
        return ra, dec


def _turned(xy: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return xy @ np.array([[cos, sin], [-sin, cos]])


def _steps() -> dict[tuple[str, str, str], tuple[np.ndarray, float]]:
    """How far each detector lies off in each visit and filter [pixels], and its roll [rad]."""
    rng = np.random.default_rng(0)
    found = {}
    for detector in sorted({image.detector for image in read_visit("001")}):
        pixel = SCALE_MAS["long" if detector.lower().endswith("long") else "short"]
        run = rng.normal(0.0, RUN_MAS, 2)
        bands = {band: rng.normal(0.0, FILTER_MAS, 2) for band in FILTERS}
        for visit in VISITS:
            own, roll = rng.normal(0.0, VISIT_MAS, 2), rng.normal(0.0, ROLL)
            for band, step in bands.items():
                found[visit, band, detector] = ((run + step + own) / pixel, roll)
    return found


def survey(*, filters: bool) -> tuple[list[Image], list[Any]]:
    """The images, their published WCS displaced, and their correctors."""
    stars, steps = sources(), _steps()
    images: list[Image] = []
    given: list[Any] = []
    for visit, real in VISITS.items():
        every = read_visit(real)
        dithers = sorted({image.dither for image in every})
        for exposure in range(EXPOSURES[visit]):
            band = FILTERS[exposure % len(FILTERS)]
            own = [image for image in every if image.dither == dithers[exposure // 3 % 3]]
            tables = [catalog(image, stars, 100 * int(visit) + exposure) for image in own]
            for image, table in zip(own, tables, strict=True):
                moved = Moved(image.published, *steps[visit, band, image.detector])
                table["x"], table["y"] = moved.pixels(np.stack([table["x"], table["y"]], 1)).T
                images.append(replace(image, published=moved))
            made = correctors(own, tables, "exposure")
            for corrector in made:
                corrector.meta["visit"] = visit
                corrector.meta["group_id"] = f"{visit} {exposure}"
                if filters:
                    corrector.meta["filter"] = band
            given.extend(made)
    return images, given


def _errors(given: list[Any], images: list[Image], stars: Table) -> tuple[np.ndarray, int]:
    """Error of each image [mas], and the number of those in doubt."""
    aligned = absolute_align(given, stars)
    verdicts = [corrector.meta["fit_info"]["absolute"] for corrector in aligned]
    doubted = sum(one is None or one.standing is not Standing.ALIGNED for one in verdicts)
    return errors(aligned, images, relative=False), doubted


def rows() -> list[tuple[str, ...]]:
    """The lines of the table."""
    found, stars = [], sources()
    for name, filters in (("one run", True), ("one run, filters not told apart", False)):
        images, given = survey(filters=filters)
        error, doubted = _errors(given, images, stars)
        found.append((*line(name, error), f"{doubted} of {len(images)}"))
        print(*found[-1], sep="  ", flush=True)
    images, given = survey(filters=True)
    apart = []
    for visit in VISITS:
        chosen = [n for n, one in enumerate(given) if one.meta["visit"] == visit]
        apart.append(_errors([given[n] for n in chosen], [images[n] for n in chosen], stars))
    error, doubted = np.concatenate([one for one, _ in apart]), sum(n for _, n in apart)
    found.append((*line("each visit by itself", error), f"{doubted} of {len(images)}"))
    print(*found[-1], sep="  ", flush=True)
    return found


def main() -> None:
    """Print and write the table."""
    warnings.simplefilter("ignore")
    publish(__file__, "survey", (("run", *PLACES, "in doubt"), rows()))


if __name__ == "__main__":
    main()
