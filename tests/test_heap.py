"""Freed image buffers stay in the process, and OpenCV keeps to one thread."""

import sys

import pytest

from tests.training_fixtures import run_code


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_image_sized_blocks_cause_no_page_faults_after_the_first():
    code = """
import resource, sys
import numpy as np
from src.utils.heap import keep_heap
assert not int(sys.argv[1]) or keep_heap()
def faults():
    for _ in range(5):  # together above glibc's own trim threshold
        held = [np.ones((2048, 1536, 4), np.uint8) for _ in range(8)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
print(faults() - before)
"""
    kept, plain = int(run_code(code, "1")), int(run_code(code, "0"))
    assert kept < 200
    assert plain > 10 * max(kept, 10)


def test_opencv_has_one_thread():
    assert run_code("from src.utils.opencv import cv2\nprint(cv2.getNumThreads())").strip() == "1"
