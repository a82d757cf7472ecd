"""A ledger of known deviations explains exactly what it says, and refuses an entry that cannot be relied on."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from logitproof.matrix.choice import Choice
from logitproof_adapters.catalogue import ledger, registry
from logitproof_adapters.catalogue.expected_here import expectations
from logitproof_adapters.contract import Description
from logitproof_conformance.judging.judging import judgement
from logitproof_conformance.judging.ledger_verdict import Conclusions
from logitproof_conformance.plan.cases import Case
from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.reasons import cause_of
from logitproof_reference.vocabulary.severity import EFFECTS

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.judgement import Judgement

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"

TRIED = """\
[tried]
quick = ["2.13.0"]
full = ["2.13.0"]

"""

ENTRY = """\
[[deviation]]
id = "masked-class"
clause = "EXT-2"
cells = ["torch-*-softmax_cross_entropy-distributions-value-*"]
regimes = ["masked_*"]
since = "2.6"
effect = "not-finite"
reason = "0 * -inf is NaN where the class with weight 0 should add 0."
upstream = "https://example.org/thread"
date = 2026-11-21
profiles = ["quick", "full"]
"""

CELL = "torch-eager-softmax_cross_entropy-distributions-value-float32"


def read(folder: Path, text: str) -> ledger.Ledger:
    path = folder / "torch.toml"
    path.write_text(text, encoding="utf-8")
    return ledger.read(path)


def judged(*, verdict: str = "deviates") -> Judgement:
    cell = Cell("torch", "eager", "softmax_cross_entropy", "value", "float32", "distributions")
    return judgement(Case(cell, "masked_one", ""), "EXT-2", verdict)


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_every_ledger_of_this_package_is_valid(name: str) -> None:
    assert all(name in cell for entry in ledger.load(name).deviations for cell in entry.cells)


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_every_ledger_was_tried_on_the_release_that_conformance_pins(name: str) -> None:
    pins = tomllib.loads(PYPROJECT.read_text("utf-8"))["dependency-groups"].get(f"conformance-{name}", [])
    own = {Requirement(pin).specifier for pin in pins}
    tried = ledger.load(name).tried
    assert all(any(release in one for one in own for release in tried[profile]) for profile in tried)


def test_the_cases_that_a_ledger_names_can_be_chosen_and_are_all_where_it_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    read(tmp_path, ENTRY)
    cell = Cell("torch", "eager", "softmax_cross_entropy", "value", "float32", "distributions")
    cells = {"named": cell, "another": replace(cell, quantity="grad_logits"), "control": replace(cell, adapter="numpy")}
    cases = {name: Case(one, "masked_one", "") for name, one in cells.items()}
    asked = [*cases.values(), Case(cell, "typical", "")]
    assert Choice(cells=("ledger",)).of(asked) == [cases["named"], cases["control"]]
    assert Choice(cells=("ledger", "*-grad_logits-*")).of(asked) == [*cases.values()]
    assert Choice("typical").of(asked) == asked[-1:]


def test_the_control_has_no_known_deviation() -> None:
    assert ledger.load("numpy") == ledger.Ledger()


def test_an_adapter_without_a_ledger_has_no_known_deviations() -> None:
    assert ledger.load("somebody_elses") == ledger.Ledger()


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, ENTRY).deviations
    assert entry.id == "masked-class"
    assert entry.regimes == ("masked_*",)
    assert entry.date == dt.date(2026, 11, 21)
    assert entry.profiles == ("quick", "full")


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        ("undefined", {"undefined", "silent", "not-finite", "no-answer", "inaccurate", "form"}),
        ("silent", {"silent", "not-finite", "inaccurate", "form"}),
        ("no-answer", {"no-answer", "inaccurate", "form"}),
    ],
)
def test_an_entry_covers_what_is_no_graver_and_a_crash_only_by_name(
    entry: str, covered: set[str], tmp_path: Path
) -> None:
    (read_entry,) = read(tmp_path, ENTRY.replace('effect = "not-finite"', f'effect = "{entry}"')).deviations
    assert {effect for effect in EFFECTS if read_entry.covers(effect)} == covered


def test_an_entry_holds_in_every_profile_unless_it_says_otherwise(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, ENTRY.replace('profiles = ["quick", "full"]\n', "")).deviations
    assert entry.profiles == ledger.PROFILES


@pytest.mark.parametrize(
    ("asked", "explained"),
    [
        (("EXT-2", CELL, "masked_one"), True),
        (("EXT-3", CELL, "masked_one"), False),
        (("EXT-2", CELL, "all_masked"), False),
        (("EXT-2", CELL.replace("torch", "jax"), "masked_one"), False),
        (("EXT-2", CELL.replace("value", "grad_logits"), "masked_one"), False),
    ],
)
def test_an_entry_explains_its_clause_cells_and_regimes_alone(
    tmp_path: Path, asked: tuple[str, str, str], explained: object
) -> None:
    (expected,) = expectations(read(tmp_path, ENTRY), "2.13.0", "quick", {})
    assert expected.explains(*asked) is explained


@pytest.mark.parametrize(
    ("version", "strict"),
    [
        ("2.13.0", True),
        ("2.13.0+cpu", True),
        ("2.13.0rc2", False),
        ("2.13.1", False),
        ("2.12.0", False),
        ("2.14.0", None),
        ("2.14.1", None),
        ("2.5.1", False),
        ("unknown", False),
    ],
)
def test_an_entry_must_show_in_the_releases_tried_and_may_show_in_others_until_it_is_fixed(
    tmp_path: Path, version: str, strict: object
) -> None:
    text = TRIED + ENTRY.replace('since = "2.6"\n', 'since = "2.6"\nfixed = "2.14.0"\n')
    found = expectations(read(tmp_path, text), version, "quick", {})
    assert [one.strict for one in found] == ([] if strict is None else [strict])


def test_a_tried_release_before_an_entry_does_not_show_it(tmp_path: Path) -> None:
    text = TRIED.replace('quick = ["2.13.0"]', 'quick = ["2.5.1", "2.13.0"]') + ENTRY
    assert expectations(read(tmp_path, text), "2.5.1", "quick", {}) == []


@pytest.mark.parametrize(
    ("profile", "jax", "strict"),
    [("quick", "0.10.2", True), ("quick", "0.12.0", False), ("quick", "", False), ("full", "0.12.0", True)],
)
def test_a_release_is_tried_beside_what_it_runs_on(tmp_path: Path, profile: str, jax: str, strict: object) -> None:
    tried = '[tried]\nquick = ["2.13.0"]\nfull = ["2.13.0"]\nbeside.quick = ["jax==0.10.*"]\n\n'
    (expected,) = expectations(read(tmp_path, tried + ENTRY), "2.13.0", profile, {"jax": jax} if jax else {})
    assert expected.strict is strict


MACHINES = """\
machines = [
  { needs = ["avx512_bf16", "onednn"] },
  { needs = ["avx512_fp16", "onednn"], excludes = ["clang>=15"], cells = ["torch-eager-*"] },
]
"""


@pytest.mark.parametrize(
    ("facts", "cells"),
    [
        ({"avx2": ""}, ()),
        ({"avx2": "", "avx512_bf16": ""}, ()),
        ({"avx512_bf16": "", "onednn": ""}, ("*",)),
        ({"avx512_fp16": "", "onednn": ""}, ("torch-eager-*",)),
        ({"avx512_fp16": "", "onednn": "", "clang": "14.0.6"}, ("torch-eager-*",)),
        ({"avx512_fp16": "", "onednn": "", "clang": "15.0.6"}, ()),
        ({"avx512_fp16": "", "onednn": "", "clang": "of sorts"}, ("torch-eager-*",)),
    ],
)
def test_an_entry_selects_the_cells_of_the_machines_it_holds_for(
    tmp_path: Path, facts: dict[str, str], cells: tuple[str, ...]
) -> None:
    found = expectations(read(tmp_path, TRIED + ENTRY + MACHINES), "2.13.0", "quick", facts)
    assert [one.among for one in found] == ([cells] if cells else [])
    compiled = CELL.replace("eager", "compiled")
    assert [one.explains("EXT-2", compiled, "masked_one") for one in found] == ([cells == ("*",)] if cells else [])


def test_on_a_machine_that_nobody_tried_an_entry_may_show_and_need_not(tmp_path: Path) -> None:
    where = 'machines = [{ needs = ["avx2"], excludes = ["avx512f"] }]\nuntried = [{ needs = ["avx512f"] }]\n'
    known = read(tmp_path, TRIED + ENTRY + where)
    strict = {
        machine: [one.strict for one in expectations(known, "2.13.0", "quick", dict.fromkeys(facts, ""))]
        for machine, facts in {"old": [], "avx2": ["avx2"], "avx512": ["avx2", "avx512f"]}.items()
    }
    assert strict == {"old": [], "avx2": [True], "avx512": [False]}


def test_the_machines_of_an_entry_are_told_in_words(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, TRIED + ENTRY + MACHINES).deviations
    assert entry.where == "with AVX512-BF16 and oneDNN; with AVX512-FP16 and oneDNN, without clang>=15"


@pytest.mark.parametrize(
    ("version", "facts", "verdict", "stale"),
    [
        ("2.13.0", {"avx512_bf16": "", "onednn": ""}, "stale", ["masked-class"]),
        ("2.13.0", {"avx2": ""}, "conforms", []),
        ("2.14.1", {"avx512_bf16": "", "onednn": ""}, "conforms", []),
    ],
)
def test_what_conforms_against_the_ledger_is_stale_only_where_the_ledger_was_tried(
    tmp_path: Path, version: str, facts: dict[str, str], verdict: str, stale: list[str]
) -> None:
    conclusions = Conclusions(Description("PyTorch", version), read(tmp_path, TRIED + ENTRY + MACHINES), "quick", facts)
    assert conclusions.stale_entries() == stale
    (taken,) = conclusions.take([judged(verdict="conforms")])
    assert taken.verdict == verdict
    assert not taken.deviation
    assert taken.expected is (verdict == "conforms")


def test_a_release_that_was_not_tried_still_shows_what_is_known(tmp_path: Path) -> None:
    conclusions = Conclusions(Description("PyTorch", "2.14.1"), read(tmp_path, TRIED + ENTRY), "quick")
    (taken,) = conclusions.take([judged()])
    assert (taken.verdict, taken.deviation, taken.expected) == ("deviates", "masked-class", True)


@pytest.mark.parametrize(("profile", "explains"), [("full", True), ("quick", False)])
def test_an_entry_explains_nothing_in_a_profile_that_does_not_show_it(
    tmp_path: Path, profile: str, explains: object
) -> None:
    entries = read(tmp_path, TRIED + ENTRY.replace('profiles = ["quick", "full"]', 'profiles = ["full"]'))
    conclusions = Conclusions(Description("PyTorch", "2.13.0"), entries, profile)
    (taken,) = conclusions.take([judged()])
    assert bool(taken.deviation) is explains
    assert conclusions.stale_entries() == []


@pytest.mark.parametrize(
    ("verdict", "observed", "explained"),
    [
        ("deviates", "nan", True),
        ("deviates", "0x1.01p+0", True),
        ("deviates", "0x1.8p+0", False),
        ("crashed", "", False),
    ],
)
def test_an_entry_explains_nothing_that_is_worse_than_it_says_and_no_missing_answer(
    tmp_path: Path, verdict: str, observed: str, explained: object
) -> None:
    conclusions = Conclusions(Description("PyTorch", "2.13.0"), read(tmp_path, ENTRY), "quick")
    (taken,) = conclusions.take([replace(judged(verdict=verdict), exact="0x1.0p+0", observed=observed)])
    assert bool(taken.deviation) is explained
    assert taken.reason.startswith('other than recorded in the ledger entry "masked-class": ') is not explained


KEYS = "id, clause, cells, regimes, since, effect, reason, upstream, date, fixed, profiles, machines, untried"


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
        ('"2.6"', '"2.6 to 2.14"', "since must be a release such as \"2.13.0\", found '2.6 to 2.14'"),
        ('"2.6"', '""', "since must be a release such as \"2.13.0\", found ''"),
        (
            "profiles =",
            'machines = [{ needs = ["avx 512"] }]\nprofiles =',
            "\"clang>=15\") and cells, found [{'needs': ['avx 512']}]",
        ),
        ("2026-11-21", '"yesterday"', "date must be a TOML date such as 2026-11-21, found 'yesterday'"),
        (
            '"not-finite"',
            '"nan"',
            "effect must be one of undefined, silent, not-finite, no-answer, inaccurate, form, found 'nan'",
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
        ("[deviations]\n", "found deviations; a ledger holds [tried] and [[deviation]] entries alone"),
        ('[tried]\nslow = ["2.13.0"]\n', "tried must be a table of lists by profile (quick, full): of releases"),
        ('[tried]\nquick = ["newest"]\n', "found {'quick': ['newest']}"),
        (ENTRY + ENTRY, 'the id "masked-class" is given twice'),
    ],
)
def test_a_faulty_file_is_refused_by_name(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ledger.LedgerError) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "torch.toml") in str(caught.value)
    assert fault in str(caught.value)


def test_a_reason_that_names_another_entry_is_made_whole() -> None:
    entries = [entry for name in registry.known() for entry in ledger.load(name).deviations]
    likewise = [entry.reason for entry in entries if " Likewise" in entry.reason]
    assert len(likewise) > 50
    assert [reason for reason in likewise if cause_of(reason) not in {entry.reason for entry in entries}] == []
    assert [entry.reason for entry in entries if re.match(r"As [a-z0-9]+-[a-z0-9-]+[.,:;]", entry.reason)] == []
