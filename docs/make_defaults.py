"""Write docs/coming_from/jwst_defaults.rst: defaults of the JWST step beside ours, with reasons."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from page_tables import table

from tweakreg_step.parameters import STAGES, declarations

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "coming_from" / "jwst_defaults.rst"

NOTHING = object()
"""Of a parameter that was not there."""

EARLY: dict[str, Any] = {
    "brightest": 200, "catalog_format": "ecsv", "enforce_user_order": False,
    "expand_refcat": False, "fitgeometry": "general", "kernel_fwhm": 2.5, "minobj": 15,
    "nclip": 3, "peakmax": None, "save_catalogs": False, "searchrad": 2.0, "separation": 1.0,
    "sigma": 3.0, "snr_threshold": 5.0, "starfinder": "dao", "tolerance": 0.7, "use2dhist": True,
    "xoffset": 0.0, "yoffset": 0.0, "abs_refcat": "", "abs_minobj": 5, "save_abs_catalog": False,
}  # fmt: skip
"""Defaults in the step's documentation before launch, those of old names under the new ones."""

STOCK: dict[str, Any] = {
    "save_catalogs": False, "use_custom_catalogs": False, "catalog_format": "ecsv", "catfile": "",
    "starfinder": "iraf", "snr_threshold": 10.0, "kernel_fwhm": 2.5, "bkg_boxsize": 400,
    "minsep_fwhm": 0.0, "sigma_radius": 1.5, "sharplo": 0.5, "sharphi": 2.0, "roundlo": 0.0,
    "roundhi": 0.2, "brightest": 200, "peakmax": None, "npixels": 10, "connectivity": 8,
    "nlevels": 32, "contrast": 0.001, "multithresh_mode": "exponential", "localbkg_width": 0,
    "apermask_method": "correct", "kron_params": None, "deblend": True,
    "enforce_user_order": False, "expand_refcat": False, "minobj": 15, "fitgeometry": "rshift",
    "nclip": 3, "sigma": 3.0, "searchrad": 2.0, "use2dhist": True, "separation": 1.0,
    "tolerance": 0.7, "xoffset": 0.0, "yoffset": 0.0, "abs_refcat": "", "save_abs_catalog": False,
    "abs_minobj": 15, "abs_fitgeometry": "rshift", "abs_nclip": 3, "abs_sigma": 3.0,
    "abs_searchrad": 6.0, "abs_use2dhist": True, "abs_separation": 1.0, "abs_tolerance": 0.7,
    "sip_approx": True, "sip_max_pix_error": 0.01, "sip_degree": None,
    "sip_max_inv_pix_error": 0.01, "sip_inv_degree": None, "sip_npoints": 12,
    "output_use_model": True, "in_memory": True,
}  # fmt: skip
"""Defaults of the step of jwst 3.0 (a test in its environment compares them with its spec)."""

REASONS = {
    "starfinder": "sep is faster; ``iraf`` drops those that are not round, and "
    "with them stars beside bad pixels. Positions are refined afterwards, whatever the finder",
    "kernel_fwhm": "The width of stars goes from 1 pixel in F070W to 7 in F2550W of MIRI: "
    "it follows from the filter, and is checked on the image",
    "fitgeometry": "A pointing error is a shift and a roll; six parameters let wrong matches in. "
    "jwst 3.0 has changed it, too",
    "snr_threshold": "As in jwst 3.0: fainter detections are mostly noise, and weigh little",
    "brightest": "As it was. But the number is kept evenly over the image, and catalogs that you "
    "give are kept whole unless you set it",
    "minobj": "As it was. Matches are tested against chance besides, so that a lower value is safe",
    "abs_minobj": "As in jwst 3.0; the five of ``min_gaia`` are matched by chance in dense fields. "
    "It counts different stars of all tied groups together, not matches of each",
    "searchrad": "As it was. Here it holds for any two groups that overlap, not for a group and a "
    "growing catalog",
    "abs_searchrad": "As it was. Here it holds for each group as its WCS is",
    "tolerance": "As it was, as an upper limit: the match radius comes from the residuals",
    "separation": "As it was. Close pairs are not deleted, but doubted where another image can't "
    "tell them apart",
    "expand_refcat": "No effect: all sources of all groups take part",
    "enforce_user_order": "No effect: there is no order",
    "use2dhist": "No effect: each pair of groups has its own search",
    "nclip": "No effect: outliers lose their weight by their residuals",
    "in_memory": "Files whose results are written are opened one at a time; models stay in memory. "
    "True and False choose as they did",
    "sigma": "As it was, as the residual in units of its error from which weights fall",
}
"""Why a default differs, or what holds of it though it does not."""

HEAD = """\
.. This table is made by docs/make_defaults.py; change it there.

"""


def differing() -> Iterator[tuple[str, ...]]:
    """A row for each parameter whose default differs, or of which there is something to say."""
    for declared in declarations(*STAGES.values()):
        name = declared.name
        if name not in STOCK:
            continue
        values = (EARLY.get(name, NOTHING), STOCK[name], declared.default)
        if declared.default == STOCK[name] and name not in REASONS:
            continue
        cells = ("" if value is NOTHING else f"``{value!r}``" for value in values)
        yield f"``{name}``", *cells, f"{REASONS[name]}."


def page() -> str:
    """The whole table."""
    header = ("Parameter", "Before launch", "jwst 3.0", "Here", "Why")
    return HEAD + "\n".join(table(header, differing(), "18 12 12 12 46"))


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} written\n")
