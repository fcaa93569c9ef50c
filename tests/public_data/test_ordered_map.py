"""Items in order from any number of processes; a killed process ends the command instead of holding it up."""

import os
import signal
import subprocess
import sys
import time

import pytest

from public_data.ordered_map import ordered_map
from src.errors import DataError
from tests.training_fixtures import ROOT


def squared(number):
    return number * number


def killed(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_keep_the_order(workers):
    with ordered_map(workers) as each:
        assert list(each(squared, range(20), 3)) == [n * n for n in range(20)]


def test_one_worker_is_this_process():
    with ordered_map(1) as each:
        assert set(each(lambda _: os.getpid(), range(2), 1)) == {os.getpid()}


def test_a_killed_worker_is_an_error():
    """Fault: `multiprocessing.Pool` starts another process and waits for the lost result for ever."""
    with pytest.raises(DataError, match="worker process was killed"), ordered_map(2) as each:
        list(each(killed, range(6), 1))


def pid_and_rest(number):
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(60)
    return number


def test_workers_end_with_a_killed_main_process():
    """Fault: they hold each other's queue open and wait for work for ever."""
    code = (
        "from public_data.ordered_map import ordered_map;"
        "from tests.public_data.test_ordered_map import pid_and_rest;"
        "context = ordered_map(2); list(context.__enter__()(pid_and_rest, range(2), 1))"
    )
    # `-c` has no main module that a spawned worker would run again.
    main = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert main.stdout is not None
    workers = [int(main.stdout.readline()) for _ in range(2)]
    main.kill()
    try:
        # The pipe ends when the last process that holds it is gone.
        assert main.communicate(timeout=20)[0] == b""
    except subprocess.TimeoutExpired:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        raise
