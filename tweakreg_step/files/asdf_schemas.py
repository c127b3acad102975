"""Schemas of ASDF that are read once, not each time that a tree is checked before it is written."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import asdf.schema
import yaml
from asdf.yamlutil import AsdfLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["schemas_remembered"]

_ONE_AT_A_TIME = Lock()


@contextmanager
def schemas_remembered() -> Iterator[None]:
    """Let asdf keep the schemas that it checks a tree against, for trees that are checked later.

    By itself it reads some thirty files anew for each tree with a WCS: half of the time that the
    check takes. They are known by their content: another one of the same name is read.
    """
    with _ONE_AT_A_TIME:
        by_itself = asdf.schema._make_schema_loader  # noqa: SLF001 - asdf has no other way
        asdf.schema._make_schema_loader = lambda: _remembering(by_itself())  # noqa: SLF001
        try:
            yield
        finally:
            asdf.schema._make_schema_loader = by_itself  # noqa: SLF001


def _remembering(load: Any) -> Any:
    def schema(url: str) -> tuple[Any, str]:
        known = asdf.get_config().resource_manager
        return (_read(known[url]), url) if url in known else load(url)

    return schema


@lru_cache(1024)
def _read(content: bytes) -> Any:
    return yaml.load(content, Loader=AsdfLoader)  # noqa: S506 - as asdf does; a safe loader
