"""Work for other processes and machines: what is said there, signals, memory given back."""

from __future__ import annotations

from .dask import Cluster, connected
from .garbage import held, released, set_apart
from .processes import Alone, Lost, Workers, worker_count
from .signals import ended_by_terminate

__all__ = [
    "Alone",
    "Cluster",
    "Lost",
    "Workers",
    "connected",
    "ended_by_terminate",
    "held",
    "released",
    "set_apart",
    "worker_count",
]
