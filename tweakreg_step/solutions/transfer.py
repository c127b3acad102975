"""Carry what an exposure or a visit moved by to other files of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.outcome import Status
from tweakreg_step.core.sphere import ARCSEC
from tweakreg_step.report import essentials_from
from tweakreg_step.telescopes import Change
from tweakreg_step.telescopes.wcs import correct

from .apply import sip_of
from .carried_motion import Wanted, carried_motion
from .fingerprint import SAME, affine_on_sky, fingerprint, largest_distance
from .names import detector_and_filter
from .targets import OpenTarget, Plan

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Plane
    from tweakreg_step.telescopes import OpenImage

    from .carried_motion import Carried
    from .record import SavedSolution
    from .targets import Target

__all__ = ["plan_of_transfer"]

CARRIED, ALREADY = "carried", "already carried"


def plan_of_transfer(
    solution: SavedSolution, target: Target, model: Any, *, mosaic: str = ""
) -> Plan:
    """What is to be done to one exposure so that it moves as its exposure or visit did.

    An exposure that a mosaic of the solution was made of moves as the mosaic, from the WCS that it
    has: that which the mosaic was made with.

    Parameters
    ----------
    solution
        The solution.
    target, model
        The exposure, and its open model.
    mosaic
        Name of the product of the association that names the exposure, '' where there is none.

    Raises
    ------
    InputError
        If the solution has no motion for it, its WCS is not as delivered, or it is a spectrum.
    """
    exposure = OpenTarget.of(target, model, pixels=False)
    planes, rows, carried = [], [], []
    for image in exposure.images:
        plane, motion, row = _moved(solution, exposure, image, mosaic)
        planes.append(plane)
        carried.append(motion)
        rows.append({"file": target.name, "image": image.label} | row)
    if all(row["done"] == ALREADY for row in rows):
        return Plan(target, rows)
    return Plan(target, rows, _change(solution, exposure, planes, carried[0]))


def _moved(
    solution: SavedSolution, exposure: OpenTarget, image: OpenImage, mosaic: str
) -> tuple[Plane, Carried, dict[str, Any]]:
    """The plane of an image with its corrected WCS, what was carried, and a row of results."""
    view, box = image.view(), image.bounding_box
    plane = exposure.plane(image, reset=True)
    before = fingerprint(plane, box)
    detector, band = detector_and_filter(view.detector)
    name = exposure.name_of(image)
    wanted = Wanted(name, exposure.group, detector, band, view.epoch, before[4], mosaic)
    carried = carried_motion(solution, wanted)
    if carried.source.startswith("mosaic"):
        plane = exposure.plane(image, reset=False)
        before = fingerprint(plane, box)
        carried = carried_motion(solution, replace(wanted, middle=before[4]))
    applied = bool(view.applied) and view.applied == solution.checksum[:12]
    if applied and carried.source.startswith("mosaic"):
        after, done = before, ALREADY
    else:
        correct(plane, carried.centre, carried.motion, carried.detector_motion)
        after = fingerprint(plane, box)
        done = CARRIED if carried.source.startswith("mosaic") else _state(exposure, image, after)
    matrix, shift = affine_on_sky(before, after, before[4])
    roll = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
    row = {
        "done": done,
        "from": carried.source,
        "shift_east": 1e3 * float(shift[0]),
        "shift_north": 1e3 * float(shift[1]),
        "roll": float(ARCSEC * roll),
        "error_east": 1e3 * float(carried.error[0]),
        "error_north": 1e3 * float(carried.error[1]),
        "error_roll": float(carried.error[2]),
    }
    return plane, carried, row


def _state(exposure: OpenTarget, image: OpenImage, after: FloatArray) -> str:
    """Whether the motion is to be carried, or was already.

    Raises
    ------
    InputError
        If the image has another correction.
    """
    if not image.view().corrected:
        return CARRIED
    present = fingerprint(exposure.plane(image, reset=False), image.bounding_box)
    if largest_distance(present, after) > SAME:
        raise InputError(
            f"'{exposure.name_of(image)}' was aligned already, but the motion is carried to the "
            "WCS as delivered. Take that alignment back with 'undo' first."
        )
    return ALREADY


def _change(
    solution: SavedSolution, exposure: OpenTarget, planes: list[Plane], carried: Carried
) -> Change:
    absolute = bool(solution.images.absolute[carried.images].all())
    reference = str(solution.reference.get("name", "")) if absolute else None
    errors = [None if not np.isfinite(e) else float(e) for e in carried.error]
    values: dict[str, str | float | bool | None] = {
        "verdict": CARRIED,
        "moved": True,
        "absolute": absolute,
        "reference": reference,
        "version": solution.versions.get("tweakreg_step"),
        "solution": solution.checksum[:12] or None,
        "carried_from": carried.source,
        "error_east_mas": None if errors[0] is None else 1e3 * errors[0],
        "error_north_mas": None if errors[1] is None else 1e3 * errors[1],
        "error_roll_arcsec": errors[2],
    }
    return Change(
        name=exposure.name,
        status=Status.ALIGNED,
        wcs=tuple(plane.corrector.wcs for plane in planes),
        reference=reference,
        essentials=essentials_from(values),
        catalogs=(),
        telescope=exposure.telescope,
        sip=sip_of(solution),
    )
