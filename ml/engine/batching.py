"""Pictures that come at about the same time, computed together."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from ml.engine.base import Array

Outputs = dict[str, Array]


class Batcher:
    """Gathers pictures from several threads for at most ``wait_s``, or until there are ``most``, and computes them.

    ``compute`` takes (N, C, H, W) and answers named outputs whose first axis is N; one thread calls it.
    """

    def __init__(self, compute: Callable[[Array], Outputs], most: int, wait_s: float) -> None:
        self.compute, self.most, self.wait_s = compute, most, wait_s
        self.waiting: queue.SimpleQueue[tuple[Array, Future[Outputs]]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="batches", daemon=True).start()

    def __call__(self, x: Array) -> Outputs:
        """Return the outputs for one picture (1, C, H, W); raises what ``compute`` raised."""
        answer: Future[Outputs] = Future()
        self.waiting.put((x, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            batch = self._gather()
            try:
                outputs = self.compute(np.concatenate([x for x, _ in batch]))
            except Exception as error:  # noqa: BLE001  handed to those who asked
                for _, answer in batch:
                    answer.set_exception(error)
                continue
            for index, (_, answer) in enumerate(batch):
                answer.set_result({name: values[index : index + 1] for name, values in outputs.items()})

    def _gather(self) -> list[tuple[Array, Future[Outputs]]]:
        batch = [self.waiting.get()]
        end = time.monotonic() + self.wait_s
        while len(batch) < self.most:
            try:
                batch.append(self.waiting.get(timeout=max(0.0, end - time.monotonic())))
            except queue.Empty:
                break
        return batch
