"""What besides the framework differs between two runs: whoever compares them must not blame the wrong thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .outcomes import visible
from .schema import attributed, framework_of

if TYPE_CHECKING:
    from .schema import Run


@dataclass(frozen=True)
class Difference:
    """A fact of the environment that is not the same in both runs; empty where one run does not have it.

    `adapter` is empty for what holds for all of them.
    """

    adapter: str
    name: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """The difference in words, e.g. ``numpy 2.4.0 -> 2.4.6``."""
        subject = f"{self.adapter} {self.name}".strip()
        return f"{subject} {self.before or 'unset'} -> {self.after or 'unset'}"


def versions(run: Run) -> dict[str, tuple[str, str]]:
    """Return the framework's name and version by adapter; empty where no environment tells."""
    return {
        visible(str(adapter)): (
            visible(str(framework_of(environment).get("framework", ""))),
            visible(str(framework_of(environment).get("version", ""))),
        )
        for environment in attributed(run)
        for adapter in environment.get("adapters", ())
    }


def subject(before: Run, after: Run) -> str:
    """Return what was compared with what, e.g. ``jax 0.4.35 -> 0.10.2``."""
    old, new = versions(before), versions(after)
    pairs = [(name, old.get(name, ("", ""))[1], new.get(name, ("", ""))[1]) for name in sorted(old | new)]
    return ", ".join(f"{name} {one or 'not judged'} -> {other or 'not judged'}" for name, one, other in pairs)


def differences(before: Run, after: Run) -> list[Difference]:
    """Return every fact of the environments that differs, the framework's own version aside; common ones once."""
    old, new = _facts(before), _facts(after)
    names = versions(before)
    found = {
        adapter: {
            name: (old[adapter].get(name, ""), new[adapter].get(name, ""))
            for name in dict.fromkeys([*old[adapter], *new[adapter]])
            if old[adapter].get(name, "") != new[adapter].get(name, "") and not _is_subject(name, adapter, names)
        }
        for adapter in sorted(old.keys() & new.keys())
    }
    told = [(adapter, name, pair) for adapter, facts in found.items() for name, pair in facts.items()]
    shared = {
        (name, pair) for _, name, pair in told if len(found) > 1 and all(f.get(name) == pair for f in found.values())
    }
    common = [
        Difference("", name, *pair) for name, pair in dict.fromkeys((n, p) for _, n, p in told if (n, p) in shared)
    ]
    prefix = len(found) > 1
    own = [
        Difference(adapter if prefix else "", name, *pair) for adapter, name, pair in told if (name, pair) not in shared
    ]
    return common + own


def _is_subject(name: str, adapter: str, names: dict[str, tuple[str, str]]) -> bool:
    """Tell whether a fact is the version of the framework itself, e.g. ``tensorflow-cpu`` of ``tensorflow``."""
    called = {adapter.partition("_")[0], names[adapter][0].lower()}
    return name in called or name.partition("-")[0] in called


def _facts(run: Run) -> dict[str, dict[str, str]]:
    """Return for each adapter what its environment says, as flat text."""
    facts: dict[str, dict[str, str]] = {}
    for environment in attributed(run):
        framework = framework_of(environment)
        tree = {name: fact for name, fact in environment.items() if name not in {"framework", "ledger", "adapters"}}
        flat = _flat({**tree, "build": framework.get("build") or {}})
        facts |= {visible(str(adapter)): flat for adapter in environment.get("adapters", ())}
    return facts


def _flat(tree: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value)
        elif isinstance(value, list):
            # Each by itself: what matters of forty features of a processor is the one that is missing.
            flat |= {visible(f"{name} {item}"): "yes" for item in value}
        else:
            flat[visible(str(name))] = visible(str(value))
    return flat
