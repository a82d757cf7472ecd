"""The HTML report, read as text: whole, self-contained, escaped, true to the run, small and quick."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_adapters.sources.probe import PROBES
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.report.build import page_of
from logitproof_reports.report.findings import grouped_findings
from logitproof_reports.report.write import render, write_report
from logitproof_reports.runs.run_file import RunFileError
from logitproof_reports.runs.schema import Run, table_of
from logitproof_reports.words.links import explorer_link, filter_link
from logitproof_reports.words.outcomes import BY_RANK, OUTCOMES, UNEXPECTED
from logitproof_reports.words.terms import ENVIRONMENT_FACTS
from logitproof_reports.words.text import escape_control_chars, from_hex
from meta.reports.synthetic_runs import EXTREME, green, hostile, hundred_thousand, judgement, run_of, three_frameworks

if TYPE_CHECKING:
    from pathlib import Path

RUNS = {"ordinary": three_frameworks, "green": green, "hostile": hostile}
VOID_ELEMENTS = {"meta", "link", "img", "br", "hr", "input", "rect", "source", "wbr"}
JOINED = "<wbr>"
"""Stands for a place at which a word may be broken."""


class Reader(HTMLParser):
    """Keeps the elements of a page, the text outside scripts and styles, and the text of those."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "wbr":
            self.words.append(JOINED)
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID_ELEMENTS:
            assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]][-1] += data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace(f" {JOINED} ", "").split())


def read(run: Run) -> Reader:
    return Reader(render(page_of(run)))


def outcome_of(record: dict[str, Any]) -> str:
    wrong = record["verdict"] in {"deviates", "crashed", "void"}
    return "known" if wrong and record["deviation"] else str(record["verdict"])


@pytest.mark.parametrize("name", RUNS)
def test_the_page_is_whole_and_its_ids_are_unique(name: str) -> None:
    page = read(RUNS[name]())
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for tag, a in page.elements if tag == "a" and str(a.get("href")).startswith("#")}
    assert {str(target).partition("?")[0][1:] for target in targets} <= set(ids)


@pytest.mark.parametrize("name", RUNS)
def test_the_page_loads_nothing(name: str) -> None:
    page = read(RUNS[name]())
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}, tag
        assert not {"src", "srcset", "action", "background", "poster", "style"} & attributes.keys(), (tag, attributes)
        if "href" in attributes:
            assert str(attributes["href"]).startswith(("#", "https://")), attributes
    assert "@import" not in page.raw["style"][0]
    assert "url(" not in page.raw["style"][0]


def test_the_policy_allows_the_pages_own_style_and_script_alone() -> None:
    page = read(three_frameworks())
    policy = next(str(a["content"]) for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (page.raw["script"][1], page.raw["style"][0])
    ]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_hostile_text_stays_text() -> None:
    ordinary, harmed = read(three_frameworks()), read(hostile())
    assert len(harmed.raw["script"]) == len(ordinary.raw["script"]) == 2
    assert harmed.raw["script"][1] == ordinary.raw["script"][1]
    assert {tag for tag, _ in harmed.elements} <= {tag for tag, _ in ordinary.elements} | {"br", "p"}
    for _, attributes in harmed.elements:
        assert not [name for name in attributes if name.startswith("on")]
    assert "<script>window.harmed = true</script>" in harmed.text
    assert "\\u202eto left" in harmed.text
    assert "49" not in re.findall(r"{{ (\S+) }}", harmed.text)
    assert not re.search("[\x00-\x08\x0e-\x1f\u200b\u202a-\u202e\u2066-\u2069]", "".join(harmed.words))


def test_the_verdict_is_told_in_one_sentence_each() -> None:
    text = read(three_frameworks()).text
    assert "14 new failures in jax 0.10.2 and torch 2.13.0." in text
    assert "Each breaks a MUST of the specification and has no ledger entry" in text
    assert "310 conform △ 2 warnings (SHOULD) ≈ 8 known deviations 0 new." in text
    assert "10 new. The worst: log-softmax returns 0.25 where 1 is expected (bfloat16, compiled, plus_inf_one)." in text
    assert "4 new. The worst: softmax crashed: RuntimeError: no kernel (bfloat16, compiled, nan)." in text


def test_a_green_run_says_so() -> None:
    page = page_of(green())
    assert page.headline == "torch 2.13.0 conforms."
    assert page.findings == []
    assert "None: every judgement conforms." in Reader(render(page)).text


def test_an_interrupted_run_and_an_empty_one_say_so() -> None:
    empty = Run(table_of([]), [], "quick", "c0ffee", complete=False)
    text = read(empty).text
    assert "Nothing was measured." in text
    assert "The run was interrupted" in text


def test_every_field_of_the_matrix_counts_its_judgements() -> None:
    run = three_frameworks()
    records = [record for record in run.table.to_pylist() if record["clause"]]
    matrix = page_of(run).matrix
    columns = [(group.name, column.name) for group in matrix.groups for column in group.columns]
    assert len(columns) == 12
    assert [row.family for row in matrix.rows if not row.mode] == ["VAL", "GRD", "GLB", "EXT"]
    assert [row.mode for row in matrix.rows[:3]] == ["", "eager", "compiled"]
    for row in matrix.rows:
        for (framework, format_), cell in zip(columns, row.cells, strict=True):
            mine = [
                record
                for record in records
                if (record["adapter"], record["format"], record["clause"].split("-")[0])
                == (framework, format_, row.family)
                and row.mode in {"", record["mode"]}
            ]
            worst = max((OUTCOMES[outcome_of(record)] for record in mine), key=lambda outcome: outcome.rank)
            found = Counter(outcome_of(record) for record in mine)
            noted = sum(found[name] for name in UNEXPECTED) or found["known"] or found["concern"]
            assert cell.outcome == worst
            assert f"{len(mine)} judgements" in cell.description
            slack = min(0.99, max(record["slack"] for record in mine))
            assert cell.text == (f"{noted}/{len(mine)}" if noted else f"{slack:#.2g}")


def test_findings_come_worst_first_with_inputs_and_repro() -> None:
    groups = page_of(three_frameworks()).findings
    assert [group.title for group in groups] == ["New", "Known deviations", "Warnings (SHOULD)"]
    findings = [finding for group in groups for finding in group.findings]
    ranks = [finding.outcome.rank for finding in findings]
    assert ranks == sorted(ranks, reverse=True)
    assert [finding.outcome.name for finding in findings] == ["crashed", *["deviates"] * 5, "known", *["concern"] * 3]
    jax = findings[1]
    facts = {fact.name: fact.value for fact in jax.facts}
    assert facts["observed"] == "0.25 (0x1.0000000000000p-2)"
    assert facts["exact"] == "1 (0x1.0000000000000p+0)"
    assert facts["bound"] == "1e-07 nats"
    assert facts["error"] == "96 ulps, 0.75 nats"
    assert jax.brief == "returns 0.25 where 1 is expected"
    assert jax.effect == "silent"
    assert jax.effect_meaning.startswith("a wrong finite number")
    assert jax.inputs[0].name == "logits"
    assert jax.inputs[0].value.count("0x1.") == 4
    assert jax.repro.startswith("import jax\n")
    assert sum(int(finding.count.split()[0]) for finding in findings) == 28


def test_every_finding_shows_its_impact_and_so_does_its_cell() -> None:
    page = page_of(three_frameworks())
    findings = [finding for group in page.findings for finding in group.findings]
    told = [{fact.name for fact in finding.facts} for finding in findings if finding.outcome.name != "crashed"]
    assert all("impact" in names for names in told)
    head, columns = unpack(three_frameworks())
    for row, detail in head["details"].items():
        if columns["verdict"][int(row)] in {"deviates", "known"}:
            assert "impact" in {name for name, _ in detail["facts"]}


def test_the_smallest_error_of_a_row_is_praised_where_it_breaks_no_must() -> None:
    cells = [cell for table in page_of(three_frameworks()).accuracy.tables for row in table.rows for cell in row.cells]
    assert {cell.outcome.name for cell in cells if cell.outcome} > {"conforms"}
    assert {cell.outcome.name for cell in cells if cell.outcome and cell.best} <= {"conforms", "concern"}


def test_extremes_show_what_came_and_what_was_due() -> None:
    page = page_of(three_frameworks())
    assert {situation.name for situation in page.situations} == set(EXTREME)
    assert [name for name, _ in page.extreme_frameworks] == ["jax 0.10.2", "tensorflow 2.21.0", "torch 2.13.0"]
    label = next(situation for situation in page.situations if situation.name == "masked_label")
    row = next(row for row in label.rows if row.question.startswith("gradient of"))
    assert [(cell.observed, cell.exact) for cell in row.cells[1:2]] == [("NaN", "0")]
    assert row.cells[0].exact == ""
    infinite = next(situation for situation in page.situations if situation.name == "plus_inf_one")
    assert infinite.rows[0].cells[0].where == "bfloat16"
    assert [answer.gives for answer in infinite.answers] == ["returns 0.25, expected 1", "", ""]
    assert infinite.answers[1].number == "all 40 judgements"
    assert {row.due for row in label.rows} == {"a finite number"}
    assert row.cells[0].as_due


def test_known_deviations_carry_the_ledgers_reason_and_link() -> None:
    page = read(three_frameworks())
    assert "the gradient multiplies 0 by infinity" in page.text
    links = [a for tag, a in page.elements if a.get("href") == "https://example.org/issues/1"]
    assert links[0]["rel"] == "noreferrer"


def test_findings_are_one_for_each_cause_with_the_text_to_file() -> None:
    run = three_frameworks()
    entries = [entry for environment in run.environments for entry in environment.get("ledger") or ()]
    upstream = next(entry["upstream"] for entry in entries if entry["id"] == "tf-masked-label-gradient")
    groups = grouped_findings(prepare(run), {upstream: "# The text"})
    (known,) = next(group.findings for group in groups if group.title == "Known deviations")
    assert [(entry.id, entry.number) for entry in known.entries] == [("tf-masked-label-gradient", 8)]
    assert known.count == "8 judgements"
    assert known.text == "# The text"
    ids = [finding.id for group in groups for finding in group.findings]
    assert len(set(ids)) == len(ids)
    assert known.id == "finding-tensorflow-tf-masked-label-gradient"


def test_entries_of_one_cause_make_one_finding() -> None:
    base = judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "typical")
    reasons = {
        "a-cast": "A label is rounded.",
        "a-cast-2": "A label is rounded. Likewise: the gradient.",
        "b": "Other.",
    }
    made = [replace(base, verdict="deviates", regime=id_, deviation=id_) for id_ in reasons]
    run = run_of("torch", *made)
    run.environments[0]["ledger"] = [{"id": id_, "reason": reason} for id_, reason in reasons.items()]
    (known,) = grouped_findings(prepare(run))
    assert sorted(len(finding.entries) for finding in known.findings) == [1, 2]
    (joined,) = (finding for finding in known.findings if len(finding.entries) == 2)
    assert joined.link.endswith("deviation:a-cast,a-cast-2")


def test_a_stale_entry_is_of_no_cell_and_names_a_command_that_runs() -> None:
    lost = replace(
        judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), ""),
        **dict.fromkeys(("mode", "op", "labels", "quantity", "format", "axis", "layout", "inputs"), ""),
        cell="torch",
        verdict="stale",
        reason='the ledger entry "gone" matches nothing in this run',
    )
    (group,) = grouped_findings(prepare(run_of("torch", lost)))
    (stale,) = group.findings
    assert (stale.where, stale.cell_link) == ("", "")
    assert stale.command == "logitproof run --framework torch --cells ledger"


def test_what_is_not_offered_is_no_judgement() -> None:
    page = page_of(three_frameworks())
    assert f"{page.judgements:,}" == next(fact.value for fact in page.facts if fact.name == "judgements")
    assert (page.judgements, page.not_offered) == (960, 3)


def test_an_error_where_a_number_is_expected_is_named() -> None:
    base = judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "nan")
    raised = replace(base, verdict="crashed", reason="ValueError: shapes differ", observed="", slack=float("nan"))
    infinite = replace(base, regime="masked_one", verdict="deviates", exact=(0.5).hex(), observed="inf")
    infinite = replace(infinite, ulps=float("inf"), slack=float("inf"), clause="EXT-2")
    page = page_of(run_of("torch", raised, infinite))
    told = {situation.name: situation.answers[0].gives for situation in page.situations}
    assert told == {"nan": "raises ValueError", "masked_one": "returns +inf, expected 0.5"}
    facts = {fact.name: fact.value for group in page.findings for one in group.findings for fact in one.facts}
    assert facts["error"] == "∞: +inf instead of 0.5"


def test_the_environment_of_every_framework_is_shown() -> None:
    page = page_of(three_frameworks())
    environments = page.environments
    assert "numbers checked with ball arithmetic" in {fact.name for fact in page.certificate}
    assert [one.title for one in environments] == ["In common", "jax 0.10.2", "tensorflow 2.21.0", "torch 2.13.0"]
    facts = {fact.name: fact.value for fact in environments[0].facts}
    assert facts["threads · OMP_NUM_THREADS"] == "2"
    assert facts["build · threads"] == "2"
    assert facts["cpu features"] == "avx avx2 fma"


def test_facts_of_an_environment_have_names_for_readers() -> None:
    run = run_of("torch", judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), "typical"))
    run.environments[0] |= {"tried": "2.13.0", "arithmetic": {"rounds_quotients": "on"}}
    facts = {fact.name: fact.value for fact in page_of(run).environments[0].facts}
    assert facts["newest release that the ledger was tested on"] == "2.13.0"
    assert facts["division rounds correctly"] == "on"
    assert {path.partition(" · ")[2] for path in ENVIRONMENT_FACTS} == {"", *PROBES}


def unpack(run: Run) -> tuple[dict[str, Any], dict[str, list[str]]]:
    payload = page_of(run).payload
    raw = base64.b64decode(payload.text)
    raw = gzip.decompress(raw) if payload.encoding == "gzip" else raw
    length = int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4 : 4 + length])
    offset, rows, columns = 4 + length, head["rows"], {}
    for name, words, width in head["columns"]:
        planes = [raw[offset + byte * rows : offset + (byte + 1) * rows] for byte in range(width)]
        codes = [sum(plane[row] << 8 * byte for byte, plane in enumerate(planes)) for row in range(rows)]
        columns[name] = [words[code] for code in codes]
        offset += rows * width
    assert offset == len(raw)
    return head, columns


@pytest.mark.parametrize("name", RUNS)
def test_the_payload_holds_every_judgement(name: str) -> None:
    run = RUNS[name]()
    _, columns = unpack(run)
    records = run.table.sort_by([(key, "ascending") for key in ("cell", "regime", "clause")]).to_pylist()
    for key in ("cell", "regime", "clause", "mode", "op", "format", "deviation"):
        assert columns[key] == [escape_control_chars(record[key]) for record in records]
    assert columns["framework"] == [escape_control_chars(record["adapter"]) for record in records]
    assert columns["verdict"] == [outcome_of(record) for record in records]
    for shown, record in zip(columns["slack"], records, strict=True):
        assert shown == {"nan": "\N{EN DASH}", "inf": "∞"}.get(str(record["slack"]), f"{record['slack']:.3g}")


def test_the_payload_details_every_row_that_does_not_conform() -> None:
    head, columns = unpack(three_frameworks())
    wrong = {row for row, name in enumerate(columns["verdict"]) if name not in {"conforms", "unsupported"}}
    assert wrong <= {int(row) for row in head["details"]}
    assert len(head["details"]) > len(wrong)


def test_a_hundred_thousand_judgements_make_one_megabyte(tmp_path: Path) -> None:
    write_report(hundred_thousand(), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size <= 1_000_000


def test_the_same_run_gives_the_same_page() -> None:
    assert render(page_of(three_frameworks())) == render(page_of(three_frameworks()))


def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(RunFileError, match="cannot be written") as caught:
        write_report(green(), tmp_path / "report.html")
    assert "\n" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_judgement_on_no_cell_at_all_is_shown() -> None:
    words = ("cell", "mode", "op", "labels", "quantity", "format", "axis", "layout", "clause", "inputs")
    lost = replace(
        judgement("torch", "eager", "float32", ("softmax", "none", "value", "VAL"), ""),
        **dict.fromkeys(words, ""),
        verdict="crashed",
        reason="the worker ended by SIGSEGV",
    )
    assert "the worker ended by SIGSEGV" in read(run_of("torch", lost)).text


def test_templates_hold_loops_conditions_and_inclusions_only() -> None:
    with resources.as_file(resources.files("logitproof_reports.html").joinpath("templates")) as folder:
        templates = list(folder.rglob("*.j2"))
    assert len(templates) >= 8
    for template in templates:
        words = re.findall(r"{%-?\s*(\w+)", template.read_text(encoding="utf-8"))
        assert set(words) <= {"for", "endfor", "if", "else", "endif", "include", "from", "macro", "endmacro"}
        assert "|safe" not in template.read_text(encoding="utf-8").replace(" ", "")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green_, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green_ + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_stands_out_from_its_ground(scheme: int) -> None:
    style = resources.files("logitproof_reports.html").joinpath("templates", "style.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    colour = {name: (light, dark)[scheme] for name, light, dark in pairs}
    outcomes = [name for name in colour if f"{name}-wash" in colour]
    assert len(outcomes) == 6
    grounds = [(ink, ground) for ink in ("ink", "soft", "link") for ground in ("paper", "card")]
    grounds += [(name, f"{name}-wash") for name in outcomes] + [("ink", f"{name}-wash") for name in outcomes]
    grounds += [("soft", f"{name}-wash") for name in outcomes]
    grounds += [(ink, f"conforms-{step}") for ink in ("ink",) for step in range(4)] + [("conforms", "conforms-1")]
    for ink, ground in grounds:
        assert _contrast(colour[ink], colour[ground]) >= 4.5, (ink, ground)


def test_outcomes_rank_from_best_to_worst_by_position() -> None:
    assert [outcome.rank for outcome in BY_RANK] == list(range(len(BY_RANK)))
    assert len({outcome.glyph for outcome in BY_RANK}) == len(BY_RANK)


@pytest.mark.parametrize(
    ("spelled", "shown"),
    [
        ("0x1.8p+1", "3"),
        ("-0x0p+0", "-0"),
        ("0x1p-1 + 0x1p-60", "0.5"),
        ("inf", "+inf"),
        ("-inf", "-inf"),
        ("nan", "NaN"),
        ("0x0.0000000000001p-1022", "4.94066e-324"),
        ("0x1p+99999", "0x1p+99999"),
        ("1.5", "1.5"),
        ("", ""),
        ("no number", "no number"),
    ],
)
def test_hexadecimal_floats_are_shown_in_decimal(spelled: str, shown: str) -> None:
    assert from_hex(spelled) == shown


EXPLORED = {
    ("softmax", '{"logits": ["0x1p+0", "-inf"]}'): "label=0&logits=0x1p%2B0,-inf",
    ("softmax_cross_entropy", '{"logits": ["0x1p+0", "0x0p+0"], "labels": [1]}'): "label=1&logits=0x1p%2B0,0x0p+0",
    ("softmax_cross_entropy", '{"logits": ["0x1p+0", "0x0p+0"], "labels": [7]}'): "label=0&logits=0x1p%2B0,0x0p+0",
    ("softmax_cross_entropy", '{"logits": ["a", "b"], "labels": ["nan", "0x1p-1"]}'): "label=1&logits=a,b",
    ("sigmoid_cross_entropy", '{"logits": ["0x1p+0", "0x0p+0"], "labels": ["0x1p+0", "0x0p+0"]}'): "",
    ("softmax", '{"regime": "wide_1024", "row": 3}'): "",
    ("softmax", "no JSON"): "",
}


@pytest.mark.parametrize(("op", "inputs"), EXPLORED)
def test_a_link_opens_the_explorer_on_rows_that_it_can_show(op: str, inputs: str) -> None:
    due = EXPLORED[op, inputs].replace("0x0p+0", "0x0p%2B0")
    link = explorer_link({"op": op, "inputs": inputs, "format": "float32"})
    assert link == (f"#explorer?format=float32&{due}" if due else "")


def test_filter_links_quote_what_the_filter_would_split() -> None:
    assert filter_link(framework="torch", clause="EXT") == "#judgements?framework:torch%20clause:EXT"
    assert filter_link(regime='a "b", c') == "#judgements?regime:%22a%20%5C%22b%5C%22,%20c%22"
