"""A virtual environment whose interpreter runs on an emulated CPU, and every process that it starts as well.

QEMU's emulation of user programs (Debian: qemu-user) needs no kernel and no image: it translates one program. The
environment made here shares the packages of a real one; its ``bin/python`` is a script that starts the real interpreter
under the emulator and lets it believe that it is that script. So ``sys.executable`` of an emulated process is emulated.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path

CPUS = {
    # Without the features that QEMU does not translate, and of which it warns; none of them is for user programs.
    "haswell": "Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm",
    "nehalem": "Nehalem",
}
"""CPUs by the name of their generation: the first with AVX2 and FMA, and one before AVX."""


def emulated_python(environment: Path, cpu: str, folder: Path) -> Path:
    """Make an environment in `folder` whose interpreter runs on an emulated CPU.

    Parameters
    ----------
    environment : Path
        The virtual environment whose packages it shares.
    cpu : str
        One of `CPUS`.
    folder : Path
        Where the environment is made; replaced if it is there.

    Returns
    -------
    Path
        Its interpreter.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    shutil.copy(environment / "pyvenv.cfg", folder)
    for name in ("lib", "lib64"):
        if (environment / name).exists():
            (folder / name).symlink_to((environment / name).resolve())
    real = (environment / "bin" / "python").resolve()
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec qemu-x86_64 -cpu {CPUS[cpu]} -0 "$0" {shlex.quote(str(real))} "$@"\n', "utf-8")
    python.chmod(0o755)
    return python


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cpu", choices=CPUS)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    print(emulated_python(Path(sys.prefix), asked.cpu, asked.folder))  # noqa: T201 - the answer of a script
