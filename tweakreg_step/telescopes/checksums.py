"""Checksums in the files of models that were read with some: made anew when they are saved.

stdatamodels keeps the cards of checksums like any other that its schemas do not know, so that what
it saves has those of the file before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["saved_with_checksums"]

KEYWORDS = {"CHECKSUM", "DATASUM"}


def saved_with_checksums(
    model: Any, save: Callable[..., object], **options: Any
) -> Callable[[Path], None]:
    """A function that saves a model at a path, with checksums that are right if it has any.

    Parameters
    ----------
    model
        The model.
    save
        Writes it to a path.
    **options
        Of `save`.
    """

    def saved(path: Path) -> None:
        save(path, **options)
        if path.suffix == ".fits" and _has_checksums(model):
            with fits.open(path, mode="update") as hdus:
                for hdu in hdus:
                    hdu.add_checksum()

    return saved


def _has_checksums(model: Any) -> bool:
    tree = getattr(model, "instance", None)
    extra = tree.get("extra_fits") if isinstance(tree, dict) else None
    cards = [card for part in (extra or {}).values() for card in part.get("header", ())]
    return any(str(card[0]) in KEYWORDS for card in cards)
