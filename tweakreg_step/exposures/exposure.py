"""One exposure -> what the alignment needs of it: the work that can be done anywhere."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError, TweakregError, WorkerError
from tweakreg_step.exposures.parallel import released
from tweakreg_step.telescopes.jwst import group_of_model

if TYPE_CHECKING:
    from tweakreg_step.telescopes import View
    from tweakreg_step.telescopes.jwst import Place

    from .exposure_catalog import ExposureCatalog, Reader

__all__ = [
    "UNUSABLE",
    "VERSION",
    "Exposure",
    "Order",
    "Refusal",
    "exposure_of",
    "fetch",
    "refusal_of",
]

VERSION = version("tweakreg-step")

UNUSABLE = "unusable"
"""Code of an exposure that could be read, but has not what an alignment needs."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exposure:
    """An exposure as the alignment sees it: everything but its pixels.

    Attributes
    ----------
    name
        Of its file.
    group
        That it moves with; '' where its own metadata name none.
    catalog
        Its sources.
    view
        How it looks at the sky.
    """

    name: str
    group: str
    catalog: ExposureCatalog
    view: View


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exposure that can't take part.

    Attributes
    ----------
    name
        Of its file.
    code
        'unreadable', 'unusable', 'out_of_memory' or 'worker_died'.
    error
        What is wrong with it.
    group
        That it would have moved with; '' where that is not known.
    """

    name: str
    code: str
    error: TweakregError
    group: str = ""

    def to_raise(self) -> TweakregError:
        """The error, new: one that is kept would keep alive what its traceback has seen."""
        return type(self.error)(*self.error.args)


@dataclass(frozen=True, slots=True)
class Order:
    """The work on one exposure, to be done in any process; no pixels.

    Attributes
    ----------
    place
        Where the exposure is.
    name
        Of its file.
    reader
        How it is read.
    reset
        Whether corrections of earlier alignments are ignored.
    version
        Of this package: other versions may find other sources.
    """

    place: Place
    name: str
    reader: Reader
    reset: bool
    version: str


def fetch(order: Order) -> Exposure | Refusal:
    """Open an exposure and do the work on it; what is wrong with it is an answer, no error.

    Raises
    ------
    WorkerError
        If this process has another version of the package.
    CatalogError, OutputError
        If what the user gave for it can't be used.
    """
    if order.version != VERSION:
        raise WorkerError(
            f"A worker has version {VERSION} of tweakreg_step and this process {order.version},"
            " but all must have the same, or results would differ. Install the same everywhere."
        )
    with released():
        return _fetched(order)


def _fetched(order: Order) -> Exposure | Refusal:
    if not Path(order.place.path).is_file():  # it was there when the run began
        return refusal_of(order.name, InputError(_out_of_sight(order)), opened=False)
    try:
        model = order.place.open()
    except Exception as error:  # noqa: BLE001 - as `exposure_of`, and one must not stop the others
        return refusal_of(order.name, error, opened=False)
    with model:
        return exposure_of(model, order.name, order.reader, reset=order.reset)


def _out_of_sight(order: Order) -> str:
    return (
        f"'{order.place.path}' is not there for the process that works on it, on "
        f"'{platform.node()}'. Workers on other machines must see the files under the same paths; "
        "files must stay where they are while the step runs."
    )


def exposure_of(model: Any, name: str, reader: Reader, *, reset: bool) -> Exposure | Refusal:
    """What the alignment needs of an open exposure, or why it can't be had.

    Raises
    ------
    CatalogError, OutputError
        If what the user gave for it can't be used.
    """
    try:
        reader.telescope.check(model, name)
        catalog = reader.catalog(model, name)
        view = reader.telescope.view(model, reset=reset)
    # damaged files raise anything when their arrays are read, and must not stop the others
    except Exception as error:
        if isinstance(error, TweakregError) and not isinstance(error, InputError):
            raise
        return replace(refusal_of(name, error, opened=True), group=_group(model))
    return Exposure(name, _group(model), catalog, view)


def _group(model: Any) -> str:
    try:
        return group_of_model(model)
    except Exception:  # noqa: BLE001 - of stpipe, which this module does not know: no group
        return ""


def refusal_of(name: str, error: Exception, *, opened: bool) -> Refusal:
    """The refusal of an exposure for an error that its reading has raised."""
    if isinstance(error, InputError):
        known = error if name in str(error) else InputError(f"'{name}': {error}")
        return Refusal(name, UNUSABLE if opened else "unreadable", known)
    log.debug("%s: %s", name, error, exc_info=error)
    if isinstance(error, MemoryError):
        return Refusal(
            name,
            "out_of_memory",
            WorkerError(
                f"There was not enough memory to work on '{name}'. An image needs about ten times "
                "the size of its data. Lower 'n_workers', or set in_memory=False."
            ),
        )
    lines = str(error).splitlines() or [""]
    return Refusal(
        name,
        "unreadable",
        InputError(
            f"'{name}' can't be read: {type(error).__name__}: {lines[0].rstrip('.')}. It must be a "
            "whole JWST exposure. Remove it from the input, or fetch it again if it is damaged."
        ),
    )
