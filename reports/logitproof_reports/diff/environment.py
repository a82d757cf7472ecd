"""What differs between two runs besides the framework, so that changes are not attributed to the wrong cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.schema import attributed, framework_of
from logitproof_reports.words.dialect_words import TOPICS, words_of
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run


_PLAIN = "of the index"
"""A build without a name of its own."""

_NO_SURROUNDINGS = {"framework", "ledger", "adapters", "dialects"}
"""Parts of an environment that are none of the machine's: what is judged, and what Logitproof holds it against."""


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
    """Return the framework's name and version by adapter; empty if no environment records it."""
    return {
        escape_control_chars(str(adapter)): (
            escape_control_chars(str(framework_of(environment).get("framework", ""))),
            escape_control_chars(str(framework_of(environment).get("version", ""))),
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
    """Return every fact of the environments that differs, the frameworks' own versions aside; common ones once."""
    old, new = _facts(before), _facts(after)
    subjects = _subjects(before, after)
    found = {
        adapter: {
            name: pair
            for name, pair in _pairs(old[adapter], new[adapter])
            if pair[0] != pair[1] and not _names(name, pair) & subjects
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
    return _builds(before, after) + common + own


def _build_of(run: Run) -> dict[str, str]:
    return {name: version.partition("+")[2] for name, (_, version) in versions(run).items()}


def _builds(before: Run, after: Run) -> list[Difference]:
    """Return the frameworks of which the two versions are different builds, such as ``2.12.0`` and ``2.13.0+cpu``."""
    old, new = (_build_of(run) for run in (before, after))
    return [
        Difference(name, "build", old[name] or _PLAIN, new[name] or _PLAIN)
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    ]


def _pairs(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, tuple[str, str]]]:
    """Return each fact with its value before and after; empty where one does not have it."""
    return [(name, (old.get(name, ""), new.get(name, ""))) for name in dict.fromkeys([*old, *new])]


def _subjects(before: Run, after: Run) -> set[tuple[str, str, str]]:
    """Return the packages whose versions `subject` tells, with these; Keras runs on JAX, which may be one of them."""
    old, new = versions(before), versions(after)
    return {
        name
        for adapter in old.keys() & new.keys()
        for word in (adapter.partition("_")[0], old[adapter][0].lower())
        for name in _names(word, (old[adapter][1], new[adapter][1]))
    }


def _names(name: str, pair: tuple[str, str]) -> set[tuple[str, str, str]]:
    """Return a package and its versions: ``tensorflow-cpu`` is TensorFlow, ``+cpu`` is a build."""
    old, new = (version.partition("+")[0] for version in pair)
    return {(name, old, new), (name.partition("-")[0], old, new)}


def _facts(run: Run) -> dict[str, dict[str, str]]:
    """Return for each adapter what its environment says, as flat text."""
    facts: dict[str, dict[str, str]] = {}
    for environment in attributed(run):
        framework = framework_of(environment)
        tree = {name: fact for name, fact in environment.items() if name not in _NO_SURROUNDINGS}
        flat = _flat({**tree, "build": framework.get("build") or {}}) | _meanings(environment)
        facts |= {escape_control_chars(str(adapter)): flat for adapter in environment.get("adapters", ())}
    return facts


def _meanings(environment: dict[str, Any]) -> dict[str, str]:
    """Return what the release documents of the options of its losses, in words, by function and topic."""
    return {
        escape_control_chars(f"{stated.get('function')} of {stated.get('labels')}, {title.lower()}:"): words_of(
            topic, stated
        )
        for stated in environment.get("dialects") or ()
        for topic, (title, _) in TOPICS.items()
        if topic not in {"function", "documentation"}
    }


def _flat(tree: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value)
        elif isinstance(value, list):
            # Each by itself: what matters of forty features of a processor is the one that is missing.
            flat |= {escape_control_chars(f"{name} {item}"): "yes" for item in value}
        else:
            flat[escape_control_chars(str(name))] = escape_control_chars(str(value))
    return flat
