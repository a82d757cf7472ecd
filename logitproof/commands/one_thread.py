"""NumPy with one thread for its matrix products, in a process that judges loss heads.

Their products are small: a second thread waits for the first most of the time, by spinning, and takes the processor
from the kernel.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "OPENBLAS_NUM_THREADS"


def import_numpy() -> None:
    """Import NumPy with one thread, unless it is imported already or the variable is set.

    OpenBLAS reads the variable when it is loaded; what this process starts later does not see it.
    """
    if VARIABLE in os.environ or "numpy" in sys.modules:
        return
    os.environ[VARIABLE] = "1"
    try:
        import numpy  # noqa: F401, ICN001 - to have it loaded
    finally:
        del os.environ[VARIABLE]
