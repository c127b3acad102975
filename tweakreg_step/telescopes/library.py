"""Libraries of exposures, in memory or read from disk one at a time, and their copies."""

from __future__ import annotations

import copy
import logging
import shutil
import weakref
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stpipe import Step
from stpipe.library import AbstractModelLibrary, NoGroupID

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.wording import printable
from tweakreg_step.files.names import (
    REPORT_ROOM,
    RESULT_ROOM,
    check_name,
    is_representable,
    safe_name,
)
from tweakreg_step.files.whole_files import check_folder, hidden_name

from .association_file import names_group, read_association
from .choose_mission import group_of_name, open_exposure, telescope_of, telescope_of_file
from .exposure_file import ExposureFile, file_of
from .telescope import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tweakreg_step.files.stamps import Stamp

__all__ = [
    "ExposureLibrary",
    "copy_library",
    "discard",
    "entry_of",
    "file_names",
    "found_groups",
    "group_ids",
    "product_name",
    "without",
]

log = logging.getLogger(__name__)

ASN_WORDS = ("table_name", "asn_pool")
"""Keys of an association that are recorded in its exposures."""

UNNAMED = "model.fits"


def entry_of(model: Any) -> Entry:
    """File name, group and type of a model.

    A model that can't be aligned has no group here; the error comes when it is read.
    """
    try:
        entry = telescope_of(model).entry(model)
    except InputError:
        return Entry(str(getattr(getattr(model, "meta", None), "filename", None) or ""), "")
    return replace(entry, group=printable(str(entry.group)))  # it is shown in lines and tables


class ExposureLibrary(AbstractModelLibrary):
    """Exposures, each of whatever mission, of an association or of models in memory."""

    def __init__(
        self, init: Any, *, on_disk: bool = False, scratch: Path = Path(), **options: Any
    ) -> None:
        self._changes: dict[int, Callable[[Any], None]] = {}
        self._files: dict[int, str] = {}
        self._stamps: dict[int, Stamp] = {}
        folder = _folder_for(self, scratch) if on_disk else None
        super().__init__(init, on_disk=on_disk, temp_directory=folder, **options)

    @property
    def crds_observatory(self) -> str:
        """Name of the first exposure's mission in CRDS."""
        held = self._loaded_models.get(0)
        if held is not None:
            return telescope_of(held).crds_observatory
        path = Path(self._member_to_filename(self._members[0]))
        return telescope_of_file(path).crds_observatory

    def _datamodels_open(self, filename: str | Path, **_options: Any) -> Any:
        return open_exposure(filename)

    def exposure_file(self, index: int) -> ExposureFile | None:
        """File with the current state of an exposure; None if in memory or still to be changed."""
        # _loaded_models, _on_disk and _temp_filenames belong to the base class
        temporary = vars(self).get("_temp_filenames", {}).get(index)
        if temporary is not None:
            return self._exposure_file(index, temporary)
        return self.origin(index) if self.is_untouched(index) else None

    def origin(self, index: int) -> ExposureFile | None:
        """File of an exposure, without its deferred changes; None if it was loaded since."""
        held = self._temp_filenames if self._on_disk else self._loaded_models
        if index in held:
            return None
        path = self._files.get(index) or self._member_to_filename(self._members[index])
        return self._exposure_file(index, path)

    def is_untouched(self, index: int) -> bool:
        """Whether an exposure is unchanged since its file was written."""
        return index not in self._changes and self.origin(index) is not None

    def _exposure_file(self, index: int, path: str | Path) -> ExposureFile:
        return ExposureFile(str(path), dict(self._members[index]), self._words)

    @property
    def _words(self) -> dict[str, str]:
        return {word: str(self._asn[word]) for word in ASN_WORDS if word in self._asn}

    @property
    def keeps_models(self) -> bool:
        """Whether loaded exposures stay in memory."""
        return not self._on_disk

    def defer(self, changes: Mapping[int, Callable[[Any], None]]) -> None:
        """Register changes of exposures, by index, to be made when they are loaded."""
        self._changes = self._changes | dict(changes)

    def read_at(self, index: int, stamp: Stamp | None) -> None:
        """Register the state of an exposure's file when it was read."""
        if stamp is not None:
            self._stamps[index] = stamp

    def stamp_of(self, index: int) -> Stamp | None:
        """State of the file of an exposure when it was read, None where that is not known."""
        return self._stamps.get(index)

    def change_of(self, index: int) -> Callable[[Any], None] | None:
        """Deferred change of an exposure that was not loaded since, None if there is none."""
        return self._changes.get(index)

    def found_at(self, files: Mapping[int, str]) -> None:
        """Register files, by index, that hold exposures with all their changes."""
        self._files = self._files | dict(files)
        self._stamps = {i: s for i, s in self._stamps.items() if i not in files}
        self._changes = {i: c for i, c in self._changes.items() if i not in files}

    def _load_member(self, index: int) -> Any:
        model = cast("ExposureFile", self.origin(index)).open()
        change = self.change_of(index)
        if change is not None:
            change(model)
        self.name_group(index, self._to_group_id(model, index))
        return model

    def name_group(self, index: int, group: str) -> None:
        """Record the group of an exposure that was not known before it was opened."""
        member = self._members[index]
        if not names_group(member["group_id"]):
            member["group_id"] = group

    @classmethod
    def _load_asn(cls, filename: str | Path) -> dict[str, Any]:
        return read_association(Path(filename))

    def _filename_to_group_id(self, filename: str | Path) -> str:  # noqa: ARG002 - base class
        # known when the file is opened: no file is read twice, and a bad one does not stop others
        raise NoGroupID

    def _model_to_group_id(self, model: Any) -> str:
        group = entry_of(model).group
        if not group:
            raise NoGroupID
        return group

    def _model_to_filename(self, model: Any) -> str:
        return entry_of(model).file_name or UNNAMED

    def _model_to_exptype(self, model: Any) -> str:
        return entry_of(model).exptype

    def _assign_member_to_model(self, model: Any, member: dict[str, Any]) -> None:
        with suppress(InputError):  # the error comes when it is read
            telescope_of(model).assign(model, member, self._words)

    def finalize_result(self, step: Any, reference_files_used: list[Any]) -> None:
        """Let a step finish each model, unless it has nothing to do.

        Opening and rewriting each exposure of a library on disk for nothing costs more than the
        alignment.
        """
        if type(step).finalize_result is not Step.finalize_result:
            super().finalize_result(step, reference_files_used)


def group_ids(library: AbstractModelLibrary) -> list[str]:
    """The group of each image."""
    members = library.asn["products"][0]["members"]
    return [printable(str(member["group_id"] or "")) for member in members]


def found_groups(library: AbstractModelLibrary) -> Iterator[str]:
    """The groups of images, one by one; those known without opening a file come first.

    Of the other files only the metadata are read. Files that can't be opened are skipped here; the
    error comes when they are read.
    """
    known = group_ids(library)
    yield from filter(names_group, known)
    for index, group in enumerate(known):
        file = None if names_group(group) else file_of(library, index)
        if file is None:
            continue
        with suppress(InputError), file.open() as model:
            group_found = entry_of(model).group
            if group_found:
                yield group_found


def file_names(library: AbstractModelLibrary, root_of: Callable[[str], str]) -> list[str]:
    """The file name of each image, or its number where it has none.

    Parameters
    ----------
    library
        The images.
    root_of
        The part of a file name's stem that the name of its result starts with.

    Raises
    ------
    InputError
        If two results would have the same name, or a name is not ASCII.
    """
    members = library.asn["products"][0]["members"]
    names = [Path(member["expname"]).name for member in members]
    names = [
        n if n not in {UNNAMED, "", ".."} else f"image{i}.fits" for i, n in enumerate(names, 1)
    ]
    foreign = [name for name in names if not is_representable(name)]
    if foreign:
        raise InputError(
            f"The file name '{printable(foreign[0])}' has characters beyond ASCII, but FITS "
            "headers, which record it, can hold no others. Rename the file."
        )
    for name in names:
        check_name(root_of(Path(name).stem), "The name of an image", RESULT_ROOM)
    roots = [root_of(Path(name).stem) for name in names]
    paths = [member["expname"] for member in members]
    twice = [path for path, root in zip(paths, roots, strict=True) if roots.count(root) > 1]
    exposures = {group_of_name(Path(path).name) for path in twice}
    if len(exposures) == 1 and exposures != {""}:
        raise InputError(
            f"The files {', '.join(map(repr, twice))} are of one exposure, but each may be given "
            "once. Remove all but one."
        )
    if twice:
        raise InputError(
            f"The files {', '.join(map(repr, twice))} would give results of the same name, "
            "but names must differ, apart from suffix and folder: results and catalogs are named "
            "after them. Rename the files (and 'meta.filename' of models in memory)."
        )
    return names


def product_name(library: AbstractModelLibrary, otherwise: str) -> str:
    """The name of the association's product, as a file can have it; ``otherwise`` if it has none.

    Raises
    ------
    InputError
        If no file can be called so.
    """
    products = library.asn.get("products") or [{}]
    given = str(products[0].get("name") or "").strip()
    if not given:
        return otherwise
    check_name(given, "The name of the association's product", REPORT_ROOM)
    name = safe_name(given) or otherwise
    if name != given:
        log.warning(
            "The association's product is called '%s', which is no name of a file in the output "
            "folder: reports are called after '%s'.",
            *(printable(given), name),
        )
    return name


def without(library: AbstractModelLibrary, indices: Collection[int]) -> None:
    """Remove exposures from a closed library; the others get new indices.

    stpipe has no method for it.
    """
    if not indices:
        return
    own = cast("Any", library)
    kept = [index for index in range(len(library)) if index not in indices]
    number = {old: new for new, old in enumerate(kept)}
    own._members[:] = [own._members[index] for index in kept]  # noqa: SLF001 - as copy_library
    for part in ("_loaded_models", "_temp_filenames", "_changes", "_files", "_stamps"):
        if part in vars(library):
            held = vars(library)[part].items()
            vars(library)[part] = {number[i]: value for i, value in held if i in number}


def _folder_for(library: Any, scratch: Path) -> Path:
    """A folder for changed exposures of a library on disk, removed when the library is deleted.

    stpipe makes it when the first one is written.

    (Folders of the class TemporaryDirectory warn when they are collected with a library.)
    """
    check_folder(scratch)
    folder = hidden_name(scratch.absolute())
    vars(library)["_end"] = weakref.finalize(library, shutil.rmtree, folder, ignore_errors=True)
    return folder


def discard(library: AbstractModelLibrary) -> None:
    """Remove the temporary files of a library now, not when it is deleted."""
    end = vars(library).get("_end")
    if end is not None:
        end()


def copy_library(library: AbstractModelLibrary, scratch: Path) -> AbstractModelLibrary:
    """A library of the same type whose models can be changed without changing the original.

    stpipe's libraries have no method for it. Models in memory are copied; those on disk are read
    from their files and written into a folder of the copy, inside ``scratch``.
    """
    # _asn, _ledger, _loaded_models, _members, _on_disk and _temp_* belong to the base class
    twin = cast("Any", copy.copy(library))
    twin._ledger = type(twin._ledger)()  # noqa: SLF001
    twin._asn = copy.deepcopy(twin._asn)  # noqa: SLF001
    twin._members = twin._asn["products"][0]["members"]  # noqa: SLF001
    if twin._on_disk:  # noqa: SLF001
        vars(twin).pop("_temp_dir", None)  # the original alone removes its folder,
        vars(twin).update(
            _original=library, _temp_path=_folder_for(twin, scratch)
        )  # and not too early
        twin._temp_filenames = dict(twin._temp_filenames)  # noqa: SLF001
    else:
        loaded = twin._loaded_models.items()  # noqa: SLF001
        twin._loaded_models = {i: model.copy() for i, model in loaded}  # noqa: SLF001
    return cast("AbstractModelLibrary", twin)
