"""The entry point: runs a command line; every error message is one line."""

from __future__ import annotations

import io
import os
import sys
from copy import copy
from pathlib import Path
from typing import Any

import typer

import logitproof.commands  # noqa: F401  importing them adds them to the application
from logitproof.commands.app import app
from logitproof.errors import EXPECTED, INTERRUPTED, USAGE, UsageError
from logitproof.output import complain, flush

TyperError: type[Any] = typer.BadParameter.__bases__[0]
"""Base of what typer raises on a bad command line; its module moved between releases, this road to it did not."""


def complaints() -> tuple[type[Exception], ...]:
    """Return the exceptions whose message is an answer to the user; their modules are slow to import."""
    from logitproof_adapters.catalogue.registry import MissingFramework, UnknownFramework
    from logitproof_adapters.contract import DeviceError
    from logitproof_adapters.targets.link import TargetDied
    from logitproof_adapters.targets.remote_adapter import RemoteError
    from logitproof_adapters.targets.target import TargetError
    from logitproof_reports.runs.schema import RunFileError

    of_targets = TargetError, TargetDied, RemoteError
    return UsageError, RunFileError, MissingFramework, UnknownFramework, DeviceError, *of_targets


def old_numpy() -> str | None:
    """Return why no command can run here, if NumPy is too old for it: beside it pyarrow raises in many lines."""
    from logitproof_adapters.catalogue.too_old import too_old

    return too_old("numpy")


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if "" not in sys.path:
        sys.path.insert(0, "")  # adapters and kernels of the current folder, as python -m finds them
    prepare_streams()
    if "--help" not in given and (reason := old_numpy()):
        complain(reason)
        return USAGE
    try:
        status = with_parameters_of(given)(given or ["--help"], standalone_mode=False)
        return int(status or EXPECTED) if given else USAGE
    except TyperError as error:
        complain(f"{error.format_message()} (see logitproof --help)")
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return INTERRUPTED
    except OSError as error:
        complain(of_the_system(error))
    except MemoryError:
        complain("there is not enough memory for this: split the run, or read its parts one by one")
    except Exception as error:
        if not isinstance(error, complaints()):
            raise
        complain(str(error))
    finally:
        flush()
    return USAGE


def with_parameters_of(words: list[str]) -> typer.Typer:
    """Return the application; commands that none of the words names have their name and help alone.

    Typer reads the annotations of all parameters of all commands before it looks which one is called.
    """
    lean = copy(app)
    lean.registered_commands = [
        command if _name_of(command) in words else _without_parameters(command) for command in app.registered_commands
    ]
    return lean


def _name_of(command: Any) -> str:
    return str(command.name or command.callback.__name__.replace("_", "-"))


def _without_parameters(command: Any) -> Any:
    def called() -> None:
        """Stand for a command that is not called."""

    called.__doc__, called.__name__ = command.callback.__doc__, command.callback.__name__
    lean = copy(command)
    lean.callback = called
    return lean


def prepare_streams() -> None:
    """Let both streams replace what their encoding cannot show, and be there where the process was started without."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  for the life of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def of_the_system(error: OSError) -> str:
    """Describe what the system refused, in a line: a disk that is full, a place that may not be written."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"
