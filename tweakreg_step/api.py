"""Alignment from Python: align, apply a solution, take it back; results that show themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.wording import listed
from tweakreg_step.files.names import file_of
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.results import (
    AlignmentResult,
    FilesResult,
    files_result,
    read_state,
    sources_of,
    state_path,
    write_state,
    write_state_catalogs,
)
from tweakreg_step.solutions import (
    SavedSolution,
    carry_out,
    merged,
    parameters_of_run,
    plan_of,
    plan_of_transfer,
    plan_of_undo,
    planned,
    read_solution,
    save_solution,
    targets_of,
)
from tweakreg_step.step import TweakRegStep
from tweakreg_step.telescopes.inputs import product_of

if TYPE_CHECKING:
    from tweakreg_step.report import RunResult

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
    if output_dir is not None:
        parameters |= {"output_dir": str(output_dir)}
        parameters.setdefault("save_results", True)
    step = TweakRegStep.configured(exposures, **parameters)
    library = step.run(exposures)
    return replace(step.result, library=library)


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
    move_all: Any = None,
    output_dir: str | Path | None = None,
    **parameters: Any,
) -> AlignmentResult:
    """Let new exposures join a solution; no pixels of the old ones are read.

    It needs the state of the run, ``<product>_tweakreg_state.asdf`` beside the solution, which
    ``save_state=True`` writes.

    Parameters
    ----------
    solution
        The path of the solution.
    exposures
        The new exposures, as for `align`.
    move_all
        None: the old exposures stay fixed, and the new ones are aligned to the sources that they
        have in common. Else the files of the old exposures, whose WCS are read: all is solved as
        if it were aligned at once, with the sources that the state has.
    output_dir
        Folder that the new exposures (all of them with ``move_all``) and the new solution are
        written to; None writes nothing.
    **parameters
        Parameters that differ from those of the run.

    Returns
    -------
    AlignmentResult
        Of the exposures that were aligned; its solution is that of all.

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
    state = read_state(state_path(Path(solution).expanduser().parent, found.product))
    options = parameters_of_run(found) | parameters
    if move_all is not None:
        if found.reference:
            options = {"abs_refcat": found.parameter("abs_refcat")} | options
        return _all_at_once(state, exposures, move_all, output_dir, options)
    sources = sources_of(state)
    sources.meta["name"] = f"sources of {found.product}"
    options["save_solution"] = False  # that of all is written
    result = align(exposures, sources, output_dir=output_dir, **options)
    whole = merged(found, result.solution)
    if output_dir is not None:
        folder = Path(output_dir).expanduser()
        save_solution(whole, folder)
        write_state(state, state_path(folder, found.product))  # for those that join later
    return replace(result, solution=whole)


def _all_at_once(
    state: RunResult,
    exposures: Any,
    old: Any,
    output_dir: str | Path | None,
    options: dict[str, Any],
) -> AlignmentResult:
    """Align old and new exposures, the old ones with the sources of the state."""
    names = [file_of(name) for name in state.images.names]
    before, new = targets_of(old), targets_of(exposures)
    missing = sorted(set(names) - {target.name for target in before})
    if missing or not all(target.path for target in (*before, *new)):
        raise InputError(
            f"All old exposures must be given as files where all shall move, but there are "
            f"{len(before)} of {len(set(names))}; missing: {listed(missing) or 'their files'}. "
            "Give them, or leave out 'move_all' to keep them where they are."
        )
    known = set(names)
    kept = [target for target in before if target.name in known]
    with TemporaryDirectory() as folder:
        catfile = write_state_catalogs(state, [target.name for target in new], Path(folder))
        given = [str(target.path) for target in (*kept, *new)]
        custom = {"use_custom_catalogs": True, "catfile": str(catfile)}
        return align(given, output_dir=output_dir, **(options | custom))


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
