"""Workers of a dask cluster, on other machines; the same interface as in `processes`."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import TweakregError, WorkerError

from .log_capture import captured_log, replay
from .processes import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Cluster", "connected"]

log = logging.getLogger("tweakreg_step")

PATIENCE = 10.0  # seconds to wait for an answer of the scheduler


class Cluster:
    """Workers of a dask cluster; the tasks of a lost worker are done again by another.

    Parameters
    ----------
    client
        A connected ``dask.distributed.Client``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def results(
        self, function: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Call a function on each task.

        Parameters
        ----------
        function
            Function of one task; importable by its name on the workers.
        tasks
            Tasks that can be pickled, as their results.

        Yields
        ------
        int, object
            Index of a task and its result, in order of completion; `Lost` where several workers
            were lost with it.
        """
        from distributed import KilledWorker, as_completed  # noqa: PLC0415 - an extra
        from distributed.comm import CommClosedError  # noqa: PLC0415

        level = log.getEffectiveLevel()
        futures = [  # pure=False: files may have changed since the same task was done before
            self._client.submit(captured_log, function, task, level, pure=False) for task in tasks
        ]
        number = {future.key: position for position, future in enumerate(futures)}
        try:
            for future in as_completed(futures, loop=self._client.loop):
                try:
                    result = replay(future.result())
                except KilledWorker as error:
                    result = Lost(
                        f"The cluster lost one worker after another with it ({error}); most often "
                        "the memory does not suffice. Give the workers more, or remove the image "
                        "from the input if the file is damaged."
                    )
                except TweakregError:
                    raise
                except (CancelledError, CommClosedError) as error:
                    raise WorkerError(
                        f"The scheduler was lost: {error}. Start it again, and go on with "
                        "resume=True if catalogs were saved."
                    ) from error
                except Exception as error:  # of dask or of a worker's environment
                    raise WorkerError(
                        f"The cluster can't do the work: {type(error).__name__}: {error} Its "
                        "scheduler and all workers must have this package in the same version, and "
                        "what it needs. Install it there, or use 'n_workers'."
                    ) from error
                yield number[future.key], result
        finally:
            self._client.cancel(futures)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster of a scheduler, as ``tcp://host:8786``.

    Raises
    ------
    WorkerError
        If dask is not installed, or the scheduler does not answer.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WorkerError(
            f"'scheduler' is '{address}', but dask is not installed: {error}. It needs the extra "
            "'dask': pip install distributed, here and on the workers. Or use "
            "'n_workers', which needs nothing."
        ) from error
    try:
        # a client waits without end for one that takes connections and says nothing
        with ThreadPoolExecutor(1) as aside:  # a notebook's thread has a loop that is running
            aside.submit(asyncio.run, _handshake(address)).result()
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:  # whatever the transport of that address raises
        late = isinstance(error, TimeoutError) and not str(error)
        reason = f"no answer within {PATIENCE:g} s" if late else f"{error}".rstrip(".")
        raise WorkerError(
            f"The scheduler '{address}' can't be reached: {reason}. It must be the address of a "
            "running dask scheduler, as tcp://host:8786. Start one with 'dask scheduler' and "
            "workers with 'dask worker', see docs/scale.rst; or use 'n_workers'."
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            log.warning("The scheduler '%s' has no workers yet: the run waits for them.", address)
        yield Cluster(client)


async def _handshake(address: str) -> None:
    """Check within `PATIENCE` that a dask scheduler answers at an address."""
    from distributed import Security  # noqa: PLC0415 - an extra
    from distributed.comm import connect  # noqa: PLC0415

    how = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **how), PATIENCE)
    await comm.close()
