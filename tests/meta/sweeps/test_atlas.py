"""The atlas: the same numbers on page and in Markdown; a ratchet that sees what became worse."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof_reports.sweep_records.atlas_entries import Atlas, Searched, atlas_of, joined
from logitproof_reports.sweep_records.atlas_file import read_atlas, write_atlas
from logitproof_reports.sweep_records.compare import atlas_changes, changes
from logitproof_reports.sweep_records.record import COUNTS, Record, read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).resolve().parents[3] / "docs"
NAME = "eager-log_softmax-value-float32"
HOSTILE = "<b>3.0</b>"


def record_of(adapter: str = "torch", **changed: Any) -> Record:
    """Return a record of one function, measured in one unit."""
    planned = {
        "op": "log_softmax",
        "labels": "none",
        "quantity": "value",
        "format": "float32",
        "mode": "eager",
        "first": 0x4100_0000,
        "rows": 4096,
        "size": 1 << 32,
    }
    head = {
        "adapter": adapter,
        "framework": {"framework": "PyTorch", "version": HOSTILE, "build": {"threads": "2"}},
        "environment": {"cpu": "some processor"},
        "held_to": {},
        "unit": 1 << 24,
        "plan": {NAME: planned},
    }
    worst = {"measure": (2.5).hex(), "row": 0x4100_0001, "element": 1, "observed": (8.0).hex()}
    unit = {
        "function": NAME,
        "start": 0x4100_0000,
        **dict.fromkeys(COUNTS, 0),
        "rows": 4096,
        "numbers": 8192,
        "not_rounded": 2048,
        "first_broken": -1,
        "first_limit": -1,
        "bins": [8000, 192],
        "ulps": worst,
        "slack": {**worst, "measure": (0.25).hex()},
        "slack_at_most": (0.26).hex(),
    }
    return Record(head, [{**unit, **changed}])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_record(tmp_path / "torch.sweep", record_of())
    write_record(tmp_path / "jax.sweep", record_of("jax", broken=3, first_broken=0x4100_0005))
    return tmp_path


def test_the_atlas_shows_every_number_with_its_row_on_page_and_in_markdown(folder: Path) -> None:
    assert main(["worst", "numpy", "softmax", "float32", "--seconds", "0.3", "-o", "worst.json"]) == EXPECTED
    words = ["torch.sweep", "jax.sweep", "worst.json", "-o", "atlas.html", "--markdown", "atlas.md"]
    assert main(["atlas", *words]) == EXPECTED
    text = (folder / "atlas.md").read_text("utf-8").replace("\\", "")
    page = (folder / "atlas.html").read_text("utf-8").replace("<wbr>", "")
    for number, numbers in {"2.5": ("2.5", "2.5"), "25 %": ("25 %", "25 %"), "broken": ("3", "0")}.items():
        assert "| jax | {} |\n| torch | {} |".format(*numbers) in text, number
    assert "(0x1.0000020000000p+3, 0x0.0p+0), class 1" in text
    assert "| none | 0x41000000:0x41001000, 9.54e-07 of all |" in text
    assert (
        "16,384 answers of 2 functions were compared with the exact ones; 1 function breaks a clause. [The same" in text
    )
    assert "as one page](atlas.html)." in text
    assert "softmax value | float32 | numpy | 3" in text
    assert "--range 0x41000001:0x41000002" in text
    for shown in ("0x1.0000020000000p+3", "16,384 answers", "some processor"):
        assert shown in page
    assert HOSTILE not in page + text


def test_the_widest_record_of_a_function_counts_and_each_number_says_which_rows_it_is_of(folder: Path) -> None:
    wide = record_of(rows=8192, numbers=16_384, ulps={"measure": (3.5).hex(), "row": 0x4100_0001, "element": 1})
    wide.units[0]["ulps"]["observed"] = (8.0).hex()
    wide.head["plan"][NAME]["rows"] = 8192
    write_record(folder / "wide.sweep", wide)
    write_record(folder / "optax.sweep", record_of("optax"))
    words = ["torch.sweep", "wide.sweep", "jax.sweep", "optax.sweep", "-o", "atlas.html", "--markdown", "atlas.md"]
    assert main(["atlas", *words]) == EXPECTED
    text = (folder / "atlas.md").read_text("utf-8").replace("\\", "")
    assert "| jax | 2.5 |\n| optax | 2.5 |\n| torch | 3.5 a |" in text
    assert "| none | 0x41000000:0x41001000, 9.54e-07 of all |\n| a | 0x41000000:0x41002000, 1.91e-06 of all |" in text


def at(start: int, *, rows: int = 4096, threads: str = "2", **changed: Any) -> Record:
    """Return a record of other rows."""
    record = record_of(start=start, rows=rows, **changed)
    record.head["plan"][NAME].update(first=start, rows=rows)
    record.head["framework"]["build"]["threads"] = threads
    return record


def test_records_of_other_rows_of_one_function_add_up() -> None:
    worst = {"measure": (3.5).hex(), "row": 0x4200_0000, "element": 0, "observed": (8.0).hex()}
    parts = [at(0x4100_1000), at(0x4100_0000), at(0x4200_0000, ulps=worst, not_rounded=4096)]
    (found,) = atlas_of(parts).swept
    assert (found.rows, found.numbers) == (
        "2 ranges: 0x41000000:0x41002000, 0x42000000:0x42001000, 2.86e-06 of all",
        3 * 8192,
    )
    assert (found.line.ulps, found.line.not_rounded) == ("3.5", "33.3 %")


def test_rows_are_not_counted_twice_and_environments_are_not_mixed() -> None:
    wide, inside, elsewhere = at(0x4100_0000, rows=8192), at(0x4100_1000), at(0x4200_0000, threads="1")
    (found,) = atlas_of([inside, elsewhere, wide]).swept
    assert found.rows == "0x41000000:0x41002000, 1.91e-06 of all"


def on(processor: str, features: tuple[str, ...] = (), **changed: Any) -> Record:
    """Return a record of another machine."""
    record = record_of(**changed)
    record.head["environment"].update(cpu=processor, cpu_features=list(features))
    return record


def test_each_processor_has_a_row_of_its_own(folder: Path) -> None:
    write_record(folder / "a.sweep", on("Zen"))
    write_record(folder / "b.sweep", on("Neoverse", not_rounded=4096))
    assert main(["atlas", "a.sweep", "b.sweep", "-o", "atlas.html", "--markdown", "atlas.md"]) == EXPECTED
    text = (folder / "atlas.md").read_text("utf-8")
    assert "| torch, Neoverse | 50 % |\n| torch, Zen | 25 % |" in text
    write_record(folder / "b.sweep", on("Zen", ("avx2",), not_rounded=4096))
    assert main(["atlas", "a.sweep", "b.sweep", "-o", "atlas.html", "--markdown", "atlas.md"]) == EXPECTED
    assert "| torch, Zen | 25 % |\n| torch, Zen (avx2) | 50 % |" in (folder / "atlas.md").read_text("utf-8")


def test_an_atlas_as_data_is_read_as_it_was_written_and_gives_the_same_pages(folder: Path) -> None:
    assert main(["worst", "numpy", "softmax", "float32", "--seconds", "0.3", "-o", "worst.json"]) == EXPECTED
    pages = ["-o", "atlas.html", "--markdown", "atlas.md"]
    assert main(["atlas", "torch.sweep", "jax.sweep", "worst.json", *pages, "--data", "atlas.json"]) == EXPECTED
    written = {path.name: path.read_bytes() for path in folder.glob("atlas.*")}
    assert set(written) == {"atlas.html", "atlas.md", "atlas.json"}
    assert main(["atlas", "atlas.json", *pages, "--data", "atlas.json"]) == EXPECTED
    assert {path.name: path.read_bytes() for path in folder.glob("atlas.*")} == written
    assert main(["atlas", "atlas.json", "torch.sweep", "worst.json", *pages, "--data", "atlas.json"]) == EXPECTED
    assert {path.name: path.read_bytes() for path in folder.glob("atlas.*")} == written


def test_of_what_is_in_an_atlas_already_the_most_rows_count_and_the_later_of_as_many() -> None:
    first, later = atlas_of([record_of()]), atlas_of([record_of(not_rounded=4096)])
    wide = atlas_of([at(0x4100_0000, rows=8192)])
    assert joined([first, later]) == later
    assert joined([wide, later]) == wide
    assert joined([first, wide]) == wide
    assert len(joined([first, atlas_of([record_of("jax")])]).swept) == 2


def searched(slack: str, release: str = "PyTorch 2.13.0") -> Atlas:
    """Return an atlas of one search."""
    names = ("softmax value", "float32", "10", "error / bound", "2.5", slack, "100", "-")
    return Atlas((), (Searched("torch", release, *names),))


def test_of_searches_of_a_release_the_largest_error_counts_and_a_later_release_replaces_it() -> None:
    assert joined([searched("0.4"), searched("∞"), searched("0.3")]) == searched("∞")
    newer = searched("0.2", "PyTorch 2.14.0")
    assert joined([searched("0.4"), newer]) == newer


def test_the_published_atlas_is_what_its_data_give(tmp_path: Path) -> None:
    pages = [tmp_path / "atlas.html", tmp_path / "atlas.md"]
    words = ["atlas", str(DOCS / "atlas.json"), "-o", str(pages[0]), "--markdown", str(pages[1])]
    assert main([*words, "--data", str(tmp_path / "atlas.json")]) == EXPECTED
    for page in (*pages, tmp_path / "atlas.json"):
        assert page.read_text("utf-8") == (DOCS / page.name).read_text("utf-8"), (
            "run: logitproof atlas docs/atlas.json -o docs/atlas.html --markdown docs/atlas.md"
        )


def without(name: str) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        record.head["plan"][f"{name}-2"] = record.head["plan"].pop(name)
        record.units[0]["function"] = f"{name}-2"

    return change


CHANGED: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "same", ""),
    "more ulps": ({"ulps": {"measure": (3.0).hex()}}, "worse", "largest error in ulps 2.5 -> 3"),
    "fewer ulps": ({"ulps": {"measure": (2.0).hex()}}, "better", "largest error in ulps 2.5 -> 2"),
    "a broken clause": ({"broken": 1, "first_broken": 7}, "worse", "broken 0 -> 1"),
    "a wrong limit": ({"limits_wrong": 1}, "worse", "broken 0 -> 1"),
    "fewer rounded": ({"not_rounded": 2049}, "worse", "not correctly rounded 2,048 -> 2,049"),
    "an answer that is not finite": ({"ulps": {"measure": "inf"}}, "worse", "largest error in ulps 2.5 -> inf"),
    "other errors": ({"bins": [8001, 191]}, "moved", "as good, with other errors"),
}


@pytest.mark.parametrize(("changed", "verdict", "reason"), CHANGED.values(), ids=CHANGED)
def test_the_ratchet_names_what_changed(
    changed: dict[str, Any], verdict: str, reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = copy.deepcopy(record_of())
    for name, value in changed.items():
        after.units[0][name] = {**after.units[0][name], **value} if isinstance(value, dict) else value
    (found,) = changes(record_of(), after)
    assert (found.verdict, found.reason) == (verdict, reason)
    write_record(folder / "after.sweep", after)
    assert main(["diff", "torch.sweep", "after.sweep"]) == (UNEXPECTED if verdict == "worse" else EXPECTED)
    assert capsys.readouterr().out.startswith(f"{verdict:<14}  {NAME}")


SHOWN = {
    **{name: CHANGED[name] for name in ("nothing", "more ulps", "fewer ulps", "an answer that is not finite")},
    "a broken clause": ({"broken": 1, "first_broken": 7}, "worse", "broken 0 -> 1"),
    "more than rounded": ({"slack": {"measure": (1.5).hex()}}, "worse", "largest error / bound 0.25 -> 1.5"),
    "fewer rounded": ({"not_rounded": 2130}, "worse", "not correctly rounded 2.05e+03 -> 2.13e+03"),
    "a few not rounded": ({"not_rounded": 0}, "better", "not correctly rounded 2.05e+03 -> 0"),
    "less than is shown": ({"not_rounded": 2049}, "same", ""),
}


@pytest.mark.parametrize(("changed", "verdict", "reason"), SHOWN.values(), ids=SHOWN)
def test_two_atlases_are_compared_as_far_as_they_tell(
    changed: dict[str, Any], verdict: str, reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = copy.deepcopy(record_of())
    for name, value in changed.items():
        after.units[0][name] = {**after.units[0][name], **value} if isinstance(value, dict) else value
    for name, record in {"before": record_of(), "after": after}.items():
        write_atlas(folder / f"{name}.json", atlas_of([record]))
    assert main(["diff", "before.json", "after.json"]) == (UNEXPECTED if verdict == "worse" else EXPECTED)
    shown = f"torch log_softmax value float32{f': {reason}' if reason else ''}"
    assert capsys.readouterr().out == f"{verdict:<14}  {shown}\n"


def test_functions_of_one_atlas_alone_or_of_other_rows_are_not_compared() -> None:
    before, wide = atlas_of([record_of()]), atlas_of([at(0x4100_0000, rows=8192)])
    assert [(one.verdict, one.reason) for one in atlas_changes(before, wide)] == [("not comparable", "other rows")]
    found = atlas_changes(before, atlas_of([record_of("jax")]))
    assert [one.reason for one in found] == ["only in the candidate", "only in the baseline"]


def test_what_was_measured_on_other_rows_is_not_compared() -> None:
    after = copy.deepcopy(record_of())
    after.head["plan"][NAME]["rows"] = 8192
    assert [one.verdict for one in changes(record_of(), after)] == ["not comparable"]
    after = copy.deepcopy(record_of())
    without(NAME)(after)
    assert [one.reason for one in changes(record_of(), after)] == ["only in the baseline", "only in the candidate"]


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another version": (lambda tree: tree.update(logitproof_atlas=2), "is an atlas of version 2"),
    "no swept": (lambda tree: tree.pop("swept"), "atlas.swept is missing"),
    "no measure": (lambda tree: tree["swept"][0]["line"].update(slack="none"), "slack is not a measure"),
    "unknown function": (lambda tree: tree["swept"][0]["line"].update(function="a b"), "function is not one of"),
    "no environment": (lambda tree: tree["environments"].clear(), "an environment is missing"),
    "half of it": (lambda tree: tree.update(swept=[[]]), "is not a mapping"),
}


@pytest.mark.parametrize(("damage", "hint"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_atlas_is_told_in_one_line(
    damage: Callable[[dict[str, Any]], object], hint: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_atlas(folder / "bad.json", atlas_of([record_of()]))
    tree = json.loads((folder / "bad.json").read_text("utf-8"))
    damage(tree)
    (folder / "bad.json").write_text(json.dumps(tree))
    assert main(["atlas", "bad.json"]) == USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert hint in line


def test_what_a_later_release_adds_to_an_atlas_is_left_out(folder: Path) -> None:
    before = atlas_of([record_of()])
    write_atlas(folder / "later.json", before)
    tree = json.loads((folder / "later.json").read_text("utf-8"))
    tree["swept"][0]["line"]["median"] = "0.3"
    tree["places"] = []
    (folder / "later.json").write_text(json.dumps(tree))
    assert read_atlas(folder / "later.json") == before


def test_a_search_in_another_mode_says_so(folder: Path) -> None:
    assert main(["worst", "numpy", "softmax", "float32", "--seconds", "0.3", "-o", "worst.json"]) == EXPECTED
    tree = json.loads((folder / "worst.json").read_text("utf-8"))
    tree["cell"]["mode"] = "compiled"
    (folder / "worst.json").write_text(json.dumps(tree))
    assert [one.framework for one in atlas_of([], [folder / "worst.json"]).searched] == ["numpy, compiled"]


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"cell": {}})])
def test_a_file_of_another_kind_is_told_in_one_line(
    content: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other.json").write_text(content)
    assert main(["atlas", "torch.sweep", "other.json"]) == USAGE
    assert "other.json is no record of a sweep, no witness and no atlas" in capsys.readouterr().err
    assert not (folder / "atlas.html").exists()


def test_a_record_is_read_as_it_was_written(folder: Path) -> None:
    assert read_record(folder / "torch.sweep") == record_of()
