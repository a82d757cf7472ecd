"""Fuzz what comes from outside: ``python -m meta.robustness.fuzz runs --seed 7 --cases 5000``; status 1 on any fault.

From `tests`, or with it on ``PYTHONPATH``. Each file that broke a reader is kept in ``--keep``, to join the corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from logitproof_reference.answers.cache_folder import CACHE_VARIABLE
from meta.robustness import altered_runs, bad_adapters, damaged_caches, damaged_records, damaged_runs, hostile_outputs
from meta.robustness.commands_in_process import Ended, command
from meta.robustness.damaged_runs import sound_file, sound_run
from meta.robustness.odd_commands import fill, odd_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

COMMANDS_RUN_WITH = {"UV_OFFLINE": "1", "COLUMNS": "100"}
"""Variables that odd commands run with: no network."""

SOUND = "sound.parquet"
KINDS = {**damaged_runs.KINDS, **altered_runs.KINDS}
CELL = sound_run().table["cell"][0].as_py()
READERS: dict[str, tuple[str, ...]] = {
    "report": ("report", "{}", "-o", "page.html", "--junit", "j", "--summary", "s", "--sarif", "f", "--badge", "b"),
    "report --json": ("report", "{}", "--json"),
    "merge": ("merge", "{}", "-o", "merged.parquet"),
    "findings": ("findings", "{}"),
    "findings --json": ("findings", "{}", "--json"),
    "diff": ("diff", SOUND, "{}", "-o", "diff.html", "--json", "d", "--summary", "s"),
    "diff from": ("diff", "{}", SOUND),
    "history": ("history", ".", "-o", "history.html"),
    "explain": ("explain", CELL, "--run", "{}"),
}
"""What reads a run file, by the name of the command."""


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Return a kind of damage, how the file's name ends, and its bytes."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    suffix, strategy = KINDS[kind]
    return kind, suffix, draw(strategy)


def read(reader: str, suffix: str, content: bytes, folder: Path) -> Ended:
    """Read a damaged file by a command, in a folder that holds a sound one."""
    for old in folder.iterdir():
        old.unlink()
    (folder / SOUND).write_bytes(sound_file())
    name = f"damaged{suffix}"
    (folder / name).write_bytes(content)
    return command(*(word.format(name) for word in READERS[reader]), folder=folder)


def fuzz_runs(cases: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], Counter[str]]:
    """Read this many damaged files; return the exit statuses by kind of damage, and the faults."""
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:

        def one(made: tuple[str, str, bytes], reader: str) -> None:
            kind, suffix, content = made
            ended = read(reader, suffix, content, Path(place))
            statuses[f"{kind}: {ended.status}"] += 1
            if fault := ended.fault or altered_runs.unlike(kind, Path(place) / f"damaged{suffix}"):
                faults[f"{reader}: {kind}: {fault}"] += 1
                if keep is not None:
                    name = hashlib.sha256(content).hexdigest()[:12]
                    (keep / f"{reader}-{kind}-{name}{suffix}".replace(" ", "_")).write_bytes(content)

        _drawn(cases, seed, one, damaged(), st.sampled_from(sorted(READERS)))
    return statuses, faults


@st.composite
def damaged_record(draw: st.DrawFn) -> tuple[str, str, bytes, tuple[str, ...]]:
    """Return a kind of damage, how the file's name ends, its bytes, and a command that reads it."""
    kind = draw(st.sampled_from(sorted(damaged_records.KINDS)))
    suffix, strategy = damaged_records.KINDS[kind]
    return kind, suffix, draw(strategy), draw(st.sampled_from(damaged_records.READERS[suffix]))


def read_record(suffix: str, content: bytes, words: tuple[str, ...], folder: Path) -> Ended:
    """Read a damaged file by a command, in a folder that holds a sound one of its kind."""
    for old in folder.iterdir():
        old.unlink()
    (folder / f"sound{suffix}").write_bytes(damaged_records.SOUND[suffix]())
    (folder / f"damaged{suffix}").write_bytes(content)
    return command(*(word.format(f"damaged{suffix}", sound=f"sound{suffix}") for word in words), folder=folder)


def fuzz_records(cases: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], Counter[str]]:
    """Read this many damaged records, witnesses and arrays; return the exit statuses by kind, and the faults."""
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:

        def one(made: tuple[str, str, bytes, tuple[str, ...]]) -> None:
            kind, suffix, content, words = made
            ended = read_record(suffix, content, words, Path(place))
            statuses[f"{kind}: {ended.status}"] += 1
            if ended.fault:
                faults[f"{' '.join(words)}: {kind}: {ended.fault}"] += 1
                if keep is not None:
                    name = hashlib.sha256(content).hexdigest()[:12]
                    (keep / f"{words[0]}-{kind}-{name}{suffix}".replace(" ", "_")).write_bytes(content)

        _drawn(cases, seed, one, damaged_record())
    return statuses, faults


def fuzz_commands(cases: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], Counter[str]]:
    """Run this many odd command lines; return the exit statuses by command, and the faults with a command line each."""
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()

    def one(words: list[str]) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            fill(folder)
            before = {name: os.environ.get(name) for name in COMMANDS_RUN_WITH}
            os.environ.update({**COMMANDS_RUN_WITH, CACHE_VARIABLE: str(folder / "cache")})
            ended = command(*words, folder=folder)
            os.environ.update({name: value for name, value in before.items() if value is not None})
            statuses[f"{words[0]}: {ended.status}"] += 1
            if ended.fault:
                faults[f"{ended.fault}: {' '.join(ascii(word[:40]) for word in words)}"] += 1
            if keep is not None:
                with (keep / "commands.txt").open("a", encoding="utf-8") as file:
                    file.write(ascii((ended.status, words, ended.err)) + "\n")

    _drawn(cases, seed, one, odd_command())
    return statuses, faults


def fuzz_adapters(cases: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], Counter[str]]:
    """Judge this many adapters that misbehave; return how many did at each place, and the faults."""
    del keep
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    sound = bad_adapters.sound_judgements()

    def one(made: tuple[str, str]) -> None:
        statuses[made[0]] += 1
        if fault := bad_adapters.fault_of(*made, sound):
            faults[f"{bad_adapters.spelled(*made)}: {fault}"] += 1

    _drawn(cases, seed, one, bad_adapters.bad_adapter())
    return statuses, faults


def fuzz_texts(cases: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], Counter[str]]:
    """Show this many hostile texts in every output; return how many, and the faults."""
    del keep
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()

    def one(text: str) -> None:
        statuses["texts"] += 1
        with tempfile.TemporaryDirectory() as place:
            faults.update(f"{fault}: {ascii(text)[:200]}" for fault in hostile_outputs.faults_of(text, Path(place)))

    _drawn(cases, seed, one, hostile_outputs.texts())
    return statuses, faults


def fuzz_caches(cases: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], Counter[str]]:
    """Use this many damaged caches; return how many of each damage, and the faults."""
    del keep
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()

    def one(damaged: list[tuple[float, str]]) -> None:
        statuses.update(name for _, name in damaged)
        faults.update(f"{fault}: {damaged}" for fault in damaged_caches.faults_of(damaged))

    _drawn(cases, seed, one, damaged_caches.damages())
    return statuses, faults


def _drawn(cases: int, seed: int, use: Callable[..., None], *strategies: SearchStrategy[Any]) -> None:
    """Call `use` with this many draws of strategies, the same ones for the same seed."""
    budget = settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.seed(seed)(budget(given(*strategies)(use)))()


FUZZERS = {
    "runs": (fuzz_runs, 5_000),
    "records": (fuzz_records, 2_000),
    "commands": (fuzz_commands, 1_000),
    "adapters": (fuzz_adapters, 120),
    "texts": (fuzz_texts, 60),
    "caches": (fuzz_caches, 40),
}
"""What is fuzzed by which function, and with how many cases unless the command line says."""


def main() -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=FUZZERS)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    fuzz, cases = FUZZERS[asked.what]
    statuses, faults = fuzz(asked.cases or cases, asked.seed, asked.keep)
    for found in (statuses, faults):
        for words, number in found.most_common():
            print(f"{number:6} {words}")  # noqa: T201  a script
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
