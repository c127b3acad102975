"""Alignment from Python: align, apply a solution, take it back; results that show themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tweakreg_step.core.exceptions import CatalogError, InputError, ParameterError
from tweakreg_step.files.whole_files import no_empty_folder, write_whole
from tweakreg_step.results import (
    AlignmentResult,
    FilesResult,
    RunState,
    files_result,
    joined_state,
    read_state,
    save_sources,
    state_path,
    write_state,
)
from tweakreg_step.solutions import (
    SavedSolution,
    carry_out,
    merged,
    old_targets,
    parameters_of_run,
    plan_of,
    plan_of_transfer,
    plan_of_undo,
    planned,
    put_in_place_of,
    read_solution,
    refuse_known,
    save_solution,
    targets_of,
)
from tweakreg_step.step import TweakRegStep
from tweakreg_step.telescopes.inputs import product_of

__all__ = ["AlignmentResult", "FilesResult", "add", "align", "apply", "transfer", "undo"]


def align(
    exposures: Any,
    abs_refcat: Any = None,
    *,
    output_dir: str | Path | None = None,
    **parameters: Any,
) -> AlignmentResult:
    """Align exposures to each other, and to a reference catalog.

    Parameters
    ----------
    exposures
        An association; files, by name, as a list, as a pattern; models, or a library of models,
        which are not changed.
    abs_refcat
        Reference catalog: the name of a service as ``"GAIADR3"``, a path, or a table with RA and
        DEC, or with sky coordinates. None aligns the exposures to each other alone.
    output_dir
        Folder that the aligned exposures, the report and the solution are written to; None writes
        nothing.
    **parameters
        Those of `TweakRegStep`, and ``config_file``.

    Returns
    -------
    AlignmentResult
        The exposures, the tables, and the solution.

    Raises
    ------
    TweakregError
        If the input or the parameters can't be used.

    Examples
    --------
    >>> result = align("mosaic_asn.json", abs_refcat="reference.ecsv", output_dir="out")
    >>> print(result.sentence)
    3 of 3 groups aligned to each other; 3 of 3 groups tied to reference.ecsv.
    >>> str(result.groups["rms"].unit), result.ok
    ('mas', True)
    """
    if abs_refcat is not None:
        parameters["abs_refcat"] = abs_refcat
    return _run(exposures, output_dir, parameters)[0]


def apply(
    solution: SavedSolution | AlignmentResult | str | Path,
    exposures: Any,
    *,
    rebase: bool = False,
    output_dir: str | Path | None = None,
) -> FilesResult:
    """Put a solution on the exposures that it was solved for, at any level of processing.

    All exposures are looked at before any is changed. One that has the solution already stays as
    it is, so that it can be applied again, as after an interruption.

    Parameters
    ----------
    solution
        The path of a solution, or a result of `align`.
    exposures
        As for `align`. Models are changed in place.
    rebase
        Whether exposures whose WCS is not the one that was solved for are moved to where the
        solution has them, if a shift, a roll and a scale do that.
    output_dir
        Folder that results are written to, under the names of their files; None replaces the files.

    Returns
    -------
    FilesResult
        What was done to each image.

    Raises
    ------
    InputError
        If the solution can't be read, or is not one of these exposures; nothing is changed then.
    OutputError
        If a file can't be written; the others are.

    Examples
    --------
    >>> result = apply("out/mosaic_tweakreg_solution.asdf", "jw*_cal.fits", output_dir="again")
    >>> print(result.sentence)
    The solution 'mosaic' on 3 images: 3 applied.
    """
    found = _solution(solution)
    targets = targets_of(exposures)
    plans = planned(targets, lambda one, model: plan_of(found, one, model, rebase=rebase))
    return _done(plans, output_dir, f"The solution '{found.product}' on")


def undo(exposures: Any, *, output_dir: str | Path | None = None) -> FilesResult:
    """Give exposures the WCS back that they were delivered with, to the bit.

    Parameters
    ----------
    exposures
        As for `align`. Models are changed in place.
    output_dir
        Folder that results are written to, under the names of their files; None replaces the files.

    Returns
    -------
    FilesResult
        What was done to each image.

    Raises
    ------
    InputError
        If one is no image with a WCS that can be corrected; nothing is changed then.
    OutputError
        If a file can't be written; the others are.

    Examples
    --------
    >>> print(undo("again/*_cal.fits").sentence)
    Undone on 3 images: 3 undone.
    """
    plans = planned(targets_of(exposures), plan_of_undo)
    return _done(plans, output_dir, "Undone on")


def transfer(
    solution: SavedSolution | AlignmentResult | str | Path,
    exposures: Any,
    *,
    output_dir: str | Path | None = None,
) -> FilesResult:
    """Carry what an exposure or a visit moved by to other exposures of it.

    Such as those of another filter, of another detector or instrument in parallel, those with too
    few stars, or those that an aligned mosaic was made of (which its table of inputs names, or the
    association of its name that is given). Levels that are shared are carried: the exposure, else
    the visit, and the detector. Those that are not add to the error, by how far their units
    usually are apart.

    Parameters
    ----------
    solution
        The path of a solution, or a result of `align`.
    exposures
        As for `align`; their WCS must be as delivered. Models are changed in place.
    output_dir
        Folder that results are written to, under the names of their files; None replaces the files.

    Returns
    -------
    FilesResult
        What was carried to each image, from where, with its error. For files it is also written
        beside them, as ``<product>_transfer.ecsv``; the errors are in the headers as well.

    Raises
    ------
    InputError
        If the solution has no motion for one of them, it was aligned before, or is a spectrum;
        nothing is changed then.
    OutputError
        If a file can't be written; the others are.

    Examples
    --------
    >>> result = transfer("out/mosaic_tweakreg_solution.asdf", "other/jw*_cal.fits")
    >>> print(result.sentence)
    The motions of 'mosaic' for 2 images: 2 carried.
    """
    found = _solution(solution)
    product = product_of(exposures)
    plans = planned(
        targets_of(exposures),
        lambda one, model: plan_of_transfer(found, one, model, mosaic=product),
    )
    result = _done(plans, output_dir, f"The motions of '{found.product}' for")
    files = [path for path in result.exposures if isinstance(path, Path)]
    if files:
        path = files[0].parent / f"{found.product}_transfer.ecsv"
        write_whole(path, lambda draft: result.table.write(draft, format="ascii.ecsv"))
    return result


def add(
    solution: str | Path,
    exposures: Any,
    *,
    move_all: Any = False,
    output_dir: str | Path | None = None,
    **parameters: Any,
) -> AlignmentResult:
    """Let new exposures join a solution, without the files of the old ones.

    It needs the state of the run, ``<product>_tweakreg_state.asdf`` beside the solution, which
    ``save_state=True`` writes. The state of all is written beside the new solution, so that more
    exposures can be added.

    Parameters
    ----------
    solution
        The path of the solution.
    exposures
        The new exposures, as for `align`.
    move_all
        False: the old exposures stay fixed, and the new ones are aligned to the sources that they
        have in common. True: all is solved as if it were aligned at once, with the sources that the
        state has, and only pairs with new exposures are matched. Files of old exposures: the same,
        and these get their new WCS where ``output_dir`` is given, under the names of results. Of
        those that are not given, the new WCS is in the solution, for `apply`.
    output_dir
        Folder that exposures, the new solution and its state are written to; None writes nothing.
    **parameters
        Parameters that differ from those of the run.

    Returns
    -------
    AlignmentResult
        Of the new exposures, of all of them with ``move_all``; its solution is that of all.

    Raises
    ------
    TweakregError
        If the solution, its state, the exposures or the parameters can't be used.

    Examples
    --------
    >>> result = align("jw*_0000[12]_*_cal.fits", output_dir="two", save_state=True)
    >>> solution = next(Path("two").glob("*_solution.asdf"))
    >>> result = add(solution, "jw*_00003_*_cal.fits", output_dir="three")
    >>> len(result.solution.images)
    3
    """
    found = read_solution(solution)
    state = read_state(state_path(Path(solution).expanduser().parent, found.product), found.created)
    refuse_known(found, [target.name for target in targets_of(exposures)])
    options = parameters_of_run(found) | parameters
    if move_all is None or move_all is False:
        if parameters.get("abs_refcat"):
            raise ParameterError(
                "'abs_refcat' was given, but where the old exposures stay fixed, new ones are "
                "aligned to their sources. Leave it out, or let everything move: move_all=True "
                "(--move-all)."
            )
        return _beside_fixed(found, state, exposures, output_dir, options)
    old = [] if move_all is True else old_targets(found, move_all)
    for name in ("abs_refcat", "refimage"):
        if found.parameter(name):
            options = {name: found.parameter(name)} | options
    options["save_state"] = output_dir is not None
    try:
        result, step = _run(exposures, output_dir, options, earlier=state)
    except CatalogError as error:
        if "abs_refcat" in parameters:
            raise
        raise CatalogError(
            f"{error} It is that of the run, whose folder may be another, or which had it as a "
            "table: give it with 'abs_refcat' (--abs-refcat)."
        ) from error
    if output_dir is not None:
        targets = [
            one if one.path is None else replace(one, name=step.path_of_result(one.path).name)
            for one in old
        ]
        put_in_place_of(found, result.solution, targets, Path(output_dir).expanduser())
    return result


def _beside_fixed(
    found: SavedSolution,
    state: RunState,
    exposures: Any,
    output_dir: str | Path | None,
    options: dict[str, Any],
) -> AlignmentResult:
    """Align new exposures to the sources of old ones, which stay where they are."""
    if not len(state.sources):
        raise InputError(
            f"The solution '{found.product}' has no combined catalog, which new exposures could be "
            "aligned to: the sequential method makes none. Let everything move: move_all=True "
            "(--move-all)."
        )
    sources = state.sources.copy()
    sources.meta["name"] = f"sources of {found.product}"
    options |= {"abs_refcat": sources, "save_solution": False}  # that of all is written
    result, step = _run(exposures, output_dir, options, keeps_state=True)
    whole = merged(found, result.solution)
    joining = step.state
    if output_dir is not None and joining is not None:
        folder = Path(output_dir).expanduser()
        save_solution(whole, folder)
        grown = joined_state(state, joining)
        save_sources(grown.sources, found.product, folder)
        write_state(grown, state_path(folder, found.product))
    return replace(result, solution=whole)


def _run(
    exposures: Any,
    output_dir: str | Path | None,
    parameters: dict[str, Any],
    *,
    earlier: RunState | None = None,
    keeps_state: bool = False,
) -> tuple[AlignmentResult, TweakRegStep]:
    """The result of aligning exposures, those of an earlier run with them, and the step."""
    if output_dir is not None:
        parameters = {"save_results": True} | parameters | {"output_dir": str(output_dir)}
    step = TweakRegStep.configured(exposures, **parameters)
    step.earlier, step.keeps_state, step.reports_refusals = earlier, keeps_state, False
    with no_empty_folder(step.output_folder):
        library = step.run(exposures)
    return replace(step.result, library=library), step


def _done(plans: Any, output_dir: str | Path | None, verb: str) -> FilesResult:
    folder = None if output_dir is None else Path(output_dir).expanduser()
    carry_out(plans, folder)
    exposures = [
        plan.target.model
        if plan.target.path is None
        else plan.target.path
        if folder is None
        else folder / plan.target.name
        for plan in plans
    ]
    return files_result([row for plan in plans for row in plan.rows], exposures, verb)


def _solution(given: Any) -> SavedSolution:
    if isinstance(given, SavedSolution):
        return given
    if isinstance(given, AlignmentResult):
        return given.solution
    if isinstance(given, str | Path):
        return read_solution(given)
    raise InputError(
        f"The solution is a {type(given).__name__}, but the path of a file "
        "*_tweakreg_solution.asdf or the result of an alignment is needed. The exposures come "
        "second."
    )
