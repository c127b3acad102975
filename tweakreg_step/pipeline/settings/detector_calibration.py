"""Motions of detectors that an earlier run has found, as the prior of this one.

Each image starts with its detector where the earlier run has put it, and what is fitted is the
rest, with the errors of those motions as its prior.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import affine, parameter_count, parameters_of
from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.outcome import Status
from tweakreg_step.core.sphere import ARCSEC
from tweakreg_step.core.wording import listed
from tweakreg_step.solutions import read_solution
from tweakreg_step.telescopes.wcs import Snapshot, correct

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Groups, Image
    from tweakreg_step.core.options import Options
    from tweakreg_step.pipeline.phases import Alignment
    from tweakreg_step.solutions import SavedLevel, SavedSolution

__all__ = ["Calibration", "calibration_of", "start_from", "with_calibrated"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where detectors lie, and how well that is known.

    Attributes
    ----------
    motions
        By detector and filter, and by detector alone: matrix (2, 2) and shift (2,) [arcsec] in the
        detector's own V2-V3 plane.
    geometry
        Of the motions.
    covariance
        (q, q) of the motions, the mean over the detectors.
    sigma
        Standard deviations of shift per axis [arcsec], roll [arcsec] and scale, over all detectors.
    """

    motions: dict[str, tuple[FloatArray, FloatArray]]
    geometry: str
    covariance: FloatArray
    sigma: tuple[float, float, float]

    def of(self, detector: str | None) -> tuple[FloatArray, FloatArray] | None:
        """The motion of a detector with a filter, None where not known."""
        name = detector or ""
        return self.motions.get(name) or self.motions.get(name.rpartition(" ")[0])

    def prior(self, options: Options) -> Options:
        """The options with these errors as the prior of the detectors' motions."""
        shift, roll, scale = self.sigma
        return replace(
            options,
            motion_shift_sigma=shift,
            motion_roll_sigma=roll or options.motion_roll_sigma,
            motion_scale_sigma=scale or options.motion_scale_sigma,
        )


def calibration_of(path: str) -> Calibration | None:
    """The calibration in a solution, None where no path is given.

    Raises
    ------
    InputError
        If the solution can't be read.
    ParameterError
        If it has no motions of detectors.
    """
    if not path:
        return None
    solution = read_solution(path)
    level = solution.level("detector")
    if level is None:
        raise ParameterError(
            f"The solution '{path}' has no motions of detectors, but 'detector_calibration' takes "
            "them from there. Give one of a run that found some (see 'detector_motion')."
        )
    names = _names(solution, level)
    theta = parameters_of(level.geometry, level.matrix, level.shift)
    keys = [f"{detector} {band}".strip() for detector, band in names]
    keys_of = {key: [i for i, k in enumerate(keys) if k == key] for key in keys}
    for detector in dict.fromkeys(detector for detector, _ in names):
        own = [i for i, (name, _) in enumerate(names) if name == detector]
        keys_of.setdefault(detector, own)
    motions = {key: affine(level.geometry, theta[own].mean(axis=0)) for key, own in keys_of.items()}
    scatter = [theta[own].var(axis=0, ddof=1) for own in keys_of.values() if len(own) > 1]
    covariance = level.covariance.mean(axis=0)
    if scatter:  # from visit to visit
        covariance = covariance + np.diag(np.mean(scatter, axis=0))
    variance = np.append(np.diag(covariance), [0.0, 0.0])
    count = parameter_count(level.geometry)
    return Calibration(
        motions=motions,
        geometry=level.geometry,
        covariance=covariance,
        sigma=(
            float(np.sqrt(variance[:2].mean())),
            float(ARCSEC * np.sqrt(variance[2])) if count > 2 else 0.0,
            float(np.sqrt(variance[3])) if count > 3 else 0.0,
        ),
    )


def _names(solution: SavedSolution, level: SavedLevel) -> list[tuple[str, str]]:
    """Detector and filter of each unit."""
    images, names = solution.images, []
    for unit in range(len(level)):
        first = int(np.flatnonzero(level.of_image == unit)[0])
        names.append((images.detectors[first], images.filters[first]))
    return names


def start_from(calibration: Calibration, groups: Groups) -> dict[int, Snapshot]:
    """Put the detectors of images where a calibration has them.

    Returns
    -------
    dict
        The images as they were, by index, of those that were moved.
    """
    before: dict[int, Snapshot] = {}
    unknown = []
    still = np.eye(2), np.zeros(2)
    for index, image in enumerate(groups.images):
        motion = calibration.of(image.detector)
        if motion is None:
            unknown.append(image.detector or image.name)
            continue
        before[index] = Snapshot(image.plane.corrector)
        correct(image.plane, _middle(image), still, motion)
    log.info(
        "Detector calibration: %d of %d images start from it, to %.2f mas.",
        *(len(before), len(groups.images), 1e3 * calibration.sigma[0]),
    )
    if unknown:
        log.warning(
            "The detector calibration has nothing on %s: they start from where they are.",
            listed(unknown),
        )
    return before


def _middle(image: Image) -> tuple[float, float]:
    (x0, x1), (y0, y1) = image.plane.limits
    ra, dec = image.plane.sky(np.array([0.5 * (x0 + x1)]), np.array([0.5 * (y0 + y1)]))
    return float(ra[0]), float(dec[0])


def with_calibrated(alignment: Alignment, groups: Groups, before: dict[int, Snapshot]) -> Alignment:
    """The alignment with the images that started from a calibration counted as moved.

    Those that are not aligned are what they were.
    """
    moved = list(alignment.moved or (False,) * len(groups.images))
    outcomes = list(alignment.outcomes)
    for index, snapshot in before.items():
        aligned = outcomes[index].status is Status.ALIGNED
        if not aligned:
            snapshot.restore()
        moved[index] = aligned
        outcomes[index] = replace(outcomes[index], moved=aligned)
    return replace(alignment, moved=tuple(moved), outcomes=outcomes)
