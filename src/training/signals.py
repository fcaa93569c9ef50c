"""ctrl-C and SIGTERM as a wish to stop: noted at once, obeyed at the end of the optimizer step.

A terminal sends SIGINT to every process of the group and torchrun forwards what it gets, so one wish arrives several times:
signals within `REPEAT_WINDOW_S` of each other are one. A SIGINT after that aborts at once. No torch here.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from src.utils.logger import rank

REPEAT_WINDOW_S = 2.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While entered, `received` is the number of the first signal (0: none); the handlers before are put back on leaving."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.received = 0
        self._clock = clock
        self._last_s = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self.on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def on_signal(self, number: int, _frame: FrameType | None = None) -> None:
        """Note the wish; `KeyboardInterrupt` for a second SIGINT that is not an echo of the first signal."""
        now = self._clock()
        is_echo = now - self._last_s <= REPEAT_WINDOW_S
        self._last_s = now
        if not self.received:
            self.received = number
            if rank() == 0:
                # Not through logging: a handler may interrupt a write that holds its lock.
                name = signal.Signals(number).name
                os.write(2, f"{name}: finishing the step, then saving\n".encode())
        elif number == signal.SIGINT and not is_echo:
            raise KeyboardInterrupt


def leave_stopping_to_parent() -> None:
    """For a data worker: signals of the terminal or of a scheduler are the main process's to answer.

    A worker that died of them would break the step that is being finished. SIGTERM of the parent itself still ends it: that
    is how a loader is closed. Call it once, before the worker starts threads.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def obey_parent() -> None:
        while True:
            if signal.sigwaitinfo({signal.SIGTERM}).si_pid in (parent, os.getpid()):
                os._exit(0)

    threading.Thread(target=obey_parent, daemon=True).start()
