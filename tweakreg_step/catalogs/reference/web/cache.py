"""Cache of the answers of catalog services, on disk."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from astropy.config.paths import get_cache_dir
from astropy.table import Table

from tweakreg_step.catalogs.reference.footprint import Circle
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.files.whole_files import check_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cache", "Entry"]

log = logging.getLogger(__name__)

SUFFIX = ".answer"
NAME = re.compile(r"_(\d{1,3}\.\d{6})_([-+]\d{1,2}\.\d{6})_(\d{1,3}\.\d{6})", re.ASCII)
"""The end of an entry's name: RA, DEC and radius of its circle [deg]."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer: ``table``, text of the ``query``, ``release`` of the catalog, ``date``."""

    table: Table
    query: str
    release: str
    date: str


@dataclass(frozen=True, slots=True)
class Cache:
    """Cache in a folder; an entry is a file, named after catalog, service and circle.

    Attributes
    ----------
    folder
        The folder; it need not exist yet.
    """

    folder: Path

    @classmethod
    def at(cls, folder: str) -> Cache:
        """The cache in a folder, by default one in astropy's cache."""
        if folder:
            return cls(Path(folder).expanduser())
        return cls(Path(get_cache_dir()) / "tweakreg_step")

    def find(self, catalog: str, service: str, circle: Circle) -> Entry | None:
        """A cached answer that covers a circle, or None.

        Damaged entries are skipped, with a warning.
        """
        covering = [(c.radius, p) for p, c in self._entries(catalog, service) if c.holds(circle)]
        found = (_read(path) for _, path in sorted(covering))
        return next((entry for entry in found if entry), None)

    def keep(self, catalog: str, service: str, circle: Circle, entry: Entry) -> None:
        """Store an answer; a failure is logged as a warning."""
        text = io.StringIO()
        entry.table.write(text, format="ascii.ecsv")
        body = text.getvalue()
        head = {"query": entry.query, "release": entry.release, "date": entry.date}
        line = json.dumps(head | {"sha256": _digest(body)})
        where = f"_{circle.ra:.6f}_{circle.dec:+.6f}_{circle.radius:.6f}{SUFFIX}"
        path = self.folder / f"{_stem(catalog, service)}{where}"
        try:
            check_folder(self.folder)
            write_whole(path, lambda draft: draft.write_text(f"{line}\n{body}", encoding="utf-8"))
        except OutputError as error:
            log.warning("The answer of %s is not kept for the next run: %s", catalog, error)

    def _entries(self, catalog: str, service: str) -> Iterator[tuple[Path, Circle]]:
        for path in sorted(self.folder.glob(f"{_stem(catalog, service)}_*{SUFFIX}")):
            start = len(_stem(catalog, service))
            if match := NAME.fullmatch(path.stem, start):  # others are of somebody else
                yield path, Circle(*map(float, match.groups()))


def _stem(catalog: str, service: str) -> str:
    """Start of an entry's file name: name of the catalog, digest of catalog and service."""
    letters = re.sub(r"[^a-z0-9]+", "-", catalog.lower())[-24:].strip("-")
    return f"{letters}-{_digest(f'{catalog} {service}')[:12]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(text: str) -> Entry:
    line, body = text.split("\n", 1)
    head = json.loads(line)
    if head["sha256"] != _digest(body):
        raise ValueError("its check sum is wrong")
    table = Table.read(body.splitlines(), format="ascii.ecsv")  # a text might be a name
    if not {"RA", "DEC"} <= set(table.colnames):
        raise ValueError("it has no positions")
    return Entry(table, head["query"], head["release"], head["date"])


def _read(path: Path) -> Entry | None:
    try:
        return _entry(path.read_text(encoding="utf-8"))
    except Exception as error:  # noqa: BLE001 - readers raise whatever they like on a broken file
        log.warning(
            "The kept answer '%s' is damaged (%s): the service is asked again. Delete the file if "
            "this is said in every run.",
            path,
            error,
        )
        return None
