"""Read all exposures of a library: their images, with sources."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tweakreg_step.catalogs import checkpoint_meta, write_checkpoint
from tweakreg_step.core.exceptions import WorkerError
from tweakreg_step.exposures.parallel import Lost, collect_and_freeze
from tweakreg_step.telescopes.choose_mission import group_of_name
from tweakreg_step.telescopes.exposure_file import file_of
from tweakreg_step.telescopes.labels import labels_of
from tweakreg_step.telescopes.library import group_ids, without

from .combine_catalogs import balanced, combine_catalogs, refuse_mixed
from .exposure import (
    OUT_OF_MEMORY,
    UNUSABLE,
    VERSION,
    Exposure,
    ReadTask,
    Refusal,
    exposure_of,
    may_pack,
    read_exposure,
    refusal_of,
)
from .exposure_catalog import Reader, read_checkpoints
from .known_image import bare_image, image_of, known_image, with_sources
from .progress import progress
from .user_lists import custom_catalogs, exclusions_of, warn_untouched, warn_without_catalogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tweakreg_step.core.images import Image
    from tweakreg_step.core.sources import Sources
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.telescopes import Telescope, View
    from tweakreg_step.telescopes.exposure_file import ExposureFile

    from .exposure_catalog import ExposureCatalog
    from .known_image import KnownImage

__all__ = ["Member", "ReadExposures", "known_images", "read_exposures", "with_known"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A usable exposure of a library.

    Attributes
    ----------
    name
        Name of its file.
    telescope
        The mission.
    index
        Its index in the library.
    images
        Indices of its images, among those of all usable exposures.
    """

    name: str
    telescope: Telescope
    index: int
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadExposures:
    """The exposures of a library after reading.

    Attributes
    ----------
    members
        The usable exposures.
    images
        Their images.
    views
        The view that each image was read with; its WCS may be packed.
    kept
        File names of their catalogs; None for the user's own and where none was written.
    left_out
        The sources of each image that can't be used.
    refusals
        The exposures that can't be used.
    unusable
        Indices in the library of those of them that could be opened; others were dropped from it.
    """

    members: list[Member]
    images: list[Image]
    views: list[View]
    kept: list[str | None]
    left_out: list[Sources]
    refusals: list[Refusal]
    unusable: list[int]


class WorkerPool(Protocol):
    """Workers that call a function on tasks: processes, a cluster, or this process."""

    def results(
        self, function: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Index and result of each task, in order of completion; `Lost` where a worker died."""


def read_exposures(
    library: Any,
    names: Sequence[str],
    parameters: Parameters,
    folder: Path,
    pool: WorkerPool | None = None,
) -> ReadExposures:
    """Find the sources of each exposure or read its catalogs, one at a time in each process.

    Parameters
    ----------
    library
        The exposures; those that can't be opened are dropped from it.
    names
        Their file names.
    parameters
        The parameters of the run.
    folder
        Folder in which found catalogs are written if that was requested.
    pool
        Workers that read the exposures in files; None for this process.

    Raises
    ------
    InputError, WorkerError
        If no exposure can be used, or one can't and on_failure='raise'.
    CatalogError, OutputError
        If a catalog of the user can't be used, or one that was found can't be written.
    """
    custom, exclusions = custom_catalogs(parameters, names), exclusions_of(parameters, names)
    folders = dict(zip(names, _catalog_folders(library), strict=True))
    kept = read_checkpoints(folder, names, parameters)
    wanted = parameters.catalogs.use_custom_catalogs
    named = [label.catalog for label in labels_of(library)] if wanted else []
    warn_without_catalogs(parameters, custom, named)
    reader = Reader(parameters, custom, exclusions, folder, folders, kept)
    seen: dict[int, Exposure | Refusal] = {}
    work = _work(library, names, reader, pool)
    for index, result in progress(work, "finding sources", len(names)):
        _raise_or_warn(result, parameters)
        seen[index] = _with_checkpoints(result, parameters)
    _log_resumed(list(seen.values()), parameters)
    read = [one for one in seen.values() if isinstance(one, Exposure)]
    touched = {one.name: any(image.catalog.touched for image in one.images) for one in read}
    warn_untouched(exclusions, touched)
    if None in named:
        given = [image.catalog.given for one in read for image in one.images]
        warn_without_catalogs(parameters, custom, given)
    return _with_sources_of_all(library, [seen[index] for index in range(len(names))], parameters)


def _log_resumed(seen: Sequence[Exposure | Refusal], parameters: Parameters) -> None:
    if parameters.scale.resume:
        found = [one.images if isinstance(one, Exposure) else (None,) for one in seen]
        images = [image for of_one in found for image in of_one]
        reused = sum(image is not None and image.catalog.reused for image in images)
        log.info(
            "Resumed: the catalogs of %d of %d images are those of an earlier run, the others were "
            "made now.",
            reused,
            len(images),
        )


def _work(
    library: Any, names: Sequence[str], reader: Reader, pool: WorkerPool | None
) -> Iterator[tuple[int, Exposure | Refusal]]:
    """Index and result of each exposure: read here if in memory, by the pool if in a file."""
    found = () if pool is None else ((i, file_of(library, i)) for i in range(len(names)))
    away = {index: file for index, file in found if file is not None}
    if pool is not None and away:
        yield from _by_workers(library, names, reader, (pool, list(away.items())))
    with library:
        for index in range(len(names)):
            if index not in away:
                yield index, _read_here(library, index, names[index], reader)
                collect_and_freeze()


def _by_workers(
    library: Any,
    names: Sequence[str],
    reader: Reader,
    work: tuple[WorkerPool, list[tuple[int, ExposureFile]]],
) -> Iterator[tuple[int, Exposure | Refusal]]:
    pool, files = work
    reset = reader.parameters.safety.reset_wcs
    tasks = [
        ReadTask(file, names[index], reader.only(names[index]), reset, VERSION)
        for index, file in files
    ]
    for number, result in _results(pool, tasks):
        index, name = files[number][0], tasks[number].name
        if isinstance(result, Lost):
            error = WorkerError(f"'{name}': {result.reason}")
            yield index, Refusal(name, "worker_died", error, group_of_name(name))
            continue
        if isinstance(result, Exposure) and result.group:
            library.name_group(index, result.group)
            library.read_at(index, result.stamp)
        yield index, result


def _results(pool: WorkerPool, tasks: Sequence[ReadTask]) -> Iterator[tuple[int, Any]]:
    """Number and result of each task; those that lacked memory wait, and are done again alone."""
    waiting = []
    for number, result in pool.results(read_exposure, tasks):
        if isinstance(result, Refusal) and result.code == OUT_OF_MEMORY and len(tasks) > 1:
            waiting.append(number)
        else:
            yield number, result
    for number in waiting:
        log.warning("%s lacked memory: it is read again, alone.", tasks[number].name)
        yield number, next(iter(pool.results(read_exposure, [tasks[number]])))[1]


def _read_here(library: Any, index: int, name: str, reader: Reader) -> Exposure | Refusal:
    try:
        model = library.borrow(index)
    except Exception as error:  # noqa: BLE001 - of whatever library, see `exposure_of`
        return refusal_of(name, error, opened=False)
    try:
        return exposure_of(model, name, reader, reset=reader.parameters.safety.reset_wcs)
    finally:
        library.shelve(model, index, modify=False)


def _raise_or_warn(result: Exposure | Refusal, parameters: Parameters) -> None:
    if not isinstance(result, Refusal):
        return
    if parameters.safety.on_failure == "raise":
        raise result.to_raise()
    log.warning("%s is left out (%s). %s", result.name, result.code, result.error)


def _with_checkpoints(result: Exposure | Refusal, parameters: Parameters) -> Exposure | Refusal:
    """Write found catalogs at once, unless an effective PSF of all exposures refines them later."""
    if isinstance(result, Refusal):
        return result
    images = tuple(
        replace(image, catalog=_written(image.catalog, parameters)) for image in result.images
    )
    return replace(result, images=images)


def _written(catalog: ExposureCatalog, parameters: Parameters) -> ExposureCatalog:
    if catalog.path is None or catalog.stamps is not None or catalog.reused:
        return catalog
    meta = checkpoint_meta(catalog.fingerprint, catalog.fwhm, catalog.sources)
    written = parameters.catalogs.catalog_format
    path = write_checkpoint(catalog.sources, catalog.path, written, meta)
    return replace(catalog, path=path)


def _with_sources_of_all(
    library: Any, seen: Sequence[Exposure | Refusal], parameters: Parameters
) -> ReadExposures:
    """The images of the usable exposures; drops from the library those not opened."""
    groups = group_ids(library)
    pairs = [_with_images(one, group) for one, group in zip(seen, groups, strict=True)]
    for one, before in zip(pairs, seen, strict=True):
        if one is not before and isinstance(one, Refusal):
            _raise_or_warn(one, parameters)
    refusals = [one for one in pairs if isinstance(one, Refusal)]
    if len(refusals) == len(pairs):
        raise refusals[0].to_raise()
    gone = [i for i, one in enumerate(pairs) if isinstance(one, Refusal) and one.code != UNUSABLE]
    without(library, gone)
    left = [one for i, one in enumerate(pairs) if i not in set(gone)]
    good = [(i, *one) for i, one in enumerate(left) if not isinstance(one, Refusal)]
    read = [image for _, exposure, _ in good for image in exposure.images]
    bare = [image for *_, of_one in good for image in of_one]
    units = [image.detector or image.name for image in bare]
    catalogs = combine_catalogs(units, [image.catalog for image in read], parameters)
    images = [
        with_sources(image, catalog.sources, catalog.unused)
        for image, catalog in zip(bare, catalogs, strict=True)
    ]
    if not parameters.safety.reset_wcs:
        images = refuse_mixed(images, [image.view.corrected for image in read])
    return ReadExposures(
        members=_members([(index, exposure) for index, exposure, _ in good]),
        images=images,
        views=[image.view for image in read],
        kept=[None if catalog.path is None else catalog.path.name for catalog in catalogs],
        left_out=[
            catalog.sources[:0] if catalog.left_out is None else catalog.left_out
            for catalog in catalogs
        ],
        refusals=refusals,
        unusable=[i for i, one in enumerate(left) if isinstance(one, Refusal)],
    )


def _with_images(seen: Exposure | Refusal, group: str) -> tuple[Exposure, list[Image]] | Refusal:
    """An exposure with its images, still without their sources, or a refusal."""
    if isinstance(seen, Refusal):
        return seen
    try:
        images = seen.images
        return seen, [
            bare_image(one.name, one.view, group, seen.telescope, one.corrector) for one in images
        ]
    except Exception as error:  # noqa: BLE001 - of a WCS of any kind, see `exposure_of`
        return replace(refusal_of(seen.name, error, opened=True), telescope=seen.telescope)


def _members(exposures: Sequence[tuple[int, Exposure]]) -> list[Member]:
    members, start = [], 0
    for index, exposure in exposures:
        end = start + len(exposure.images)
        images = tuple(range(start, end))
        members.append(Member(exposure.name, exposure.telescope, index, images))
        start = end
    return members


def _catalog_folders(library: Any) -> list[list[Path]]:
    """Folders of the association and of each image, to which catalog paths may be relative."""
    asn_dir = vars(library).get("_asn_dir")  # of stpipe's base class; None for models in memory
    start = [] if asn_dir is None else [Path(asn_dir)]
    members = library.asn["products"][0]["members"]
    return [[*start, Path(*start, member["expname"]).parent] if start else [] for member in members]


def known_images(exposures: ReadExposures) -> list[KnownImage]:
    """The images of exposures that were read, to be written."""
    return [
        known_image(exposures.images[image], exposures.views[image], member.telescope)
        for member in exposures.members
        for image in member.images
    ]


def with_known(
    exposures: ReadExposures, known: Sequence[KnownImage], parameters: Parameters
) -> ReadExposures:
    """The exposures with the images of an earlier run before theirs.

    Parameters
    ----------
    exposures
        The exposures of this run.
    known
        The images of the earlier one, whose files are not opened: they are of no member.
    parameters
        The parameters of the run.
    """
    if not known:
        return exposures
    count = len(known)
    members = [
        replace(member, images=tuple(count + image for image in member.images))
        for member in exposures.members
    ]
    packed = may_pack(parameters)
    images = [*(image_of(one, packed=packed) for one in known), *exposures.images]
    sources = balanced([image.sources for image in images])
    images = [replace(image, sources=own) for image, own in zip(images, sources, strict=True)]
    if not parameters.safety.reset_wcs:
        images = refuse_mixed(images, [image.corrected for image in images])
    unwritten: list[str | None] = [None] * count
    none = [image.sources[:0] for image in images[:count]]
    return replace(
        exposures,
        members=members,
        images=images,
        views=[*(one.view for one in known), *exposures.views],
        kept=unwritten + exposures.kept,
        left_out=none + exposures.left_out,
    )
