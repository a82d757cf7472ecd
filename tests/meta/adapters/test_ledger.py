"""A ledger of known deviations explains exactly what it says, and refuses an entry that cannot be relied on."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.catalogue import ledger, registry
from logitproof_adapters.contract import Description
from logitproof_conformance.judging.judging import judgement
from logitproof_conformance.judging.ledger_verdict import Conclusions
from logitproof_conformance.plan.cases import Case
from logitproof_reference.vocabulary.cells import Cell

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = """\
[[deviation]]
id = "masked-class"
clause = "EXT-2"
cells = ["torch-*-softmax_cross_entropy-distributions-value-*"]
regimes = ["masked_*"]
versions = ">=2.6,<2.14"
effect = "not-finite"
reason = "0 * -inf is NaN where the class with weight 0 should add 0."
upstream = "https://example.org/thread"
date = 2026-11-21
profiles = ["quick", "full"]
"""

CELL = "torch-eager-softmax_cross_entropy-distributions-value-float32"


def read(folder: Path, text: str) -> list[ledger.Deviation]:
    path = folder / "torch.toml"
    path.write_text(text, encoding="utf-8")
    return ledger.read(path)


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_every_ledger_of_this_package_is_valid(name: str) -> None:
    assert all(name in cell for entry in ledger.load(name) for cell in entry.cells)


def test_the_control_has_no_known_deviation() -> None:
    assert ledger.load("numpy") == []


def test_an_adapter_without_a_ledger_has_no_known_deviations() -> None:
    assert ledger.load("somebody_elses") == []


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, ENTRY)
    assert entry.id == "masked-class"
    assert entry.regimes == ("masked_*",)
    assert entry.date == dt.date(2026, 11, 21)
    assert entry.profiles == ("quick", "full")


def test_an_entry_holds_in_every_profile_unless_it_says_otherwise(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, ENTRY.replace('profiles = ["quick", "full"]\n', ""))
    assert entry.profiles == ledger.PROFILES


@pytest.mark.parametrize(
    ("asked", "explained"),
    [
        (("EXT-2", CELL, "masked_one", "2.13.0"), True),
        (("EXT-2", CELL, "masked_one", "2.13.0+cpu"), True),
        (("EXT-2", CELL, "masked_one", "2.13.0rc2"), True),
        (("EXT-2", CELL, "masked_one", "2.14.0"), False),
        (("EXT-2", CELL, "masked_one", "2.5.1"), False),
        (("EXT-3", CELL, "masked_one", "2.13.0"), False),
        (("EXT-2", CELL, "all_masked", "2.13.0"), False),
        (("EXT-2", CELL.replace("torch", "jax"), "masked_one", "2.13.0"), False),
        (("EXT-2", CELL.replace("value", "grad_logits"), "masked_one", "2.13.0"), False),
    ],
)
def test_an_entry_explains_its_clause_cells_regimes_and_versions_alone(
    tmp_path: Path, asked: tuple[str, str, str, str], explained: object
) -> None:
    (entry,) = read(tmp_path, ENTRY)
    assert entry.matches(*asked) is explained


@pytest.mark.parametrize(
    ("version", "profile", "due"),
    [("2.13.0+cpu", "quick", True), ("2.13.0", "full", False), ("2.14.0", "quick", False)],
)
def test_an_entry_is_due_in_its_versions_and_profiles_alone(
    tmp_path: Path, version: str, profile: str, due: object
) -> None:
    (entry,) = read(tmp_path, ENTRY.replace('["quick", "full"]', '["quick"]'))
    assert entry.applies_to(version, profile) is due


@pytest.mark.parametrize(("profile", "explains"), [("full", True), ("quick", False)])
def test_an_entry_explains_nothing_in_a_profile_that_does_not_show_it(
    tmp_path: Path, profile: str, explains: object
) -> None:
    entries = read(tmp_path, ENTRY.replace('["quick", "full"]', '["full"]'))
    conclusions = Conclusions(Description("PyTorch", "2.13.0"), entries, profile)
    cell = Cell("torch", "eager", "softmax_cross_entropy", "value", "float32", "distributions")
    found = judgement(Case(cell, "masked_one", ""), "EXT-2", "deviates")
    (taken,) = conclusions.take([found])
    assert bool(taken.deviation) is explains
    assert conclusions.stale_entries() == []


@pytest.mark.parametrize(
    ("verdict", "observed", "explained"),
    [
        ("deviates", "nan", True),
        ("deviates", "0x1.01p+0", True),
        ("deviates", "0x1.8p+0", False),
        ("crashed", "", True),
    ],
)
def test_an_entry_explains_nothing_that_is_worse_than_it_says(
    tmp_path: Path, verdict: str, observed: str, explained: object
) -> None:
    conclusions = Conclusions(Description("PyTorch", "2.13.0"), read(tmp_path, ENTRY), "quick")
    cell = Cell("torch", "eager", "softmax_cross_entropy", "value", "float32", "distributions")
    found = judgement(Case(cell, "masked_one", ""), "EXT-2", verdict)
    (taken,) = conclusions.take([replace(found, exact="0x1.0p+0", observed=observed)])
    assert bool(taken.deviation) is explained
    assert taken.reason.startswith('worse than the deviation "masked-class" says: silent') is not explained


KEYS = "id, clause, cells, regimes, versions, effect, reason, upstream, date, profiles"


@pytest.mark.parametrize(
    ("line", "instead", "fault"),
    [
        ('id = "masked-class"\n', "", f"entry 1: id is missing; an entry has {KEYS}"),
        ('clause = "EXT-2"\n', "", f'entry 1 "masked-class": clause is missing; an entry has {KEYS}'),
        ("reason =", "raeson =", f'entry 1 "masked-class": reason is missing; an entry has {KEYS}'),
        ("profiles =", "note = 1\nprofiles =", f'entry 1 "masked-class": note is not known; an entry has {KEYS}'),
        ('"EXT-2"', '" "', "clause must be a text, found ' '"),
        ('["masked_*"]', '"masked_*"', "regimes must be a list of globs, found 'masked_*'"),
        ('["masked_*"]', "[]", "regimes must be a list of globs, found []"),
        (
            '">=2.6,<2.14"',
            '"2.6 to 2.14"',
            "versions must be a PEP 440 specifier such as \">=2.6,<2.14\", found '2.6 to 2.14'",
        ),
        ('">=2.6,<2.14"', '""', "versions must be a PEP 440 specifier such as \">=2.6,<2.14\", found ''"),
        ("2026-11-21", '"yesterday"', "date must be a TOML date such as 2026-11-21, found 'yesterday'"),
        (
            '"not-finite"',
            '"nan"',
            "effect must be one of silent, not-finite, no-answer, inaccurate, form, found 'nan'",
        ),
        (
            "https://",
            "see ",
            "a link that begins with https://, or reports/findings/NAME.md, found 'see example.org/thread'",
        ),
        ('["quick", "full"]', '["slow"]', "profiles must be a list of quick, full, found ['slow']"),
    ],
)
def test_a_faulty_entry_is_refused_by_file_entry_and_remedy(
    tmp_path: Path, line: str, instead: str, fault: str
) -> None:
    assert line in ENTRY
    with pytest.raises(ledger.LedgerError) as caught:
        read(tmp_path, ENTRY.replace(line, instead))
    assert str(caught.value).startswith(str(tmp_path / "torch.toml"))
    assert str(caught.value).endswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[deviation]\n", "not a TOML file"),
        ("[deviations]\n", "found deviations; a ledger holds [[deviation]] entries alone"),
        (ENTRY + ENTRY, 'the id "masked-class" is given twice'),
    ],
)
def test_a_faulty_file_is_refused_by_name(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ledger.LedgerError) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "torch.toml") in str(caught.value)
    assert fault in str(caught.value)
