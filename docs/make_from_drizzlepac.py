"""Write docs/from_drizzlepac.rst from the table in tweakreg_step/drizzlepac/table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from page_tables import table

from tweakreg_step.drizzlepac.conversions import Shape, threshold_here
from tweakreg_step.drizzlepac.table import IMAGE, MAIN, PARAMETERS, Needs, Row, Use
from tweakreg_step.parameters import STAGES, declarations

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).with_name("from_drizzlepac.rst")

HEAD = """\
From DrizzlePac's TweakReg
==========================

.. This page is made by docs/make_from_drizzlepac.py from tweakreg_step/drizzlepac; change it there.

What you know of TweakReg can be used as it is, on images of HST and of every other mission:

.. code-block:: python

    from tweakreg_step import TweakReg

    result = TweakReg(
        "*_flc.fits",
        imagefindcfg={"threshold": 100, "conv_width": 3.5},
        refcat="stars.txt",
        searchrad=3.0,
        updatehdr=True,
        wcsname="MINE",
    )
    print(result)

or with its ``.cfg`` files::

    tweakreg from-cfg tweakreg.cfg '*_flc.fits' --imagefindpars=find.cfg --set updatehdr=yes

Parameters that TweakReg does not have, such as ``brightest``, ``minarea`` or ``output_dir``,
can be given to the function besides. With its defaults and with a ``.cfg`` file *its* defaults
hold, ``updatehdr=False`` included.

Habits
------

* **A run that changes nothing** (``updatehdr=False``) finds and reports all, and writes
  ``<product>_tweakreg_solution.asdf``. If you like it: ``tweakreg apply <solution>
  <images>``; there is no second search. ``tweakreg undo`` takes it back to the bit.
* **The order of images, the growing reference, running again until the shifts are small**:
  all images and the catalog are solved at once; nothing is gained by a second run.
* **TEAL, prompts**: there are none. ``editpars=True`` is refused; edit the ``.cfg`` file.
* **The histogram and the residual plots** are on one page, ``<product>_tweakreg.html``, with
  arrows coloured by brightness.
* **shifts.txt**: with ``shiftfile=True``, for those who still use it. Signs are those of TweakReg:
  delivered - crpix = scale R(-rot) (corrected - crpix) + (dx, dy) in the pixels of ``outwcs``.
  The rms is that of all matches of an image, per axis.
* **Pixels or arcsec**: ``tolerance``, ``separation``, ``xoffset`` and ``yoffset`` are pixels
  there and arcsec here. They are converted with the size of a pixel in the middle of
  ``refimage``, or of the first image; the log says both numbers.
* **threshold** is the least peak of a star there. With TweakReg's default of 4 and
  ``conv_width=3.5`` the finder here gets ``snr_threshold={threshold}``, with which it finds
  the same stars, and many peaks of noise, as there. Give 100 and more where stars are bright;
  or leave TweakReg, and take the defaults of ``TweakRegStep``.
* **Headerlets** carry the true number of matches and their rms. ``tweakreg headerlet
  <solution>`` makes them without touching the images, ``tweakreg apply <headerlet> <image>``
  puts one on its image. The numbers in them have all digits, so that the image gets the
  solved WCS.
* **updatewcs** is never called.

Files
-----

* A **catfile** has an image and a catalog for each chip on a line, for (SCI,1), (SCI,2) ...;
  ``None`` or ``INDEF`` for a chip without, whose sources are found in its pixels. Positions count
  from 1, except in catalogs that this package has written. Two chips and one catalog in pixels are
  refused.
* A list of **exclusions** has an image and a region file for each chip. Coordinates are
  ``image``, ``pixel``, ``physical``, ``sky``, ``icrs``, ``fk5`` ...; positions may be
  sexagesimal; lines ``x y radius`` are circles to leave out. A FITS
  mask, in the place of a region file, is 0 where no source is taken, and has the image's shape.
* **Reference lists** may have no names: columns 1 and 2 are RA and Dec, in degrees or
  sexagesimal.
* **refimage** may be any file, such as a mosaic: its sources, with their errors, are the
  reference; it is never written. ``refimagefindcfg`` holds for it.

The SExtractor recipe
---------------------

For fields of galaxies; ``benchmarks/recipe.py`` does all of it on simulated images, and is
the place to copy from.

#. **Look** at visits and filters: ``tweakreg doctor *_flc.fits``.
#. **Cleaned images**: AstroDrizzle with ``driz_cr_corr=True`` writes ``*_crclean.fits``
   beside the exposures. ``pixels_from="crclean"`` finds sources in these, and the solution is
   that of the exposures; ``minarea`` and ``threshold`` are SExtractor's DETECT_MINAREA and
   DETECT_THRESH. That may be all that is needed.
#. **Catalogs** of your own: SExtractor on each chip of the cleaned images, with x, y and a
   magnitude in the first three columns; one line of the catfile for an image, with the
   catalog of chip 1 and that of chip 2.
#. **Which sources**: ``minflux`` the faintest and ``maxflux`` the brightest magnitude
   (``fluxunits="mag"``), ``border`` pixels from the edges, ``exclusions`` with a region file
   for each chip or ``None``.
#. **Align**, look at the table and the page, change the limits, again; ``updatehdr=False``
   until you like it, then ``tweakreg apply``. A second run on images that have the solution
   finds nothing more.
#. **Other filters and visits**: ``tweakreg transfer <solution> <exposures>`` carries the
   motion of a visit to exposures in which little is seen, as tweakback does.
#. **Drizzle** the exposures with AstroDrizzle, ``updatewcs=False``. The script does so where
   drizzlepac is installed, and compares the mosaic's stars and galaxies with the truth; ``make
   test-hst`` runs it.

.. include:: tables/recipe.rst

Parameter by parameter
----------------------

"Here" is the default of the parameter of the step that it becomes, of a run without TweakReg.

"""

_TITLES = {"": "General", "UPDATE HEADER": "Update header",
           "OBJECT MATCHING PARAMETERS": "Matching", "HEADERLET CREATION": "Headerlets",
           "OPTIONAL SHIFTFILE OUTPUT": "Shift file",
           "COORDINATE FILE DESCRIPTION": "Catalogs of the images",
           "REFERENCE CATALOG DESCRIPTION": "Reference catalog",
           "CATALOG FITTING PARAMETERS": "Fit"}  # fmt: skip


def groups() -> Iterator[tuple[str, list[Row]]]:
    """Title and parameters of each table; those of both finders are one."""
    for section, title in _TITLES.items():
        yield title, [row for row in PARAMETERS if row.where == MAIN and row.section == section]
    title = "imagefindpars (imagefindcfg) and refimagefindpars (refimagefindcfg)"
    yield title, [row for row in PARAMETERS if row.where == IMAGE]


def cells(row: Row) -> tuple[str, ...]:
    """Name, default and unit there, our parameter, default and unit here, what it does."""
    known = {declared.name: declared for declared in declarations(*STAGES.values())}
    ours = [name for name in row.ours if not name.startswith("abs_") or len(row.ours) == 1]
    here = ", ".join(f"``{known[name].default!r}``" for name in ours)
    does = row.does if row.use in {Use.MAPPED, Use.DONE} else f"*{row.use}.* {row.does}"
    needs = f" Needs {row.needs}." if row.needs not in {Needs.NOTHING, Needs.PIXELS} else ""
    return (
        f"``{row.name}``",
        f"``{row.default!r}``",
        row.unit,
        ", ".join(f"``{name}``" for name in row.ours),
        here,
        row.unit_here,
        f"{does}{needs}",
    )


HEADER = ("Name", "Default there", "Unit", "Parameter here", "Default", "Unit", "What it does")


def page() -> str:
    """The whole page."""
    lines = [HEAD.replace("{threshold}", f"{threshold_here(4.0, Shape(3.5)):.2f}")]
    for title, rows in groups():
        lines += [title, "~" * len(title), ""]
        lines += table(HEADER, map(cells, rows), "12 10 8 16 10 8 36")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} written\n")
