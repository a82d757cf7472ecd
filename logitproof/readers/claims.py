"""The claims tried with the frameworks' own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.catalogue import registry
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here
from logitproof_reference.claims.catalogue import CATALOGUE, Answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.claims.model import Outcome, Trial


def installed_frameworks() -> list[str]:
    """Return the known frameworks that are installed."""
    return [name for name in registry.known() if registry.installed(name)]


def ask_all(frameworks: Iterable[str]) -> Iterator[Answers]:
    """Yield what each framework makes of every claim, asked in a process of its own.

    Raises
    ------
    UnknownFramework, MissingFramework, TargetError
        See `RemoteAdapter`.
    """
    for name in frameworks:
        with RemoteAdapter(name, here()) as adapter:
            yield answers_of(adapter)


def answers_of(adapter: Adapter) -> Answers:
    """Return what a framework makes of every claim."""
    outcomes = {
        f"{claim.id}/{number}": _tried(adapter, trial)
        for claim in CATALOGUE
        for number, trial in enumerate(claim.trials)
    }
    return Answers(adapter.name, adapter.describe().version, outcomes)


def _tried(adapter: Adapter, trial: Trial) -> Outcome | str:
    """Put a trial to a framework; return why not, where it does not offer it. Other dialects the oracle answers."""
    answers = []
    try:
        for ask in trial.asks:
            if ask.choices:
                answers.append(ask.exact(trial.format).astype(np.float64))
                continue
            cell = ask.cell(adapter.name, trial.format)
            if (reason := adapter.unsupported(cell)) is not None:
                return reason
            answers.append(np.array(adapter.evaluate(cell, ask.inputs(trial.format))).astype(np.float64))
        return trial.outcome(answers)
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is its answer
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
