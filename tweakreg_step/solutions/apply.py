"""Put a solution on exposures: on those that it was solved for, at any level of processing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.outcome import Status
from tweakreg_step.core.sphere import ARCSEC
from tweakreg_step.parameters import SipParameters, checked, declarations
from tweakreg_step.report import essentials_from
from tweakreg_step.telescopes import Change
from tweakreg_step.telescopes.wcs import affine_between, put

from .fingerprint import SAME, affine_on_sky, fingerprint, grid, largest_distance
from .names import rows_of
from .targets import OpenTarget, Plan

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Plane
    from tweakreg_step.telescopes import OpenImage

    from .record import SavedSolution
    from .targets import Target

__all__ = ["Done", "plan_of", "sip_of"]

KNOWN_MOTION = 1e-4
"""Largest distance [arcsec] that may remain between two WCS after a shift, a roll and a scale, if
their difference counts as known: distortions of different calibrations leave more."""

FAR = 60.0
"""Distance [arcsec] beyond which a WCS is of another field."""

LARGEST_SCALE = 1e-3
"""Largest difference in scale, stretch and shear of a known motion."""


class Done(Enum):
    """What was done to an image."""

    APPLIED = "applied"
    ALREADY = "already applied"
    REBASED = "rebased"
    LEFT = "left as it is"


@dataclass(frozen=True, slots=True)
class _Placed:
    """The plane of an image with its corrected WCS, what was done, and how far off it was.

    `off` is the distance [arcsec] of the WCS from the one that was solved for.
    """

    plane: Plane
    done: Done
    off: float


def plan_of(
    solution: SavedSolution,
    target: Target,
    model: Any,
    *,
    rebase: bool = False,
    since: SavedSolution | None = None,
) -> Plan:
    """What is to be done to one exposure so that it has the WCS of the solution.

    Parameters
    ----------
    solution
        The solution.
    target, model
        The exposure, and its open model.
    rebase
        Whether an exposure whose WCS is not the one that was solved for is moved to where the
        solution has it, if a shift, a roll and a scale do that.
    since
        The solution whose place this one takes: an exposure that has it gets this one instead.

    Raises
    ------
    InputError
        If the solution does not know the exposure, or was not solved for its WCS.
    """
    exposure = OpenTarget.of(target, model)
    rows = rows_of(solution, exposure)
    earlier = [None] * len(rows) if since is None else rows_of(since, exposure)
    placed = [
        _place(solution, row, exposure, image, rebase=rebase)
        if since is None or before is None or not _has(since, before, exposure, image)
        else _replaced(solution, row, exposure, image)
        for row, before, image in zip(rows, earlier, exposure.images, strict=True)
    ]
    table = [_row(solution, *pair) for pair in zip(rows, exposure.images, placed, strict=True)]
    if all(one.done is Done.ALREADY for one in placed):
        return Plan(target, [{"file": target.name} | row for row in table])
    change = _change(solution, rows, exposure, placed)
    return Plan(target, [{"file": target.name} | row for row in table], change)


def _row(solution: SavedSolution, row: int, image: OpenImage, placed: _Placed) -> dict[str, Any]:
    images = solution.images
    east, north, roll = _moved_by(images.before[row], images.after[row])
    return {
        "image": image.label,
        "done": placed.done.value,
        "shift_east": east,
        "shift_north": north,
        "roll": roll,
        "rebased_by": 1e3 * placed.off if placed.done is Done.REBASED else 0.0,
        "why": images.reasons[row] if placed.done is Done.LEFT else "",
    }


def _moved_by(before: FloatArray, after: FloatArray) -> tuple[float, float, float]:
    """East and north [mas] and roll [arcsec] of the motion of positions (9, 2) [deg]."""
    matrix, (east, north) = affine_on_sky(before, after, before[4])
    roll = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
    return 1e3 * float(east), 1e3 * float(north), float(ARCSEC * roll)


def _place(
    solution: SavedSolution, row: int, exposure: OpenTarget, image: OpenImage, *, rebase: bool
) -> _Placed:
    """Correct the WCS of an image, if it is the one that was solved for."""
    images = solution.images
    box = images.box[row]
    now = exposure.plane(image, reset=False, box=box)
    if not images.moved[row] and not solution.reset:
        return _Placed(now, Done.LEFT if images.status[row] != _ALIGNED else Done.APPLIED, 0.0)
    present = fingerprint(now, box)
    from_after = largest_distance(present, images.after[row])
    plane = exposure.plane(image, reset=True, box=box) if solution.reset else now
    off = largest_distance(fingerprint(plane, box), images.before[row])
    if from_after <= SAME and not (off <= from_after and plane is now):
        return _Placed(now, Done.ALREADY, 0.0)
    if off <= SAME:
        if images.moved[row]:
            put(plane, *grid(box), *images.after[row].T)
        return _Placed(plane, Done.APPLIED, off)
    name = exposure.name_of(image)
    if not rebase:
        delivered = now
        if image.view().corrected:
            delivered = exposure.plane(image, reset=True, box=box)
        elsewhere = largest_distance(fingerprint(delivered, box), images.before[row]) <= SAME
        raise InputError(_not_the_one(solution, name, off, elsewhere=elsewhere))
    _rebase(plane, box, images.after[row], name)
    return _Placed(plane, Done.REBASED, off)


def _has(solution: SavedSolution, row: int, exposure: OpenTarget, image: OpenImage) -> bool:
    """Whether an image has the correction of a solution, as its row says."""
    box = solution.images.box[row]
    present = fingerprint(exposure.plane(image, reset=False, box=box), box)
    same = largest_distance(present, solution.images.after[row]) <= SAME
    return same and bool(solution.images.moved[row])


def _replaced(solution: SavedSolution, row: int, exposure: OpenTarget, image: OpenImage) -> _Placed:
    """Correct an image that has the solution before this one, from the WCS as delivered."""
    box = solution.images.box[row]
    plane = exposure.plane(image, reset=True, box=box)
    if largest_distance(fingerprint(plane, box), solution.images.before[row]) > SAME:
        # it was solved for the WCS of an alignment before both
        return _place(solution, row, exposure, image, rebase=True)
    if solution.images.moved[row]:
        put(plane, *grid(box), *solution.images.after[row].T)
    return _Placed(plane, Done.APPLIED, 0.0)


_ALIGNED = Status.ALIGNED.value


def _rebase(plane: Plane, box: FloatArray, after: FloatArray, name: str) -> None:
    """Move an image to where a solution has it, from wherever it is."""
    here, there = plane.from_pixels(*grid(box)), plane.from_sky(*after.T)
    matrix, shift = affine_between(here, there)
    rest = float(np.max(np.hypot(*(here @ matrix.T + shift - there).T)))
    shape = np.abs(parameters_of("general", matrix, shift)[3:]).max()
    far = float(np.max(np.hypot(*(here - there).T)))
    if not (rest <= KNOWN_MOTION and shape <= LARGEST_SCALE and far <= FAR):
        raise InputError(
            f"'{name}' can't be rebased: its WCS is up to {far:.3g} arcsec from where the solution "
            f"has it, with a change of shape of {shape:.2g} and {1e3 * rest:.3g} mas that no "
            f"shift, roll or scale explain, but {FAR:g} arcsec, {LARGEST_SCALE:g} and "
            f"{1e3 * KNOWN_MOTION:g} mas are the most. Its distortion or its field is another: "
            "align it again."
        )
    put(plane, *grid(box), *after.T)


def _not_the_one(solution: SavedSolution, name: str, off: float, *, elsewhere: bool) -> str:
    """The message for a WCS that is not the one; `elsewhere` if another alignment changed it."""
    fact = (
        f"The WCS of '{name}' is not the one that the solution '{solution.product}' was solved "
        f"for, but up to {_length(off)} from it"
    )
    if off > FAR:
        return f"{fact}: it is of another field. Give the solution of this one."
    if elsewhere:
        return (
            f"{fact}: another alignment has corrected it since. Take that back with 'undo', or "
            "move it to where the solution has it with rebase=True (--rebase)."
        )
    return (
        f"{fact}: it comes from another pointing or another calibration. Move it to where the "
        "solution has it with rebase=True (--rebase), or align it again."
    )


def _length(arcsec: float) -> str:
    return f"{arcsec:.3g} arcsec" if arcsec >= 1.0 else f"{1e3 * arcsec:.3g} mas"


def _change(
    solution: SavedSolution, rows: list[int], exposure: OpenTarget, placed: list[_Placed]
) -> Change:
    images, first = solution.images, rows[0]
    wcs: tuple[Any, ...] = ()
    if solution.reset or any(one.done in {Done.APPLIED, Done.REBASED} for one in placed):
        wcs = tuple(one.plane.corrector.wcs for one in placed)
    moved = any(images.moved[row] for row in rows) or solution.reset
    values = {name: column[first] for name, column in solution.facts.items()}
    values["solution"] = solution.checksum[:12] or None
    return Change(
        name=exposure.name,
        status=Status(images.status[first]),
        wcs=wcs if moved else (),
        reference=str(solution.reference.get("name", "")) if images.absolute[first] else None,
        essentials=essentials_from(values),
        catalogs=(),
        telescope=exposure.telescope,
        sip=sip_of(solution),
        wcs_name=str(solution.parameter("wcsname") or ""),
    )


def sip_of(solution: SavedSolution) -> SipParameters:
    """The parameters of the FITS approximation that the run had."""
    names = {declared.name for declared in declarations(SipParameters)}
    given = {one.name: one.value for one in solution.parameters if one.name in names}
    return checked(SipParameters, **given)
