"""OpenCV with one thread: import `cv2` from here.

Its thread pool does not survive a fork: a data-loader worker forked after the first parallel call hangs in its own first one.
Parallelism is over samples anyway. Import it where it is used; it costs 0.1 s.
"""

from __future__ import annotations

import cv2

cv2.setNumThreads(1)

__all__ = ["cv2"]
