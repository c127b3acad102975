"""Read one exposure, in this process or a worker: its source catalog, WCS and group."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError, TweakregError, WorkerError
from tweakreg_step.core.memory import is_shortage
from tweakreg_step.exposures.parallel import cycles_collected
from tweakreg_step.files.names import image_name
from tweakreg_step.files.stamps import stamp_of
from tweakreg_step.telescopes.choose_mission import group_of_name, missions, telescope_of
from tweakreg_step.telescopes.library import entry_of
from tweakreg_step.telescopes.wcs import packed_corrector

from .image_checks import check_view

if TYPE_CHECKING:
    from tweakreg_step.files.stamps import Stamp
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.telescopes import OpenImage, Telescope, View
    from tweakreg_step.telescopes.exposure_file import ExposureFile
    from tweakreg_step.telescopes.wcs import PackedCorrector

    from .exposure_catalog import ExposureCatalog, Reader

__all__ = [
    "OUT_OF_MEMORY",
    "UNUSABLE",
    "VERSION",
    "Exposure",
    "ExposureImage",
    "ReadTask",
    "Refusal",
    "exposure_of",
    "may_pack",
    "read_exposure",
    "refusal_of",
]

VERSION = version("tweakreg-step")

OUT_OF_MEMORY = "out_of_memory"
"""Code of an exposure for which the memory did not suffice: nothing is wrong with its file."""

UNUSABLE = "unusable"
"""Code of an exposure that could be opened but can't be aligned, as one without a WCS."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExposureImage:
    """What the alignment needs of an image; no pixels.

    Attributes
    ----------
    name
        Name of its file, with its label where the file holds several images.
    catalog
        Its sources.
    view
        Its WCS, pointing angles and epoch.
    corrector
        What stands for its corrector, with the view, whose WCS is then packed; None where that of
        tweakwcs is needed.
    """

    name: str
    catalog: ExposureCatalog
    view: View
    corrector: PackedCorrector | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """An exposure: the images of one file.

    Attributes
    ----------
    name
        Name of its file.
    group
        Group of exposures that it belongs to; '' where its metadata name none.
    telescope
        The mission.
    images
        One or more images, which belong to the same group.
    stamp
        State of the file before it was read, None for a model in memory.
    """

    name: str
    group: str
    telescope: Telescope
    images: tuple[ExposureImage, ...]
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exposure that can't be used.

    Attributes
    ----------
    name
        Name of its file.
    code
        'unreadable', 'unusable', 'out_of_memory' or 'worker_died'.
    error
        The reason.
    group
        Group of exposures that it belongs to; '' where that is not known.
    telescope
        The mission, None where that is not known or not supported.
    """

    name: str
    code: str
    error: TweakregError
    group: str = ""
    telescope: Telescope | None = None

    def to_raise(self) -> TweakregError:
        """A copy of the error: the traceback of the original would keep its frames in memory."""
        return type(self.error)(*self.error.args)


@dataclass(frozen=True, slots=True)
class ReadTask:
    """The input of `read_exposure`, sent to worker processes; no pixels.

    Attributes
    ----------
    file
        File of the exposure, with the entries of its association.
    name
        Name of its file.
    reader
        Parameters and catalogs for reading it.
    reset
        Whether corrections of earlier alignments are ignored.
    version
        Version of this package: others may find other sources.
    """

    file: ExposureFile
    name: str
    reader: Reader
    reset: bool
    version: str


def read_exposure(task: ReadTask) -> Exposure | Refusal:
    """Open an exposure and read it; a `Refusal` if it can't be used.

    Raises
    ------
    WorkerError
        If this process has another version of the package.
    CatalogError, OutputError
        If the user's catalog for it can't be used, or the one found can't be written.
    """
    if task.version != VERSION:
        raise WorkerError(
            f"A worker has version {VERSION} of tweakreg_step and this process {task.version},"
            " but all must have the same, or results would differ. Install the same everywhere."
        )
    with cycles_collected():
        return _read(task)


def _read(task: ReadTask) -> Exposure | Refusal:
    if not Path(task.file.path).is_file():  # it was there when the run began
        return refusal_of(task.name, InputError(_out_of_sight(task)), opened=False)
    stamp = stamp_of(task.file.path)
    try:
        model = task.file.open_to_read()
    except Exception as error:  # noqa: BLE001 - as `exposure_of`, and one must not stop the others
        return refusal_of(task.name, error, opened=False)
    with model:
        result = exposure_of(model, task.name, task.reader, reset=task.reset)
    return replace(result, stamp=stamp) if isinstance(result, Exposure) else result


def _out_of_sight(task: ReadTask) -> str:
    return (
        f"'{task.file.path}' is not there for the process that works on it, on "
        f"'{platform.node()}'. Workers on other machines must see the files under the same paths; "
        "files must stay where they are while the step runs."
    )


def exposure_of(model: Any, name: str, reader: Reader, *, reset: bool) -> Exposure | Refusal:
    """Read an open exposure; a `Refusal` if it can't be used.

    Raises
    ------
    CatalogError, OutputError
        If the user's catalog for it can't be used, or the one found can't be written.
    """
    telescope = None
    try:
        telescope = telescope_of(model)
        telescope.check(model, name)
        opened = telescope.images(model)
        if opened:
            reader.check([image_name(name, image.label) for image in opened])
        images = tuple(_image_of(image, name, reader, reset=reset) for image in opened)
        if may_pack(reader.parameters):
            images = tuple(_packed(image, telescope) for image in images)
    # damaged files raise anything when their arrays are read, and must not stop the others
    except Exception as error:
        if isinstance(error, TweakregError) and not isinstance(error, InputError):
            raise
        refusal = refusal_of(name, error, opened=True)
        return replace(refusal, group=_group(model) or refusal.group, telescope=telescope)
    return Exposure(name, _group(model), telescope, images)


def _image_of(image: OpenImage, file_name: str, reader: Reader, *, reset: bool) -> ExposureImage:
    name = image_name(file_name, image.label)
    view = image.view(reset=reset)
    check_view(view, image.bounding_box, image.to_sky, name)
    return ExposureImage(name, reader.catalog(image, name), view)


def may_pack(parameters: Parameters) -> bool:
    """Whether packed correctors will do: the other methods hand those of tweakwcs to tweakwcs."""
    return parameters.method.align_method == "global"


def _packed(image: ExposureImage, telescope: Telescope) -> ExposureImage:
    """The image with its WCS as bytes and numbers, where these are enough."""
    corrector = packed_corrector(image.view, telescope, image.name)
    if corrector is None:
        return image
    return replace(image, view=corrector.view, corrector=corrector)


def _group(model: Any) -> str:
    try:
        return entry_of(model).group
    except Exception:  # noqa: BLE001 - metadata of a damaged file may raise anything: no group
        return ""


def refusal_of(name: str, error: Exception, *, opened: bool) -> Refusal:
    """The refusal of an exposure, from the error that reading it raised."""
    group = group_of_name(name)
    log.debug("%s: %s", name, error, exc_info=error)
    if is_shortage(error):
        return Refusal(
            name,
            OUT_OF_MEMORY,
            WorkerError(
                f"There was not enough memory to work on '{name}'. An image needs about ten times "
                "the size of its data. Lower 'n_workers', set in_memory=False, or use a machine "
                "with more memory."
            ),
            group,
        )
    if isinstance(error, InputError):
        known = error if name in str(error) else InputError(f"'{name}': {error}")
        return Refusal(name, UNUSABLE if opened else "unreadable", known, group)
    lines = str(error).splitlines() or [""]
    return Refusal(
        name,
        "unreadable",
        InputError(
            f"'{name}' can't be read: {type(error).__name__}: {lines[0].rstrip('.')}. It must be a "
            f"whole {missions('or')} exposure. Remove it from the input, or fetch it again if it "
            "is damaged."
        ),
        group,
    )
