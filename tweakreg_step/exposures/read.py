"""Exposures -> correctors with catalogs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from astropy.table import Table
from tqdm import tqdm

from tweakreg_step.catalogs import seal, write_checkpoint
from tweakreg_step.core.exceptions import InputError, WorkerError
from tweakreg_step.exposures.parallel import Lost, set_apart
from tweakreg_step.telescopes.jwst import group_ids, without

from .combine_catalogs import combine_catalogs, refuse_mixed
from .exposure import UNUSABLE, VERSION, Exposure, Order, Refusal, exposure_of, fetch, refusal_of
from .exposure_catalog import Reader, custom_catalogs, exclusions_of, kept_catalogs, tell_untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tweakreg_step.parameters import Parameters
    from tweakreg_step.telescopes import Telescope
    from tweakreg_step.telescopes.jwst import Place

__all__ = ["Found", "read_exposures"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The exposures of a library, read.

    Attributes
    ----------
    correctors
        A tweakwcs corrector for each exposure that takes part, with its catalog in ``meta``.
    kept
        Names of the files of their catalogs; None for those that were given, or are not kept.
    indices
        Where they are in the library.
    refusals
        The exposures that can't take part.
    unusable
        Where those of them are in the library that could be read; it has lost the others.
    """

    correctors: list[Any]
    kept: list[str | None]
    indices: list[int]
    refusals: list[Refusal]
    unusable: list[int]


class Crew(Protocol):
    """Who does the work on exposures that are files."""

    def results(
        self, function: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Number and result of each task, in the order in which they are done, `Lost` or not."""


def read_exposures(
    library: Any,
    names: Sequence[str],
    telescope: Telescope,
    parameters: Parameters,
    folder: Path,
    crew: Crew | None = None,
) -> Found:
    """Make or read the catalog of each exposure, one exposure at a time in each process.

    Parameters
    ----------
    library
        The exposures; those that can't be read are dropped.
    names
        Their names.
    telescope
        Their mission.
    parameters
        Of the run.
    folder
        Where found catalogs are written if that was asked for.
    crew
        Who reads the exposures that are files; None for this process.

    Raises
    ------
    InputError, WorkerError
        If no exposure can be used, or one can't and on_failure='raise'.
    CatalogError, OutputError
        If a catalog that was given can't be used, or one that was found not be written.
    """
    custom, exclusions = custom_catalogs(parameters, names), exclusions_of(parameters, names)
    homes = dict(zip(names, _homes(library), strict=True))
    kept = kept_catalogs(folder, names, parameters)
    reader = Reader(telescope, parameters, custom, exclusions, folder, homes, kept)
    seen: dict[int, Exposure | Refusal] = {}
    work = _work(library, names, reader, crew)
    for index, result in tqdm(
        work, "finding sources", total=len(names), unit="image", disable=None
    ):
        _stop_if_unwanted(result, parameters)
        seen[index] = _written(result, parameters)
    _tell_resumed(list(seen.values()), parameters)
    read = [one for one in seen.values() if isinstance(one, Exposure)]
    tell_untouched(exclusions, {one.name: one.catalog.touched for one in read})
    return _found(library, [seen[index] for index in range(len(names))], telescope, parameters)


def _tell_resumed(seen: Sequence[Exposure | Refusal], parameters: Parameters) -> None:
    if parameters.scale.resume:
        reused = sum(isinstance(one, Exposure) and one.catalog.reused for one in seen)
        log.info(
            "Resumed: the catalogs of %d of %d images are those of an earlier run, the others were "
            "made now.",
            reused,
            len(seen),
        )


def _work(
    library: Any, names: Sequence[str], reader: Reader, crew: Crew | None
) -> Iterator[tuple[int, Exposure | Refusal]]:
    """Index and result of each exposure: here for those in memory, by the crew for files."""
    place_of = getattr(library, "place", None)
    places = {} if crew is None or place_of is None else {i: place_of(i) for i in range(len(names))}
    away = [index for index, place in places.items() if place is not None]
    if crew is not None and away:
        yield from _by_crew(library, names, reader, (crew, [(i, places[i]) for i in away]))
    with library:
        for index in range(len(names)):
            if index not in away:
                yield index, _here(library, index, names[index], reader)
                set_apart()


def _by_crew(
    library: Any,
    names: Sequence[str],
    reader: Reader,
    work: tuple[Crew, list[tuple[int, Place]]],
) -> Iterator[tuple[int, Exposure | Refusal]]:
    crew, places = work
    reset = reader.parameters.safety.reset_wcs
    orders = [
        Order(place, names[index], reader.only(names[index]), reset, VERSION)
        for index, place in places
    ]
    for number, result in crew.results(fetch, orders):
        index, name = places[number][0], orders[number].name
        if isinstance(result, Lost):
            yield index, Refusal(name, "worker_died", WorkerError(f"'{name}': {result.reason}"))
            continue
        if isinstance(result, Exposure) and result.group:
            library.name_group(index, result.group)
        yield index, result


def _here(library: Any, index: int, name: str, reader: Reader) -> Exposure | Refusal:
    try:
        model = library.borrow(index)
    except Exception as error:  # noqa: BLE001 - of whatever library, see `exposure_of`
        return refusal_of(name, error, opened=False)
    try:
        return exposure_of(model, name, reader, reset=reader.parameters.safety.reset_wcs)
    finally:
        library.shelve(model, index, modify=False)


def _stop_if_unwanted(result: Exposure | Refusal, parameters: Parameters) -> None:
    if not isinstance(result, Refusal):
        return
    if parameters.safety.on_failure == "raise":
        raise result.to_raise()
    log.warning("%s is left out (%s). %s", result.name, result.code, result.error)


def _written(result: Exposure | Refusal, parameters: Parameters) -> Exposure | Refusal:
    """Keep a catalog as soon as it is there, unless all exposures together refine it."""
    if isinstance(result, Refusal) or result.catalog.path is None:
        return result
    catalog, written = result.catalog, parameters.catalogs.catalog_format
    if catalog.stamps is not None or catalog.reused:
        return result
    meta = seal(catalog.mark, catalog.fwhm, catalog.sources)
    path = write_checkpoint(catalog.sources, result.catalog.path, written, meta)
    return replace(result, catalog=replace(catalog, path=path))


def _found(
    library: Any, seen: Sequence[Exposure | Refusal], telescope: Telescope, parameters: Parameters
) -> Found:
    """The correctors of the exposures that take part; the library loses what can't be read."""
    groups = group_ids(library)
    pairs = [_corrector(one, group, telescope) for one, group in zip(seen, groups, strict=True)]
    for one, before in zip(pairs, seen, strict=True):
        if one is not before and isinstance(one, Refusal):
            _stop_if_unwanted(one, parameters)
    refusals = [one for one in pairs if isinstance(one, Refusal)]
    if len(refusals) == len(pairs):
        raise refusals[0].to_raise()
    gone = [i for i, one in enumerate(pairs) if isinstance(one, Refusal) and one.code != UNUSABLE]
    without(library, gone)
    left = [one for i, one in enumerate(pairs) if i not in set(gone)]
    good = [one for one in pairs if not isinstance(one, Refusal)]
    correctors = [corrector for _, corrector in good]
    paths = combine_catalogs(correctors, [exposure.catalog for exposure, _ in good], parameters)
    if not parameters.safety.reset_wcs:
        refuse_mixed(correctors, [exposure.view.corrected for exposure, _ in good])
    return Found(
        correctors=correctors,
        kept=[None if path is None else path.name for path in paths],
        indices=[i for i, one in enumerate(left) if not isinstance(one, Refusal)],
        refusals=refusals,
        unusable=[i for i, one in enumerate(left) if isinstance(one, Refusal)],
    )


def _corrector(
    seen: Exposure | Refusal, group: str, telescope: Telescope
) -> tuple[Exposure, Any] | Refusal:
    """An exposure with its corrector, or why it has none."""
    if isinstance(seen, Refusal):
        return seen
    try:
        return seen, telescope.corrector(seen.view, Table(), seen.name, group)
    except InputError as error:
        return refusal_of(seen.name, error, opened=True)


def _homes(library: Any) -> list[list[Path]]:
    """The folders of the association and of each image, where the names of catalogs may start."""
    asn_dir = vars(library).get("_asn_dir")  # of stpipe's base class; None for models in memory
    start = [] if asn_dir is None else [Path(asn_dir)]
    members = library.asn["products"][0]["members"]
    return [[*start, Path(*start, member["expname"]).parent] if start else [] for member in members]
