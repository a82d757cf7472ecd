"""A C++ extension, cpp_softmax.cpp, called through ctypes on NumPy arrays; built at import with the system's compiler.

Check it::

    logitproof check cpp_softmax:softmax --op softmax --gradient cpp_softmax:gradient --widest 4097

Try a fault: add ``-ffast-math`` to the compiler's options; what is NaN, and what is infinite, is then lost.
"""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_suffix(".cpp")
BUILT = Path(tempfile.mkdtemp(), "softmax.so")
subprocess.run([os.environ.get("CXX", "g++"), "-O2", "-shared", "-fPIC", "-o", BUILT, SOURCE], check=True)
LIBRARY = ctypes.CDLL(str(BUILT))


def call(name, *arrays):
    """Call a function of the extension on contiguous arrays; return what it writes."""
    if arrays[0].dtype.name not in {"float32", "float64"}:
        raise TypeError(f"{arrays[0].dtype} is not supported")
    held = [np.ascontiguousarray(array) for array in arrays]
    out = np.empty_like(held[0])
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (out, *held)]
    getattr(LIBRARY, f"{name}_{out.dtype.name}")(*pointers, *map(ctypes.c_long, out.shape))
    return out


def softmax(x):
    """Return the softmax of each row."""
    return call("softmax", x)


def gradient(x, cotangent):
    """Return the vector-Jacobian product of softmax."""
    return call("gradient", x, cotangent)
