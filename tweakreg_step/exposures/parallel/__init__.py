"""Work in other processes and on other machines: workers, their log, signals, freed memory."""

from __future__ import annotations

from .dask import Cluster, connected
from .garbage_collection import collect_and_freeze, collection_limited, cycles_collected
from .processes import InProcess, Lost, Workers, worker_count
from .signals import ended_by_terminate

__all__ = [
    "Cluster",
    "InProcess",
    "Lost",
    "Workers",
    "collect_and_freeze",
    "collection_limited",
    "connected",
    "cycles_collected",
    "ended_by_terminate",
    "worker_count",
]
