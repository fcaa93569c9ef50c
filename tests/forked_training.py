"""The real `src.sft`, started as often as a test likes: one process imports torch, transformers and ms-swift once and forks a
child for each run, which saves 10 to 20 seconds a run. A child is a whole process of its own: it can be killed or signalled.

Run as `python -m tests.forked_training`, this module is that process: one JSON command a line on stdin
({"call": "module:function", "argv": [...], "out": file, "fault": name or null, "environment": {...}}), one JSON answer a line
({"pid": n}, later {"pid": n, "status": s}).
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.training_fixtures import ROOT

ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "CUDA_VISIBLE_DEVICES": "",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}


class Run:
    """One start of `src.sft`; `wait` gives its exit code, negative for the signal that ended it."""

    def __init__(self, trainings: Trainings, pid: int, out: Path) -> None:
        self.trainings = trainings
        self.pid = pid
        self.out = out

    def wait(self, timeout_s: float = 120) -> int:
        return self.trainings.status(self.pid, timeout_s)

    def kill(self) -> None:
        """kill -9 the main process alone, as an out-of-memory killer does."""
        os.kill(self.pid, signal.SIGKILL)

    def signal(self, number: int, *, workers_too: bool = False) -> None:
        """Send a signal to the main process, or to its whole group as a terminal does."""
        if workers_too:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)

    @property
    def output(self) -> str:
        return self.out.read_text(errors="replace")


class Trainings:
    """The forking process; close it when the tests are over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self._statuses: dict[int, int] = {}
        self._started: list[int] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_training"],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._news:
                if "status" in answer:
                    self._statuses[answer["pid"]] = answer["status"]
                else:
                    self._started.append(answer["pid"])
                self._news.notify_all()

    def start(self, config: Path, *words: str, fault: str | None = None) -> Run:
        """Start `src.sft --config config words...`; `fault` is planted in the child alone (see `tests.reliability.faults`)."""
        return self._start("src.sft:main", ("--config", str(config), *words), fault, {})

    def start_ranks(self, count: int, config: Path, *words: str) -> list[Run]:
        """The same on `count` gloo ranks, as torchrun would start them."""
        return self._start_ranks(count, "src.sft:main", ("--config", str(config), *words))

    def _start_ranks(self, count: int, target: str, argv: tuple[str, ...]) -> list[Run]:
        if count == 1:
            return [self._start(target, argv, None, {})]
        port = _free_port()
        shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
        return [
            self._start(
                target,
                argv,
                None,
                {
                    "MASTER_ADDR": "127.0.0.1",
                    **{name: str(value) for name, value in shared.items()},
                    **{name: str(rank) for name in ("RANK", "LOCAL_RANK")},
                },
            )
            for rank in range(count)
        ]

    def call(self, target: str, *words: str, fault: str | None = None) -> Run:
        """Run `module:function` with the words in a child, and wait for its success."""
        run = self._start(target, words, fault, {})
        assert run.wait(300) == 0, run.output[-5000:]
        return run

    def call_ranks(self, count: int, target: str, *words: str) -> None:
        """The same on `count` gloo ranks."""
        wait_for_all(self._start_ranks(count, target, words))

    def _start(
        self, target: str, argv: tuple[str, ...], fault: str | None, environment: dict[str, str]
    ) -> Run:
        self.count += 1
        out = self.folder / f"run-{self.count}.txt"
        command = {
            "call": target,
            "argv": argv,
            "out": str(out),
            "fault": fault,
            "environment": environment,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        with self._news:
            assert self._news.wait_for(lambda: len(self._started) >= self.count, 120)
            return Run(self, self._started[self.count - 1], out)

    def run(self, config: Path, *words: str, fault: str | None = None, code: int = 0) -> Run:
        """Start, wait, and check the exit code."""
        run = self.start(config, *words, fault=fault)
        found = run.wait()
        assert found == code, f"exit {found}\n{run.output[-5000:]}"
        return run

    def status(self, pid: int, timeout_s: float) -> int:
        with self._news:
            assert self._news.wait_for(lambda: pid in self._statuses, timeout_s), "still running"
            return self._statuses[pid]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def wait_for_all(runs: list[Run], timeout_s: float = 300) -> None:
    """Until all ranks of a run have ended well."""
    codes = [run.wait(timeout_s) for run in runs]
    assert codes == [0] * len(runs), f"exit {codes}\n{runs[0].output[-5000:]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _child(command: dict) -> None:
    """Never returns."""
    from src.utils.cli import run
    from tests.reliability.faults import plant

    os.setsid()
    os.environ.update(command["environment"])
    module, _, function = command["call"].partition(":")
    main = getattr(importlib.import_module(module), function)
    out = os.open(command["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    plant(command["fault"])
    code = 70
    try:
        code = run(main, command["argv"])
    except BaseException:
        import traceback

        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    from src.training.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    import src.final_evaluation
    import src.training.environment
    import src.training.ms_swift.session
    import src.training.run  # noqa: F401

    answers = threading.Lock()
    lines = sys.stdin
    for line in iter(lines.readline, ""):
        command = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(command)
        with answers:
            print(json.dumps({"pid": pid}), flush=True)

        def report(pid: int = pid) -> None:
            _, status = os.waitpid(pid, 0)
            with answers:
                print(
                    json.dumps({"pid": pid, "status": os.waitstatus_to_exitcode(status)}),
                    flush=True,
                )

        threading.Thread(target=report, daemon=True).start()
    # Taking torch and ms-swift down in order takes seconds and does nothing.
    os._exit(0)


def wait_until(condition, timeout_s: float = 60, every_s: float = 0.005) -> None:
    """Until the condition holds; fails the test after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(every_s)


if __name__ == "__main__":
    serve()
