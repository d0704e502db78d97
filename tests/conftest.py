"""What holds for all tests."""

from __future__ import annotations

import os

# The tensors of tests are small: threads that wait for one another cost more than they save.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# pytest-xdist tells its workers a width, which tables for a terminal would heed.
os.environ.pop("COLUMNS", None)
