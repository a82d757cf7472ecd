"""The first program that a target runs, sent as one line; Python 3.6 can parse it and reports that it is too old.

It puts the pipe where no framework writes, takes the sources of the evaluator, imports them and starts the loop. It
runs before any module of the suite is there, hence repeats the few lines that read and write a frame.
"""

import json
import linecache
import os
import struct
import sys
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source, find_spec
from typing import Any, BinaryIO

MOST_CPU_SECONDS = 600
"""CPU time limit of a process without rights over others: that of a graded kernel."""

CAPBSET_DROP, NO_NEW_PRIVILEGES, SYS_PTRACE, CAPABILITY_VERSION = 24, 38, 19, 0x20080522
"""What Linux names so, in linux/prctl.h and linux/capability.h."""


class SentSources:
    """Imports modules from sources that came through the pipe; nothing is written to disk."""

    def __init__(self, sources: "dict[str, Any]") -> None:
        self.sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a module that was sent."""
        del path, target
        if name not in self.sources:
            return None
        loader: Any = self
        origin = f"<sent {name}>"
        return ModuleSpec(name, loader, origin=origin, is_package=self.sources[name]["is_package"])

    def create_module(self, spec: Any) -> None:
        """Leave the creation to Python."""

    def exec_module(self, module: Any) -> None:
        """Run a module."""
        name, place = module.__name__, f"<sent {module.__name__}>"
        text = self.sources[name]["text"]
        # Triton and others read the source of a function; Python looks for no file of such a name.
        linecache.cache[place] = len(text), None, text.splitlines(keepends=True), place
        exec(compile(text, place, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what was sent to run

    def get_source(self, name: str) -> str:
        """Return the text of a module, for tracebacks."""
        return str(self.sources[name]["text"])


def write_frame(stream: BinaryIO, header: "dict[str, Any]") -> None:
    """Write a frame without bytes behind its JSON line."""
    line = json.dumps(header).encode("ascii") + b"\n"
    stream.write(struct.pack(">Q", len(line)) + line)
    stream.flush()


def read_frame(stream: BinaryIO) -> Any:
    """Return the JSON line of a frame without bytes behind it; ends the process where the judge is gone."""
    size = stream.read(8)
    if len(size) < 8:
        sys.exit(0)
    return json.loads(stream.read(struct.unpack(">Q", size)[0]).decode("ascii"))


def limit_memory(size: int) -> None:
    """Let no allocation take the process past `size` bytes of data of its own.

    Not past this many addresses (RLIMIT_AS): a GPU's driver and an allocator reserve far more of them than they use.
    """
    import resource  # noqa: PLC0415 - systems that have it not are not asked for a limit

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    lowest = min([size, *(one for one in (soft, hard) if one != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_DATA, (lowest, lowest))


def give_up_rights() -> None:
    """Let this process, all its threads and all it starts read no other process, and limit its CPU time.

    On Linux; elsewhere as far as the system has it. It comes before anything is imported that starts a thread: rights
    are a thread's.
    """
    import resource  # noqa: PLC0415 - likewise

    for limit, most in ((resource.RLIMIT_CPU, MOST_CPU_SECONDS), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(limit)[1]
        lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (lowest, lowest))
    try:
        import ctypes  # noqa: PLC0415 - some Pythons have none

        system: Any = ctypes.CDLL(None)
        system.prctl(CAPBSET_DROP, SYS_PTRACE, 0, 0, 0)
        system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        head, rights = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        if system.capget(head, rights) == 0:
            rights[0:3] = [word & ~(1 << SYS_PTRACE) for word in rights[0:3]]  # effective, permitted, inheritable
            system.capset(head, rights)
    except (ImportError, AttributeError, OSError):
        pass


def keep_bytecode(folder: str) -> None:
    """Keep bytecode in a folder of the judge's where packages were installed without it (as uv does).

    Nothing may be written beside them, and to compile all that a framework imports takes longer than its import.
    """
    numpy = find_spec("numpy") if folder else None
    if numpy is None or not numpy.origin or os.path.exists(cache_from_source(numpy.origin)):  # noqa: PTH110 - no imports
        return
    sys.pycache_prefix, sys.dont_write_bytecode = folder, False
    os.environ["PYTHONPYCACHEPREFIX"] = folder  # of the processes that a framework starts
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def main() -> None:
    """Set up the pipe, import what is sent, and answer until the pipe closes."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.path[:] = [place for place in sys.path if place]  # not the folder that the judge happened to be started in
    write_frame(answers, {"python": list(sys.version_info[:3]), "byteorder": sys.byteorder})
    setup = read_frame(requests)
    os.environ.update(setup["environment"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))  # Python read it when it started
    keep_bytecode(os.environ.pop("LOGITPROOF_BYTECODE", ""))
    try:
        if setup["guarded"]:
            give_up_rights()
        if setup["memory"]:
            limit_memory(setup["memory"])
        sys.meta_path.insert(0, SentSources(setup["sources"]))
        from logitproof_adapters.evaluator.loop import serve  # noqa: PLC0415 - can be imported from here on
    except Exception as error:  # noqa: BLE001 - whatever is missing there, the judge reports it
        write_frame(answers, {"problem": f"{type(error).__name__}: {error}"})
        return
    serve(requests, answers)


if __name__ == "__main__":
    main()
