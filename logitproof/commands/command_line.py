"""The entry point: carries out a command line; every error message is one line."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

import logitproof.commands  # noqa: F401  importing them adds them to the application
from logitproof.commands.app import app, complain
from logitproof.errors import EXPECTED, INTERRUPTED, USAGE, UsageError

TyperError: type[Any] = typer.BadParameter.__bases__[0]
"""Base of what typer raises on a bad command line; its module moved between releases, this road to it did not."""


def complaints() -> tuple[type[Exception], ...]:
    """Return the exceptions whose message is an answer to the user; their modules are slow to import."""
    from logitproof_adapters.catalogue.registry import MissingFramework, UnknownFramework
    from logitproof_adapters.contract import DeviceError
    from logitproof_adapters.targets.target import TargetError
    from logitproof_reports.runs.schema import RunFileError

    return UsageError, RunFileError, MissingFramework, UnknownFramework, DeviceError, TargetError


def old_numpy() -> str | None:
    """Return why no command can run here, if NumPy is too old for it: beside it pyarrow raises in many lines."""
    from logitproof_adapters.catalogue.oldest import too_old

    return too_old("numpy")


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if "" not in sys.path:
        sys.path.insert(0, "")  # adapters and kernels of the current folder, as python -m finds them
    if "--help" not in given and (reason := old_numpy()):
        complain(reason)
        return USAGE
    try:
        status = app(given or ["--help"], standalone_mode=False)
        return int(status or EXPECTED) if given else USAGE
    except TyperError as error:
        complain(f"{error.format_message()} (see logitproof --help)")
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; the interpreter must not complain of that again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXPECTED
    except Exception as error:
        if not isinstance(error, complaints()):
            raise
        complain(str(error))
    return USAGE
