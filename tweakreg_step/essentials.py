"""The essentials of a report for one image: what its metadata and its FITS header keep."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from .data import Essential
from .figures import figures_of
from .standing import standing_of

if TYPE_CHECKING:
    from .account import Account

__all__ = ["essentials_of"]

_LONGEST = 40  # characters of a text, so that its comment fits on the card


def essentials_of(account: Account, image: int) -> tuple[Essential, ...]:
    """What an image should tell of its alignment; what is not known is left out.

    Parameters
    ----------
    account
        Of any run.
    image
        Index of the image.
    """
    group = int(account.group[image])
    facts = _verdict(account, image, group) + _figures(account, group) + _reference(account, group)
    version = account.versions.get("tweakreg_step")
    facts.append(("version", "TWRVERS", version, "version of tweakreg_step"))
    return tuple(
        Essential(name, keyword, _ascii(value) if isinstance(value, str) else value, comment)
        for name, keyword, value, comment in facts
        if value is not None
    )


_Fact = tuple[str, str, str | int | float | bool | None, str]


def _verdict(account: Account, image: int, group: int) -> list[_Fact]:
    standing, outcome = standing_of(account, group), account.outcomes[image]
    return [
        ("verdict", "TWRVERD", standing.word, "verdict on the exposure group"),
        ("code", "TWRCODE", standing.code, "why, as a code"),
        ("moved", "TWRMOVED", outcome.moved, "was the WCS changed?"),
        ("absolute", "TWRABS", outcome.absolute, "aligned to the reference catalog?"),
    ]


def _figures(account: Account, group: int) -> list[_Fact]:
    figures = figures_of(account, group)
    east, north = figures.shift_mas or (None, None)
    return [
        ("matches", "TWRNMAT", figures.matches, "matches of the group"),
        ("reference_matches", "TWRNREF", figures.reference_matches, "of these reference stars"),
        ("rms_mas", "TWRRMS", _rounded(figures.rms_mas, 4), "[mas] rms residual per axis"),
        ("shift_east_mas", "TWRDE", _rounded(east, 4), "[mas] correction to the east"),
        ("shift_north_mas", "TWRDN", _rounded(north, 4), "[mas] correction to the north"),
        ("roll_arcsec", "TWRROLL", _rounded(figures.roll_arcsec, 4), "[arcsec] of correction"),
        ("sigma_mas", "TWRSIGMA", _rounded(figures.sigma_mas, 4), "[mas] its error per axis"),
        ("ratio", "TWRRATIO", _rounded(figures.ratio, 4), "achieved / achievable error"),
        ("chi2_per_dof", "TWRCHI2", _rounded(figures.chi2_per_dof, 4), "chi2 / dof"),
    ]


def _reference(account: Account, group: int) -> list[_Fact]:
    """The reference catalog, for groups that were aligned to it."""
    note, verdicts = account.reference_note, account.absolute
    if note is None or verdicts is None or not verdicts[group].applied:
        return []
    return [
        ("reference", "TWRREF", PurePath(note.name).name, "reference catalog"),
        ("epoch", "TWREPOCH", _rounded(note.epoch, 4), "[yr] its epoch"),
    ]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)


def _ascii(text: str) -> str:
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."
