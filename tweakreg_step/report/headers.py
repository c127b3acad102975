"""The essential results for one image, for its metadata and its FITS header."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING

from tweakreg_step.core.outcome import Code, Essential, Standing

from .group_outcome import group_outcome
from .image_errors import image_sigmas
from .key_figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .result import RunResult

__all__ = ["FACTS", "essentials_from", "essentials_left_out", "essentials_of"]

_LONGEST = 40  # characters of a text, so that its comment fits on the card


FACTS = {
    "verdict": ("TWRVERD", "verdict on the exposure group"),
    "code": ("TWRCODE", "why, as a code"),
    "moved": ("TWRMOVED", "was the WCS changed?"),
    "absolute": ("TWRABS", "aligned to the reference catalog?"),
    "group_images": ("TWRNIMG", "images of the group that took part"),
    "group_left_out": ("TWRNOUT", "images of the group that could not"),
    "matches": ("TWRNMAT", "matches of the group"),
    "reference_matches": ("TWRNREF", "of these reference stars"),
    "rms_mas": ("TWRRMS", "[mas] rms residual per axis"),
    "image_matches": ("TWRIMAT", "matches of this image"),
    "image_rms_mas": ("TWRIRMS", "[mas] its rms residual per axis"),
    "image_offset_east_mas": ("TWRIDE", "[mas] its offset from the others, east"),
    "image_offset_north_mas": ("TWRIDN", "[mas] the same to the north"),
    "image_roll_arcsec": ("TWRIROLL", "[arcsec] its roll, from east to north"),
    "shift_east_mas": ("TWRDE", "[mas] correction to the east"),
    "shift_north_mas": ("TWRDN", "[mas] correction to the north"),
    "roll_arcsec": ("TWRROLL", "[arcsec] of correction"),
    "sigma_mas": ("TWRSIGMA", "[mas] error of the image's centre per axis"),
    "sigma_corner_mas": ("TWRSIGCO", "[mas] the same at its worst corner"),
    "ratio": ("TWRRATIO", "achieved / achievable error"),
    "chi2_per_dof": ("TWRCHI2", "chi2 / dof"),
    "reference": ("TWRREF", "reference catalog"),
    "epoch": ("TWREPOCH", "[yr] its epoch"),
    "version": ("TWRVERS", "version of tweakreg_step"),
    "solution": ("TWRSOLN", "applied from a solution with this checksum"),
    "carried_from": ("TWRFROM", "exposure or visit whose motion was carried"),
    "error_east_mas": ("TWRTE", "[mas] error of what was carried, east"),
    "error_north_mas": ("TWRTN", "[mas] the same, north"),
    "error_roll_arcsec": ("TWRTROLL", "[arcsec] the same, roll"),
}
"""FITS keyword and comment of each essential result, in their order."""

_Value = str | int | float | bool | None


def essentials_of(result: RunResult, image: int) -> tuple[Essential, ...]:
    """The essential results for an image; unknown ones are left out.

    Parameters
    ----------
    result
        Result of a run.
    image
        Index of the image.
    """
    group = int(result.images.group[image])
    values = _verdict(result, image, group) | _figures(result, group) | _errors(result, image)
    values |= _image(result, image) | _reference(result, group)
    values["version"] = result.run.versions.get("tweakreg_step")
    return essentials_from(values)


def essentials_from(values: Mapping[str, _Value]) -> tuple[Essential, ...]:
    """The essential results from their values by name; unknown ones are left out."""
    known = ((name, _plain(values[name])) for name in FACTS if name in values)
    return tuple(
        Essential(name, FACTS[name][0], value, FACTS[name][1])
        for name, value in known
        if value is not None
    )


def _verdict(result: RunResult, image: int, group: int) -> dict[str, _Value]:
    found, outcome = group_outcome(result, group), result.images.outcomes[image]
    apart = outcome.code is Code.IMAGE_APART
    return {
        "verdict": Standing.LEFT.value if apart else found.standing.value,
        "code": outcome.code.value if apart and outcome.code else found.code.value,
        "moved": outcome.moved,
        "absolute": outcome.absolute,
        "group_images": int((result.images.group == group).sum()),
        "group_left_out": sum(one.group == result.groups.names[group] for one in result.left_out),
    }


def essentials_left_out(code: str, version: str) -> tuple[Essential, ...]:
    """The essential results for an image that could not be used; they replace earlier ones.

    Parameters
    ----------
    code
        Code of the reason.
    version
        Version of this package.
    """
    values: dict[str, str | bool] = {
        "verdict": Standing.LEFT.value,
        "code": code,
        "moved": False,
        "absolute": False,
        "version": version,
    }
    return tuple(Essential(n, FACTS[n][0], value, FACTS[n][1]) for n, value in values.items())


def _figures(result: RunResult, group: int) -> dict[str, _Value]:
    figures = figures_of(result, group)
    east, north = figures.shift_mas or (None, None)
    return {
        "matches": figures.matches,
        "reference_matches": figures.reference_matches,
        "rms_mas": figures.rms_mas,
        "shift_east_mas": east,
        "shift_north_mas": north,
        "roll_arcsec": figures.roll_arcsec,
        "ratio": figures.ratio,
        "chi2_per_dof": figures.chi2_per_dof,
    }


def _errors(result: RunResult, image: int) -> dict[str, _Value]:
    """The errors of the image itself."""
    sigmas = image_sigmas(result, [image])[0].tolist()
    centre, corner = (v if math.isfinite(v) else None for v in sigmas)
    return {"sigma_mas": centre, "sigma_corner_mas": corner}


def _image(result: RunResult, image: int) -> dict[str, _Value]:
    """How well the image itself agrees with the others."""
    fits = result.images.fits
    values = {
        "image_rms_mas": float(fits.rms_mas[image]),
        "image_offset_east_mas": float(fits.offset_mas[image, 0]),
        "image_offset_north_mas": float(fits.offset_mas[image, 1]),
        "image_roll_arcsec": float(fits.roll_arcsec[image]),
    }
    known: dict[str, _Value] = {name: v for name, v in values.items() if math.isfinite(v)}
    return {"image_matches": int(fits.matches[image])} | known if known else {}


def _reference(result: RunResult, group: int) -> dict[str, _Value]:
    """The reference catalog, for groups that were aligned to it."""
    note, verdicts = result.catalogs.note, result.groups.absolute
    if note is None or verdicts is None or not verdicts[group].applied:
        return {}
    return {"reference": PurePath(note.name).name, "epoch": note.epoch}


def _plain(value: _Value) -> _Value:
    """A value that fits on one FITS card: ASCII, numbers rounded to four decimals."""
    if isinstance(value, str):
        return _ascii(value)
    return round(value, 4) if isinstance(value, float) else value


def _ascii(text: str) -> str:
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."
