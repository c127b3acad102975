"""The parameters of TweakReg itself, in the order of its .cfg files."""

from __future__ import annotations

from dataclasses import replace

from .row import MAIN, Needs, Row, Use

__all__ = ["MAIN_PARAMETERS"]

_GENERAL = (
    Row(
        "input", MAIN, str, "*flt.fits", Use.DONE,
        "Files, patterns, association tables, ``@list``; further columns of a list are catalogs, "
        "as in ``catfile``.",
    ),
    Row(
        "refimage", MAIN, str, "", Use.DONE,
        "An image of the input stays fixed. Any other file is opened, its sources with their "
        "errors are the reference, and it is never written. Without it, and without ``refcat``, "
        "the first image stays fixed.",
        ("refimage",),
    ),
    Row(
        "expand_refcat", MAIN, bool, False, Use.MAPPED,
        "All images are solved at once, so each source of each takes part; of use with "
        "``align_method='sequential'`` alone.",
        ("expand_refcat",), needs=Needs.ORDER,
    ),
    Row(
        "enforce_user_order", MAIN, bool, True, Use.MAPPED,
        "There is no order; of use with ``align_method='sequential'`` alone.",
        ("enforce_user_order",), needs=Needs.ORDER,
    ),
    Row(
        "exclusions", MAIN, str, "", Use.MAPPED,
        "The same file: an image and a region file for each chip on a line.",
        ("exclusions",), conversion="text",
    ),
    Row(
        "updatewcs", MAIN, bool, False, Use.REFUSED,
        "It would need reference files, and take earlier solutions away. Run "
        "stwcs.updatewcs.updatewcs yourself, before.",
    ),
    Row(
        "writecat", MAIN, bool, True, Use.MAPPED,
        "Found catalogs are written as ``*_cat.ecsv``, with a catfile that names them.",
        ("save_catalogs",), conversion="kept", needs=Needs.PIXELS,
    ),
    Row(
        "clean", MAIN, bool, False, Use.MAPPED,
        "With it no found catalogs are left.",
        ("save_catalogs",), conversion="cleaned", needs=Needs.PIXELS,
    ),
    Row(
        "interactive", MAIN, bool, True, Use.DONE,
        "Nothing ever waits for a key, and no window opens: all is as with False.",
    ),
    Row(
        "verbose", MAIN, bool, False, Use.DONE,
        "The log has more lines.",
    ),
    Row(
        "runfile", MAIN, str, "tweakreg.log", Use.DONE,
        "The log is written to this file as well; '' for none.",
    ),
)  # fmt: skip

_UPDATE = (
    Row(
        "updatehdr", MAIN, bool, False, Use.MAPPED,
        "Input files get the solution, each replaced whole. False is a dry run, whose solution is "
        "a file that ``tweakreg apply`` puts on the images.",
        ("apply_correction", "update_inputs"),
    ),
    Row(
        "wcsname", MAIN, str, "TWEAK", Use.MAPPED,
        "Name of the new WCS. One that exists is refused, unless ``reusename`` is given.",
        ("wcsname",), conversion="text",
    ),
    Row(
        "reusename", MAIN, bool, False, Use.DONE,
        "The primary WCS may have the same name, and is replaced.", needs=Needs.UPDATE,
    ),
)  # fmt: skip

_HEADERLET = (
    Row(
        "headerlet", MAIN, bool, False, Use.DONE,
        "Makes a headerlet of each image, whether its header is updated or not.",
    ),
    Row(
        "attach", MAIN, bool, True, Use.DONE,
        "The headerlet is an extension of the image's file.", needs=Needs.HEADERLET,
    ),
    Row(
        "hdrfile", MAIN, str, "", Use.DONE,
        "Headerlets are files: of this name if it ends in .fits, else ``<root>_<hdrfile>_hlet"
        ".fits``.", needs=Needs.HEADERLET,
    ),
    Row(
        "clobber", MAIN, bool, False, Use.DONE,
        "Files of headerlets that exist are replaced.", needs=Needs.HEADERLET,
    ),
    Row(
        "hdrname", MAIN, str, "", Use.DONE,
        "HDRNAME of the headerlets; '' takes ``wcsname``.", needs=Needs.HEADERLET,
    ),
    Row("author", MAIN, str, "", Use.DONE, "AUTHOR of the headerlets.", needs=Needs.HEADERLET),
    Row("descrip", MAIN, str, "", Use.DONE, "DESCRIP of the headerlets.", needs=Needs.HEADERLET),
    Row(
        "catalog", MAIN, str, "", Use.DONE,
        "CATALOG of the headerlets; '' takes the name of the reference.", needs=Needs.HEADERLET,
    ),
    Row(
        "history", MAIN, str, "", Use.DONE,
        "A text file whose lines become the HISTORY of the headerlets.", needs=Needs.HEADERLET,
    ),
)  # fmt: skip

_SHIFTS = (
    Row(
        "shiftfile", MAIN, bool, False, Use.DONE,
        "Writes ``outshifts`` and ``outwcs``.",
    ),
    Row(
        "outshifts", MAIN, str, "shifts.txt", Use.DONE,
        "Text file: image, dx, dy [pixel of outwcs], rot [deg], scale, rms in x and y [pixel].",
        needs=Needs.SHIFT_FILE,
    ),
    Row(
        "outwcs", MAIN, str, "shifts_wcs.fits", Use.DONE,
        "FITS file without pixels: the undistorted WCS in which the shifts are, for images of HST "
        "the same as there, made by stwcs.",
        needs=Needs.SHIFT_FILE,
    ),
)  # fmt: skip

_CATALOGS = (
    Row(
        "catfile", MAIN, str, "", Use.MAPPED,
        "The same file: an image and a catalog for each chip on a line. Pixels of its catalogs "
        "count from 1 (``xyorigin=1``).",
        ("catfile", "use_custom_catalogs", "xyorigin"), conversion="text",
    ),
    Row(
        "xcol", MAIN, str, "1", Use.MAPPED, "Column of x, by number or name (``c1`` is 1).",
        ("xcol",), conversion="column", needs=Needs.CATALOGS,
    ),
    Row(
        "ycol", MAIN, str, "2", Use.MAPPED, "Column of y, by number or name.",
        ("ycol",), conversion="column", needs=Needs.CATALOGS,
    ),
    Row(
        "fluxcol", MAIN, str, "", Use.MAPPED, "Column of flux or magnitude, by number or name.",
        ("fluxcol",), conversion="column", needs=Needs.CATALOGS,
    ),
    Row(
        "maxflux", MAIN, float, None, Use.MAPPED,
        "The brightest that is used, also in magnitudes.",
        ("fluxmax",), "fluxunits", "fluxunits", needs=Needs.CATALOGS,
    ),
    Row(
        "minflux", MAIN, float, None, Use.MAPPED,
        "The faintest that is used, also in magnitudes.",
        ("fluxmin",), "fluxunits", "fluxunits", needs=Needs.CATALOGS,
    ),
    Row(
        "fluxunits", MAIN, str, "counts", Use.MAPPED, "Unit of both limits.",
        ("fluxunits",), needs=Needs.CATALOGS, choices=("counts", "cps", "mag"),
    ),
    Row(
        "xyunits", MAIN, str, "pixels", Use.MAPPED, "Unit of the positions.",
        ("xyunits",), needs=Needs.CATALOGS, choices=("pixels", "degrees"),
    ),
    Row(
        "nbright", MAIN, int, None, Use.MAPPED,
        "So many of the brightest of each chip are used.",
        ("brightest",), needs=Needs.CATALOGS,
    ),
)  # fmt: skip

_REFERENCE = (
    Row(
        "refcat", MAIN, str, "", Use.MAPPED,
        "Reference catalog: a table or a list without header; or a name such as GAIADR3.",
        ("abs_refcat",), conversion="text",
    ),
    Row(
        "refxcol", MAIN, str, "1", Use.MAPPED,
        "Column of RA, by number or name; of a sexagesimal list three (``1,2,3``).",
        ("refxcol",), conversion="column", needs=Needs.STARS,
    ),
    Row(
        "refycol", MAIN, str, "2", Use.MAPPED,
        "Column of Dec, by number or name; of a sexagesimal list three (``4,5,6``).",
        ("refycol",), conversion="column", needs=Needs.STARS,
    ),
    Row(
        "refxyunits", MAIN, str, "degrees", Use.MAPPED,
        "Unit of these; pixels are those of ``refimage``, from 1.",
        ("refxyunits",), needs=Needs.STARS, choices=("degrees", "pixels"),
    ),
    Row(
        "rfluxcol", MAIN, str, "", Use.MAPPED, "Column of flux or magnitude, by number or name.",
        ("rfluxcol",), conversion="column", needs=Needs.STARS,
    ),
    Row(
        "rmaxflux", MAIN, float, None, Use.MAPPED,
        "The brightest star that is used, also in magnitudes.",
        ("rfluxmax",), "rfluxunits", "rfluxunits", needs=Needs.STARS,
    ),
    Row(
        "rminflux", MAIN, float, None, Use.MAPPED,
        "The faintest star that is used, also in magnitudes.",
        ("rfluxmin",), "rfluxunits", "rfluxunits", needs=Needs.STARS,
    ),
    Row(
        "rfluxunits", MAIN, str, "mag", Use.MAPPED, "Unit of both limits.",
        ("rfluxunits",), needs=Needs.STARS, choices=("counts", "cps", "mag"),
    ),
    Row(
        "refnbright", MAIN, int, None, Use.MAPPED,
        "So many of the brightest stars in the field are used.",
        ("refnbright",), needs=Needs.STARS,
    ),
)  # fmt: skip

_MATCHING = (
    Row(
        "minobj", MAIN, int, 15, Use.MAPPED,
        "Least number of matches of an image; with a reference also of different stars.",
        ("minobj", "abs_minobj"),
    ),
    Row(
        "searchrad", MAIN, float, 1.0, Use.MAPPED,
        "Largest offset that is searched.",
        ("searchrad", "abs_searchrad"), "searchunits", "arcsec", "search",
    ),
    Row(
        "searchunits", MAIN, str, "arcseconds", Use.DONE,
        "Unit of ``searchrad``.", choices=("arcseconds", "pixels"),
    ),
    Row(
        "use2dhist", MAIN, bool, True, Use.MAPPED,
        "Each pair of images has a search of its own in any case; with "
        "``align_method='sequential'`` as there.",
        ("use2dhist", "abs_use2dhist"), needs=Needs.ORDER,
    ),
    Row(
        "see2dplot", MAIN, bool, True, Use.MAPPED,
        "The histograms are on the page ``<product>_tweakreg.html``.",
        ("save_plots",), conversion="plots",
    ),
    Row(
        "separation", MAIN, float, 0.5, Use.MAPPED,
        "Sources closer than this are ambiguous; none is deleted.",
        ("separation", "abs_separation"), "pixels", "arcsec", "pixels",
    ),
    Row(
        "tolerance", MAIN, float, 1.0, Use.MAPPED,
        "Upper limit of the match radius, which itself comes from the residuals.",
        ("tolerance", "abs_tolerance"), "pixels", "arcsec", "pixels",
    ),
    Row(
        "xoffset", MAIN, float, 0.0, Use.MAPPED,
        "Where the search starts; along the axes of the first image.",
        ("xoffset",), "pixels", "arcsec", "pixels", Needs.NO_HISTOGRAM,
    ),
    Row(
        "yoffset", MAIN, float, 0.0, Use.MAPPED,
        "Where the search starts; along the axes of the first image.",
        ("yoffset",), "pixels", "arcsec", "pixels", Needs.NO_HISTOGRAM,
    ),
)  # fmt: skip

_FIT = (
    Row(
        "fitgeometry", MAIN, str, "rscale", Use.MAPPED,
        "Geometry of the motion of each exposure on the sky.",
        ("fitgeometry", "abs_fitgeometry"), choices=("shift", "rscale", "rshift", "general"),
    ),
    Row(
        "residplot", MAIN, str, "both", Use.MAPPED,
        "Residuals, and vectors coloured by brightness, are on the page.",
        ("save_plots",), conversion="plots",
        choices=("No plot", "vector", "residuals", "both"),
    ),
    Row(
        "ylimit", MAIN, float, None, Use.MAPPED,
        "Largest residual that plots on the page and pictures of residuals show.",
        ("plot_limit",), "pixels", "mas", "mas",
    ),
    Row(
        "labelsize", MAIN, int, 8, Use.MAPPED,
        "Size of labels in pictures of residuals (``result.plot.residuals()``); the page follows "
        "the browser's.",
        ("plot_labelsize",), "pt", "pt",
    ),
    Row(
        "nclip", MAIN, int, 3, Use.MAPPED,
        "Outliers lose their weight by their residuals; with ``align_method='sequential'`` as "
        "there.",
        ("nclip", "abs_nclip"), needs=Needs.ORDER,
    ),
    Row(
        "sigma", MAIN, float, 3.0, Use.MAPPED,
        "The residual, in units of its error, where weights start to fall.",
        ("sigma", "abs_sigma"), "sigma", "sigma",
    ),
)  # fmt: skip

_SECTIONS = {
    "": _GENERAL,
    "UPDATE HEADER": _UPDATE,
    "HEADERLET CREATION": _HEADERLET,
    "OPTIONAL SHIFTFILE OUTPUT": _SHIFTS,
    "COORDINATE FILE DESCRIPTION": _CATALOGS,
    "REFERENCE CATALOG DESCRIPTION": _REFERENCE,
    "OBJECT MATCHING PARAMETERS": _MATCHING,
    "CATALOG FITTING PARAMETERS": _FIT,
}
"""Parameters by the section of .cfg files in which they are."""


MAIN_PARAMETERS: tuple[Row, ...] = tuple(
    replace(row, section=section) for section, rows in _SECTIONS.items() for row in rows
)
