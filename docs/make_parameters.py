"""Write docs/parameters.rst from the declarations in tweakreg_step/parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from page_tables import table

from tweakreg_step.parameters.declaration import declarations
from tweakreg_step.parameters.run_parameters import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).with_name("parameters.rst")

HEAD = """\
Parameters
==========

.. This page is made by docs/make_parameters.py from tweakreg_step/parameters; change it there.

All parameters can be given on the command line (``--searchrad=3``), in a parameter file
(``strun my.asdf asn.json``), as keywords of ``TweakRegStep.call`` or as attributes of a step.
``strun --save-parameters=my.asdf tweakreg_step.TweakRegStep`` writes a file to start from, and
``tweakreg config`` lists those of this package, one for each JWST imager. The log says where each
value that differs from its default came from. A value that has no effect beside the others is a
warning.

Names of earlier releases are understood with a warning: ``align_to_gaia`` and ``gaia_catalog``
become ``abs_refcat``, ``min_gaia`` becomes ``abs_minobj``, ``save_gaia_catalog`` becomes
``save_abs_catalog``. So are ``see2dplot`` and ``residplot`` of DrizzlePac's TweakReg: both become
``save_plots``, since their pictures are on one page.

Parameters that every stpipe step has (``output_dir``, ``output_file``, ``save_results``,
``suffix``, ``skip``, ``pre_hooks``, ``post_hooks``, ``input_dir`` ...) are described by stpipe.
"""

MODES = """\
What they mean in the two modes
-------------------------------

``align_method='sequential'`` gives all parameters the meaning that they have in the stock step;
``separation`` must exceed sqrt(2) x ``tolerance`` in it, and ``abs_separation`` sqrt(2) x
``abs_tolerance``. The global solution, the default, finds most of them from the data:

.. list-table::
   :header-rows: 1
   :widths: 30 70

   * - Name
     - In the global mode
   * - ``searchrad``, ``abs_searchrad``
     - Largest offset [arcsec] of two overlapping groups' catalogs from each other, and of a group's
       catalog from the reference catalog, each through the WCS as it is. It is the whole length of
       the offset; rolls up to a few arcminutes are tried besides, of degrees where these fail. Two
       groups that are off by 1.5 arcsec in opposite directions need 3. A group that no other within
       reach matches is left as it was. For the first twenty such groups wider offsets are looked at
       (five times as far, 30 arcsec at least, and 60 at most unless the radius itself is larger):
       if there is a significant one, the message names the value to try. In the sequential mode the
       offset is that of a group from all groups aligned before it, in its own tangent plane, and of
       all aligned groups, as one body, from the reference catalog.
   * - ``xoffset``, ``yoffset``
     - Where the search starts, along the axes of the tangent plane of ``refimage``, or of the first
       image: each pair of groups is searched around this offset and its opposite as well as around
       none, within ``searchrad`` of each. In the sequential mode the histogram, or without
       ``use2dhist`` the match, starts there.
   * - ``tolerance``, ``abs_tolerance``
     - Upper limit of the match radius; the radius itself comes from the residuals.
   * - ``separation``
     - Sources of one image closer than this are ambiguous where only one other image could tell
       them apart; they are not deleted.
   * - ``minobj``, ``abs_minobj``
     - Sources, and matches, that a group needs; different reference stars that groups which are
       tied to each other need together. A star counts once, however many detectors and dithers
       see it.
   * - ``sigma``
     - The residual, in units of its error, where weights start to fall.
   * - ``fitgeometry``
     - Geometry of each group's correction, in joint solutions with a reference as well. Its default
       is ``rscale`` in runs with images of HST.
   * - ``refimage``
     - The image or group that stays fixed; without it the mean correction is zero.
   * - ``abs_fitgeometry``, ``abs_sigma``, ``abs_separation``
     - Used by ``absolute_align`` as a function where no ``relative_align`` came before it, for what
       that is asked for.
   * - ``enforce_user_order``, ``expand_refcat``, ``use2dhist``, ``abs_use2dhist``, ``nclip``,
       ``abs_nclip``
     - Not used: there is no order, each source of each group takes part, each pair of groups has
       its own search, and outliers lose their weight by their residuals.
   * - ``abs_method``, ``detector_motion``, ``visit_motion``
     - Global mode alone.

"""


def rows(cls: type) -> Iterator[tuple[str, ...]]:
    """A row for each parameter of a stage."""
    for d in declarations(cls):
        meaning = d.meaning.replace("*", "\\*")  # not the start of emphasis
        meaning = meaning if meaning.endswith("?") else f"{meaning}."
        yield f"``{d.name}``", f"``{d.default!r}``", d.unit, f"{meaning} May be {d.requirement}."


def page() -> str:
    """The whole page."""
    lines = [HEAD, MODES]
    for cls in STAGES.values():
        title = str(cls.__doc__).split(";", maxsplit=1)[0].rstrip(".")
        header = ("Name", "Default", "Unit", "Meaning")
        lines += [title, "-" * len(title), "", *table(header, rows(cls), "20 15 10 55")]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} written\n")
