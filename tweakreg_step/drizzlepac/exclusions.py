"""TweakReg's list of exclusions, which may name the reference image beside those of the input."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tweakreg_step.catalogs import read_catfile
from tweakreg_step.files.names import file_of
from tweakreg_step.sources.regions import Exclusions, read_exclusions

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["exclusions_for"]


@contextmanager
def exclusions_for(given: str, outside: Path | None) -> Iterator[tuple[str, dict[str, Exclusions]]]:
    """The list for the images of the input, and the regions of the reference image.

    Parameters
    ----------
    given
        Path of the list; '' for none.
    outside
        The reference image, None where it is one of the input.

    Yields
    ------
    str
        Path of the list without the reference image, valid inside of the context.
    dict
        The regions of the reference image, by image.
    """
    if not given or outside is None:
        yield given, {}
        return
    path = Path(given).expanduser()
    files = read_catfile(path, "exclusions file", "region file")
    own = {name: file for name, file in files.items() if file_of(name) == outside.name}
    regions = {name: read_exclusions(file) for name, file in own.items() if file is not None}
    if not own:
        yield given, {}
        return
    with TemporaryDirectory() as folder:
        rest = {name: file for name, file in files.items() if name not in own}
        lines = [f"{name} {file.absolute() if file else 'None'}\n" for name, file in rest.items()]
        part = Path(folder) / path.name
        part.write_text("".join(lines), encoding="utf-8")
        yield str(part) if lines else "", regions
