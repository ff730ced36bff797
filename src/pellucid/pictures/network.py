"""A network in an ONNX file, run by ONNX Runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import extra
from ..errors import BadModelFile, EngineError, PellucidError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

LOOK = 0.1
"""Seconds after which it is asked again whether to leave off."""


class Network:
    """What is fed to it becomes numbers of the kind that it takes. Raises `BadModelFile`."""

    def __init__(self, path: Path, threads: int) -> None:
        onnxruntime = extra.need("pictures", "onnxruntime")
        self._path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena = False  # as fast, and a quarter less memory at 768x768
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # of many classes, none of them public
            raise BadModelFile(f"{path} cannot be read: {_first_line(error)}") from error
        self._kinds = {each.name: each.type for each in self._session.get_inputs()}
        self._ranks = {each.name: len(each.shape) for each in self._session.get_inputs()}

    @property
    def inputs(self) -> list[str]:
        return list(self._kinds)

    def whole(self, name: str) -> bool:
        """Whether an input is of whole numbers."""
        return "int" in self._kinds[name]

    def run(self, feed: dict[str, Any], running: Any) -> Array:
        """The first output, as float32; `running` is what `watched` gives. Raises `EngineError`."""
        import numpy as np

        kinds = {
            "tensor(float16)": np.float16,
            "tensor(int64)": np.int64,
            "tensor(int32)": np.int32,
        }
        arrays = {
            name: np.asarray(array, kinds.get(self._kinds[name], np.float32))
            for name, array in feed.items()
        }
        for name, rank in self._ranks.items():
            if rank == 0:
                arrays[name] = arrays[name].reshape(())
        try:
            found: Array = self._session.run(None, arrays, running)[0].astype(np.float32)
        except Exception as error:
            raise EngineError(
                f"The model's {self._path.parent.name} failed: {_first_line(error)} Where its "
                "sides are the cause, multiples of 64 may do."
            ) from error
        return found


def _first_line(error: Exception) -> str:
    return f"{str(error).strip().partition(chr(10))[0][:300].rstrip('.')}."


@contextmanager
def watched(stopped: Callable[[], bool]) -> Iterator[Any]:
    """Options of the runtime that end what is under way once it is `stopped`, also in the midst of
    a step, which takes seconds."""
    options = extra.need("pictures", "onnxruntime").RunOptions()
    done = threading.Event()
    left = stopped()

    def watch() -> None:
        nonlocal left
        while not (left or done.wait(LOOK)):
            left = stopped()
        options.terminate = left

    watching = threading.Thread(target=watch, daemon=True)
    options.terminate = left
    watching.start()
    try:
        yield options
    except EngineError:
        if left:
            raise PellucidError("The picture was left unfinished.") from None
        raise
    finally:
        done.set()
        watching.join()
