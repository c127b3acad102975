"""TweakReg as users of DrizzlePac call it: its parameters, its files, its defaults."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.api import align
from tweakreg_step.catalogs.reference import NAMED, with_chosen_columns
from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.wording import listed
from tweakreg_step.parameters import STAGES, ReferenceParameters, declarations
from tweakreg_step.pipeline.reference_pixels import pixels_to_sky

from .checks import check_before
from .conversions import column
from .exclusions import exclusions_for
from .headerlets import HeaderletOptions, write_headerlets
from .images import file_without_extension, images_named, list_of_catalogs, pixel_scale
from .reference_image import stars_of_image
from .run_file import logging_to_file
from .shift_file import frame_of, write_shifts
from .table import IMAGE, MAIN, REFERENCE, rows_of
from .translation import translated
from .values import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tweakreg_step.results import AlignmentResult
    from tweakreg_step.solutions import Target

    from .translation import Translation
    from .values import Values

__all__ = ["TweakReg"]

log = logging.getLogger(__name__)

_COLUMNS = ("refxcol", "refycol", "refxyunits", "rfluxcol")


def TweakReg(  # noqa: N802 - the name that users know
    files: Any = None,
    editpars: bool = False,
    configobj: Any = None,
    imagefindcfg: Any = None,
    refimagefindcfg: Any = None,
    **input_dict: Any,
) -> AlignmentResult:
    """Align images with the parameters of DrizzlePac's TweakReg.

    Its defaults hold, among them ``updatehdr=False``: nothing is changed then, and the solution,
    ``<product>_tweakreg_solution.asdf``, can be put on the images with ``tweakreg apply``.

    Parameters
    ----------
    files
        Files, patterns, an association table, ``@list``; None for 'input' of ``configobj``.
    editpars
        Must be False: there is no editor.
    configobj, imagefindcfg, refimagefindcfg
        Path of a .cfg file, or a dictionary, for TweakReg and for its finder on the images and on
        the reference image.
    **input_dict
        Parameters of TweakReg, or of its finder on the images; and those of `TweakRegStep` whose
        names TweakReg does not have, and ``output_dir`` for reports and catalogs.

    Returns
    -------
    AlignmentResult
        The result: ``print`` shows it.

    Raises
    ------
    TweakregError
        If the input or the parameters can't be used; nothing is changed then.
    """
    if editpars:
        raise ParameterError(
            "editpars=True is not possible: there is no editor of parameters (TEAL) here. Give "
            "parameters as keywords, or edit the .cfg file, and leave 'editpars' out."
        )
    own = {name: input_dict.pop(name) for name in list(input_dict) if name in _own_names()}
    folder = own.pop("output_dir", ".")
    values = values_of(input_dict, configobj, imagefindcfg, refimagefindcfg)
    given = values.main["input"] if files is None else files
    lists, images = list_of_catalogs(given)
    if lists:
        given, values = images, replace(values, main=values.main | {"catfile": lists})
    targets = images_named(given)
    check_before(targets, values.main)
    with logging_to_file(values.main["runfile"], verbose=values.main["verbose"]):
        return _run(given, targets, values, own, folder)


def _own_names() -> set[str]:
    """Parameters of the step whose names TweakReg does not have."""
    ours = {declared.name for declared in declarations(*STAGES.values())}
    theirs = {*rows_of(MAIN), *rows_of(IMAGE)}
    return (ours - theirs) | {"output_dir", "config_file"}


def _run(
    given: Any,
    targets: Sequence[Target],
    values: Values,
    own: Mapping[str, Any],
    folder: Any,
) -> AlignmentResult:
    main = values.main
    scale = pixel_scale(targets, main["refimage"])
    outside = _outside(targets, main["refimage"])
    images = [target.path for target in targets if target.path is not None]
    # as delivered: with updatehdr=True files are others afterwards
    frame = frame_of(images, _place(targets, main["refimage"])) if main["shiftfile"] else None
    with exclusions_for(main["exclusions"], outside) as (own_list, regions):
        values = replace(values, main=main | {"exclusions": own_list})
        reference = bool(main["refcat"]) or outside is not None
        found = translated(values, scale, own, reference=reference)
        stars = None
        if outside is not None and not main["refcat"]:
            method = {name: own[name] for name in ("align_method",) if name in own}
            stars = translated(values, scale, method, finder=REFERENCE, reference=True)
        _say(values, found, stars)
        parameters = found.parameters | _reference(values, targets, outside, stars, regions)
        result = align(given, output_dir=folder, **parameters)
    if frame is not None:
        files = Path(main["outshifts"]), Path(main["outwcs"])
        write_shifts(result.solution, images, frame, *files)
    if main["headerlet"]:
        write_headerlets(result.solution, images, HeaderletOptions.of(main))
    return result


def _say(values: Values, found: Translation, stars: Translation | None) -> None:
    """Log what became other numbers, and what has no effect.

    Parameters
    ----------
    values
        The values.
    found, stars
        For the images, and for a reference image outside of the input.
    """
    for line in found.numbers:
        log.info(line)
    for remark in found.remarks:
        log.warning(remark)
    if stars is not None:
        for line in [line for line in stars.numbers if line not in found.numbers]:
            log.info("Reference image: %s", line)
        for remark in [remark for remark in stars.remarks if remark not in found.remarks]:
            log.warning("Reference image: %s", remark)
    elif idle := _departing(values):
        log.warning(
            "%s of 'refimagefindcfg' %s no effect: an image outside of the input is needed as "
            "'refimage', and no 'refcat'.",
            listed([f"'{name}'" for name in idle]),
            "has" if len(idle) == 1 else "have",
        )


def _departing(values: Values) -> list[str]:
    """Parameters for the reference image that were given another value than the default."""
    rows = rows_of(REFERENCE)
    given = sorted(name for where, name in values.given if where == REFERENCE)
    return [name for name in given if values.reference[name] != rows[name].default]


def _place(targets: Sequence[Target], refimage: str) -> Path | None:
    """The file of the reference image, of the input or not."""
    path = file_without_extension(refimage) if refimage else None
    inside = [target.path for target in targets if path is not None and target.name == path.name]
    return inside[0] if inside else path


def _outside(targets: Sequence[Target], refimage: str) -> Path | None:
    """The reference image, if it is not one of the input."""
    path = file_without_extension(refimage) if refimage else None
    return None if path is None or path.name in {target.name for target in targets} else path


def _reference(
    values: Values,
    targets: Sequence[Target],
    outside: Path | None,
    stars: Translation | None,
    regions: Mapping[str, Any],
) -> dict[str, Any]:
    """What the images are aligned to: a catalog, an image, or the first of them."""
    main = values.main
    if main["refcat"]:
        return _catalog(values, outside)
    if outside is None or stars is None:
        refimage = file_without_extension(main["refimage"] or targets[0].name).name
        return {"refimage": refimage}
    kept = {n: v for n, v in stars.parameters.items() if n in _FINDING}
    return {"abs_refcat": stars_of_image(outside, kept, regions)}


_FINDING = {
    "snr_threshold", "kernel_fwhm", "peakmin", "peakmax", "sigma_radius", "fluxmin", "fluxmax",
    "ratio", "theta", "skysigma", "dqbits", "starfinder", "sharplo", "sharphi", "roundlo",
    "roundhi", "exclusions",
}  # fmt: skip
"""Parameters for finding the sources of the reference image."""


def _catalog(values: Values, outside: Path | None) -> dict[str, Any]:
    """The reference catalog, with the columns that TweakReg's parameters choose."""
    main = values.main
    refcat = str(main["refcat"])
    if refcat.upper() in NAMED or "," in refcat or not Path(refcat).expanduser().is_file():
        return dict.fromkeys(_COLUMNS[:2], "") | {"refxyunits": "degrees"}
    chosen = {(MAIN, "refxcol"), (MAIN, "refycol")} & values.given
    usual = (main["refxcol"], main["refycol"]) == ("1", "2")
    if main["refxyunits"] == "pixels" and outside is not None:
        options = ReferenceParameters(
            refxcol=column(main["refxcol"]),
            refycol=column(main["refycol"]),
            refxyunits="pixels",
            rfluxcol=column(main["rfluxcol"]),
        )
        place = str(outside)
        table = with_chosen_columns(refcat, options, lambda: pixels_to_sky(None, place))
        return {"abs_refcat": table} | dict.fromkeys(_COLUMNS[:2], "") | {"refxyunits": "degrees"}
    inside = file_without_extension(main["refimage"]).name if main["refimage"] else ""
    fixed = {"refimage": inside} if inside and outside is None else {}
    if usual and not chosen and main["refxyunits"] == "degrees":
        return fixed | dict.fromkeys(_COLUMNS[:2], "")  # by their names, else the first two
    return fixed
