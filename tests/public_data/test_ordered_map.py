"""Items in order from any number of processes; a killed process ends the command instead of holding it up."""

import os
import signal

import pytest

from public_data.ordered_map import ordered_map
from src.errors import DataError


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
