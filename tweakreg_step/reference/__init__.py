"""Reference catalogs at the epoch of observation."""

from __future__ import annotations

from .file import read_reference

__all__ = ["read_reference"]
