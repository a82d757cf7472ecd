"""Runs made up for the tests of reports: ordinary, hostile, and a hundred thousand rows."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import cycle, islice, product
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.cells import Cell
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.runs.run_file import Run, merge, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = {"jax": "0.10.2", "tensorflow": "2.21.0", "torch": "2.13.0"}
QUESTIONS = (
    ("softmax", "none", "value", "VAL"),
    ("log_softmax", "none", "value", "VAL"),
    ("softmax_cross_entropy", "indices", "value", "VAL"),
    ("softmax_cross_entropy", "indices", "grad_logits", "GRD"),
    ("softmax_cross_entropy", "distributions", "grad_labels", "GLB"),
)
ORDINARY = ("typical", "saturated", "near_tie", "common_offset")
EXTREME = {"masked_one": "EXT-2", "masked_label": "EXT-3", "plus_inf_one": "EXT-5", "nan": "EXT-1"}
HOSTILE = (
    "<script>window.harmed = true</script>",
    "</script><script>window.harmed = true</script>",
    "\"'><img src=x onerror=window.harmed=true>",
    "{{ 7 * 7 }} {% raw %} ${7 * 7} \\u003cscript\\u003e",
    "right \u202eto left\u202c, \u2066isolated\u2069, bell \x07, nul \x00, escape \x1b[31m, zero\u200bwidth",
    "javascript:window.harmed=true",
    "a\nb\tc, d|e `f` [red]g[/red] &amp; --> ]]>",
)


def environment_of(framework: str, version: str, **extra: Any) -> dict[str, Any]:
    """Return an environment as `describe_environment` would give it."""
    return {
        "python": "3.11.2",
        "implementation": "CPython (GCC 12.2.0)",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "Linux 6.1.0",
        "cpu": "Example CPU @ 2.10GHz",
        "cpu_features": ["avx", "avx2", "fma"],
        "cores": 2,
        "threads": {"OMP_NUM_THREADS": "2"},
        "packages": {"logitproof": "0.1.0", "numpy": "2.4.0"},
        "framework": {"framework": framework, "version": version, "build": {"threads": "2"}},
        **extra,
    }


def fraction(number: int) -> float:
    """Return a number in [0, 1) that looks random and never changes: multiples of the golden ratio, modulo 1."""
    return (number * 0.6180339887498949) % 1.0


def judgement(framework: str, mode: str, format_: str, question: tuple[str, str, str, str], regime: str) -> Judgement:
    """Return a conforming judgement with a plausible worst element."""
    op, labels, quantity, family = question
    cell = Cell(framework, mode, op, quantity, format_, labels)
    seed = sum(ord(char) * (place + 7) for place, char in enumerate(cell.id + regime))
    slack = fraction(seed) ** 2
    logits = [(8 * fraction(seed + i) - 4).hex() for i in range(4)]
    exact = fraction(seed + 11)
    return Judgement(
        cell=cell.id,
        adapter=framework,
        mode=mode,
        op=op,
        labels=labels,
        quantity=quantity,
        format=format_,
        axis="last",
        layout="contiguous",
        regime=regime,
        clause=EXTREME.get(regime, f"{family}-1"),
        grade="MUST",
        verdict="conforms",
        elements=640,
        ulps=slack * 4,
        slack=slack,
        nats=slack * 1e-7,
        row=seed % 64,
        element=seed % 4 if quantity != "value" else -1,
        exact=exact.hex(),
        observed=(exact * (1 + slack * 1e-7)).hex(),
        bound=f"{1e-7:.6g}",
        inputs=json.dumps({"logits": logits, "labels": [seed % 4]}),
        digest=f"{seed:016x}",
    )


def _spoiled(made: Judgement) -> Judgement:
    """Make some judgements wrong, always the same ones."""
    repro = f'import {made.adapter}\n\nx = [float.fromhex("0x1p+0")]\nprint({made.adapter}.{made.op}(x))\n'
    if made.regime == "plus_inf_one" and made.format == "bfloat16" and made.adapter == "jax":
        reason = "A logit of +inf gives the limit or NaN: observed 0.25, exact 1"
        wrong = replace(made, verdict="deviates", reason=reason, observed=(0.25).hex(), exact=(1.0).hex())
        return replace(wrong, slack=float("inf"), ulps=float("inf"), repro=repro)
    if made.regime == "masked_label" and made.quantity == "grad_logits" and made.adapter == "tensorflow":
        reason = "The loss of a class ruled out is +inf: observed nan, exact 0"
        wrong = replace(made, verdict="deviates", reason=reason, observed="nan", exact=(0.0).hex(), repro=repro)
        return replace(wrong, slack=float("inf"), ulps=float("inf"), deviation="tf-masked-label-gradient")
    if made.regime == "common_offset" and made.op == "log_softmax" and made.format == "float16":
        return replace(made, verdict="concern", grade="SHOULD", clause="VAL-2", slack=3.25, reason="off", repro=repro)
    if made.regime == "nan" and made.mode == "compiled" and made.op == "softmax" and made.adapter == "torch":
        return replace(made, verdict="crashed", reason="RuntimeError: no kernel", observed="", slack=float("nan"))
    return made


def _judgements(framework: str) -> Iterator[Judgement]:
    for mode, format_, question in product(("eager", "compiled"), FORMATS, QUESTIONS):
        for regime in (*ORDINARY, *EXTREME):
            yield _spoiled(judgement(framework, mode, format_, question, regime))
    refused = judgement(framework, "eager", "float16", ("softmax", "none", "jvp", "JVP"), "all")
    yield replace(refused, verdict="unsupported", clause="", grade="MAY", reason="offers no forward mode", elements=0)


def run_of(framework: str, *judgements: Judgement, complete: bool = True) -> Run:
    """Return a run of one framework; without judgements, the made-up ones."""
    ledger = [
        {
            "id": "tf-masked-label-gradient",
            "reason": "the gradient multiplies 0 by infinity",
            "upstream": "https://example.org/issues/1",
        }
    ]
    table = table_of(judgements or _judgements(framework))
    environment = environment_of(framework, VERSIONS.get(framework, "1.0"), ledger=ledger)
    return Run(table, [environment], "quick", "c0ffee" * 8, complete)


@cache
def three_frameworks() -> Run:
    """Return an ordinary run: three frameworks, with one finding of each kind."""
    return merge([run_of(framework) for framework in VERSIONS])


def green() -> Run:
    """Return a run in which all conforms."""
    return run_of("torch", *(replace(made, verdict="conforms") for made in _judgements("torch") if made.elements))


def hostile() -> Run:
    """Return a run whose every text is hostile, in turn."""
    texts = ("adapter", "regime", "clause", "reason", "inputs", "repro", "bound", "observed", "exact", "deviation")
    others = ("cell", "mode", "op", "labels", "quantity", "format", "axis", "layout", "accuracy_class")
    base = judgement("torch", "eager", "float32", QUESTIONS[0], "typical")
    made = []
    for number, text in enumerate(HOSTILE):
        verdict = ("deviates", "crashed", "concern")[number % 3]
        harmful = replace(base, verdict=verdict, **dict.fromkeys(texts + others, text))
        made += [harmful, replace(harmful, deviation=""), replace(base, reason=text, repro=text, verdict="deviates")]
        made.append(replace(base, regime="masked_one", observed=text, exact=text, verdict="deviates", adapter=text))
        made.append(replace(harmful, verdict="unsupported"))
    environment = environment_of("torch", HOSTILE[0], **{text: [text, {"a": text}] for text in HOSTILE})
    ledger = [{"id": text, "reason": text, "upstream": text} for text in HOSTILE]
    return Run(table_of(made), [{**environment, "ledger": ledger}], HOSTILE[1], HOSTILE[2], complete=False)


@cache
def hundred_thousand() -> Run:
    """Return a run of 100,000 rows in which nearly every slack, number and input differs."""
    every = list(islice(cycle(j for name in VERSIONS for j in _judgements(name) if j.elements), 100_000))
    slacks = np.array([fraction(7 * i) ** 2 for i in range(len(every))])
    made = []
    for i, (base, slack) in enumerate(zip(every, slacks.tolist(), strict=True)):
        logits = [(8 * fraction(31 * i + k) - 4).hex() for k in range(10)]
        wrong = i % 5 == 0
        varied = vars(base) | {
            "regime": f"{base.regime}_{i // 953}",
            "slack": slack * (40 if wrong else 1),
            "ulps": fraction(13 * i) * 9,
            "exact": fraction(i + 1).hex(),
            "observed": fraction(i + 2).hex(),
            "inputs": json.dumps({"logits": logits}),
            "reason": f"observed {fraction(i):.9g}" if wrong else "",
            "repro": f"import {base.adapter}\nx = {logits}\nprint(x)\n" if wrong else "",
            "verdict": ("deviates" if i % 50 == 0 else "concern") if wrong else "conforms",
        }
        made.append(Judgement(**varied))
    environments = [
        environment_of(name, version, adapters=[name]) | {"case": number}
        for number, (name, version) in enumerate(VERSIONS.items())
    ]
    return Run(table_of(made), environments, "full", "c0ffee" * 8)
