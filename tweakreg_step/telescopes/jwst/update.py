"""Write a corrected WCS, and the results of an alignment, into a JWST model; undo it."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.outcome import FITS_PREFIX
from tweakreg_step.core.wording import printable
from tweakreg_step.parameters import MAX_SIP_DEGREE, SipParameters
from tweakreg_step.telescopes.gwcs_image import bounding_box_of
from tweakreg_step.telescopes.wcs import delivered, is_corrected, region
from tweakreg_step.telescopes.wcs.sip_forward import forward_within
from tweakreg_step.telescopes.wcs.sip_inverse import Inverse, inverse_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.outcome import Essential
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["ABSOLUTE_FIT", "annotate", "restore", "update_wcs", "wcs_name"]

ABSOLUTE_FIT = "FIT-LVL3-"  # agreed upon in the JWST calibration working group
MEMORY = "tweakreg_delivered"  # name in ``meta`` of the values that an alignment has overwritten
# Keywords of an earlier FITS approximation that a new one must not inherit.
STALE_KEYWORD = re.compile(r"(naxis|cdelt[12]|pc[12]_[12]|[ab]p?_order|[ab]p?_\d_\d)$")


def wcs_name(present: str, reference: str | None) -> str:
    """Name of a corrected WCS: that of the reference catalog it was aligned to, if any.

    After a relative alignment, the name of an earlier absolute one is dropped.
    """
    if reference is not None:
        return f"{ABSOLUTE_FIT}{printable(reference)}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else present


def update_wcs(model: Any, wcs: Any, sip: SipParameters) -> str:
    """Put a corrected WCS into a model, with its footprint and its FITS approximation.

    Returns
    -------
    str
        Sentence about a problem with the approximation, '' if there was none. The WCS itself is
        written in any case.
    """
    _remember(model)
    _put(model, wcs)
    polygon = region(wcs, bounding_box_of(model))
    if polygon:
        model.meta.wcsinfo.s_region = polygon
    if not sip.sip_approx:
        return ""
    try:
        return _update_header(model, sip)
    except (TypeError, ValueError, RuntimeError) as error:
        return (
            "no FITS approximation of the WCS, its keywords are those from before: "
            f"{str(error).rstrip('.')}."
        )


def restore(model: Any) -> bool:
    """Restore a model's WCS as delivered, with the footprint and keywords made from it.

    Returns
    -------
    bool
        Whether it had a correction.
    """
    if not is_corrected(model.meta.wcs):
        return False
    wcs, memory = delivered(model.meta.wcs), model.meta.instance.pop(MEMORY, None)
    if memory is None:  # aligned by other software: footprint and keywords are computed again
        wcs.name = wcs_name(wcs.name, None)
        update_wcs(model, wcs, SipParameters())
        model.meta.instance.pop(MEMORY, None)
    else:
        wcs.name = memory["name"]
        _put(model, wcs)
        info = model.meta.wcsinfo.instance
        info.clear()
        info.update(memory["wcsinfo"])
    model.meta.cal_step.tweakreg = None
    annotate(model, ())
    model.meta.instance.pop("tweakreg_report", None)
    return True


def annotate(model: Any, essentials: Sequence[Essential]) -> None:
    """Write the essential results into ``meta.tweakreg_report`` and the primary FITS header.

    The JWST schemas have no entries for them. stdatamodels keeps header cards that its schemas do
    not know in ``extra_fits``, which, unlike a schema extension, needs none of our code when the
    file is opened. Those of an earlier run are replaced, or removed if there are none now.
    """
    model.meta.tweakreg_report = {fact.name: fact.value for fact in essentials}
    cards = [card for card in _extra_cards(model) if not card[0].startswith(FITS_PREFIX)]
    cards += [[fact.keyword, fact.value, fact.comment] for fact in essentials]
    model.extra_fits.PRIMARY.header = cards


def _put(model: Any, wcs: Any) -> None:
    """Put a WCS into a model.

    An assignment to ``meta.wcs`` would convert the whole WCS to ASDF, to check against the schema
    that it is one, and saving does so again: as much time as opening the file.
    """
    model.meta.instance["wcs"] = wcs


def _remember(model: Any) -> None:
    """Save the values that an alignment will overwrite, so that it can be undone exactly.

    Values saved by an earlier alignment are replaced where 'assign_wcs' was run since.
    """
    if not is_corrected(model.meta.wcs):
        words = dict(model.meta.wcsinfo.instance)
        model.meta.instance[MEMORY] = {"name": model.meta.wcs.name, "wcsinfo": words}


def _extra_cards(model: Any) -> list[Any]:
    """The cards of the primary header that the schemas do not know; created if there are none.

    Models of files that never were FITS have no ``extra_fits``.
    """
    if not hasattr(model, "extra_fits"):
        model.extra_fits = {}
    if not hasattr(model.extra_fits, "PRIMARY"):
        model.extra_fits.PRIMARY = {}
    return [list(card) for card in getattr(model.extra_fits.PRIMARY, "header", [])]


def _update_header(model: Any, sip: SipParameters) -> str:
    """Replace the FITS keywords of ``meta.wcsinfo`` by a SIP approximation of ``meta.wcs``.

    Returns
    -------
    str
        What is wrong with the approximation, '' if nothing is.
    """
    info, box = model.meta.wcsinfo.instance, bounding_box_of(model)
    reference = info.get("crpix1"), info.get("crpix2")
    words = _forward(model.meta.wcs, box, None if None in reference else reference, sip)
    problem = ""
    if "A_ORDER" in words and sip.sip_max_inv_pix_error:
        inverse = _inverse(words, model.meta.wcs, box, sip)
        words |= inverse.keywords
        problem = _problem_of(inverse, sip)
    for keyword in [k for k in info if STALE_KEYWORD.match(k)]:
        del info[keyword]
    info.update({k.lower(): v for k, v in words.items() if not k.startswith("NAXIS")})
    return problem


def _forward(
    wcs: Any, box: BoundingBox, crpix: tuple[Any, Any] | None, sip: SipParameters
) -> dict[str, Any]:
    degrees = range(1, MAX_SIP_DEGREE) if sip.sip_degree is None else [sip.sip_degree]
    ours = forward_within(wcs, box, sip.sip_max_pix_error, degrees, sip.sip_npoints, crpix)
    if ours is not None:
        return ours
    with warnings.catch_warnings():
        # gwcs solves in quadruple precision, which SciPy 1.18 takes but deprecates
        warnings.filterwarnings("ignore", "Calling _?lu_", DeprecationWarning)
        header = wcs.to_fits_sip(
            bounding_box=box,
            max_pix_error=sip.sip_max_pix_error,
            degree=degrees,
            max_inv_pix_error=None,
            npoints=sip.sip_npoints,
            crpix=crpix,
        )
    return dict(header.items())


def _inverse(words: dict[str, Any], wcs: Any, box: BoundingBox, sip: SipParameters) -> Inverse:
    degree = sip.sip_inv_degree
    degrees = range(2, MAX_SIP_DEGREE + 1) if degree is None else [max(degree, 2)]
    return inverse_within(words, wcs, box, sip.sip_max_inv_pix_error, degrees)


def _problem_of(inverse: Inverse, sip: SipParameters) -> str:
    """What is wrong with an inverse, '' if it is within its limit."""
    if inverse.error <= sip.sip_max_inv_pix_error:
        return ""
    return (
        f"the inverse of the FITS approximation of the WCS is off by up to {inverse.error:.2g} "
        f"pixels, but 'sip_max_inv_pix_error' is {sip.sip_max_inv_pix_error:g}. Leave "
        "'sip_inv_degree' free, raise the limit, or use the WCS itself, which is exact."
    )
