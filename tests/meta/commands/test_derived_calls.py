"""Calls derived from tables: all pairs of arguments occur, and the exact answers are those of the definitions."""

from __future__ import annotations

import ast
import re
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.extra_calls.exact_answers import FORMULAS, exact_numbers
from logitproof.extra_calls.judgements import judgement_on
from logitproof_adapters.catalogue.extra_calls.evaluate import answer
from logitproof_adapters.catalogue.extra_calls.pairwise import packages
from logitproof_adapters.catalogue.extra_calls.pairwise.inputs import inputs
from logitproof_adapters.catalogue.extra_calls.pairwise.packages import derived_calls
from logitproof_adapters.catalogue.extra_calls.pairwise.pairs import covering_rows
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import FORMS, KINDS, PLACES, _is_defined
from logitproof_adapters.catalogue.extra_calls.pairwise.ways import COUNTS, Way
from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_reports.runs.values import PATTERNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGES = tuple(packages._OF)
FACTORS: dict[str, Any] = {"a": (0, 1, 2), "b": "xyz", "c": (False, True), "d": (0, 1, 2, 3)}


def legal(row: dict[str, Any]) -> bool:
    return not (row["c"] and row["b"] == "x") and row["a"] + row["d"] != 5


def pairs(row: dict[str, Any]) -> set[tuple[Any, ...]]:
    return set(combinations(row.items(), 2))


def test_every_pair_that_a_legal_row_has_is_in_a_row() -> None:
    rows = covering_rows(FACTORS, legal)
    every = [dict(zip(FACTORS, values, strict=True)) for values in product(*FACTORS.values())]
    wanted = set().union(*(pairs(row) for row in every if legal(row)))
    assert all(map(legal, rows))
    assert set().union(*map(pairs, rows)) == wanted
    assert len(rows) < len(every) / 3
    assert rows == covering_rows(FACTORS, legal)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_call_has_a_name_of_its_own_and_can_be_recorded(package: str) -> None:
    calls = derived_calls(package)
    assert package in {row.packages[0] for row in FRAMEWORKS.values()}
    assert len({(call.op, call.labels, call.format, call.name) for call in calls}) == len(calls)
    compile(calls[0].imports, package, "exec")
    names = ast.walk(ast.parse(calls[0].imports))
    defined = {one.name for one in names if isinstance(one, ast.FunctionDef)}
    defined |= set(re.findall(r"(\w+)(?=[\w, ]* = )", calls[0].imports))
    assert {call.source.partition("(")[0] for call in calls} <= defined
    for call in calls[:: len(calls) // 9]:
        record = judgement_on(package, call, {"raised": "ValueError: no"})
        assert re.fullmatch(PATTERNS["inputs"], record.inputs)
        assert record.verdict == "crashed"


FORMATS = re.compile(r"b?float\d*|double|u?int\d+|bool_?|split|set_device|config|update", re.IGNORECASE)
"""What programs look up of a framework while they are read: its formats, and how it is set up."""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_release_that_lacks_a_function_is_asked_the_others(package: str) -> None:
    """A program is read whole: what it looks up there, a release without it fails for every call."""
    waiting: list[ast.AST] = [ast.parse(derived_calls(package)[0].imports)]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, ast.FunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(one)
        if isinstance(one, ast.Attribute):
            assert FORMATS.fullmatch(one.attr), ast.unparse(one)


@pytest.mark.parametrize("package", [name for name in PACKAGES if hasattr(packages._OF[name], "FURTHER_WAYS")])
def test_every_way_is_asked_of_every_function_that_has_ways(package: str) -> None:
    table, calls = packages._OF[package], derived_calls(package)
    for way in table.FURTHER_WAYS:
        asked = {call.source.partition("(")[0] for call in calls if call.case.get("layout") == way.layout}
        for function in table.FUNCTIONS:
            few = way.among(function.factors) if "layout" in function.factors else {}
            rows = (dict(zip(few, values, strict=True)) for values in product(*few.values()))
            if few and any(_is_defined(row) and function.legal(function._case(row)) for row in rows):
                assert function.name in asked, (function.name, way.layout)


def test_a_way_is_asked_in_few_values_of_the_other_arguments() -> None:
    factors = {"place": PLACES, "kind": KINDS, "form": FORMS, "layout": ("dense", "sliced"), "kept": (False, True)}
    assert Way("read_only").among(factors) == {
        "place": PLACES[:2],
        "kind": ["typical", "masked"],
        "form": ["float32"],
        "layout": ("read_only",),
        "kept": (False, True),
    }
    assert tuple(Way("short", COUNTS).among(factors)["kind"]) == COUNTS
    assert Way("read_only", ("infinite",)).among(factors)["kind"] == []


def test_counts_are_whole_in_every_format() -> None:
    counts = inputs()["logits_of"]((2, 3), "counts")
    assert (counts == np.round(counts)).all()
    assert 0.0 == counts.min() < counts.max() < 128.0


SHAPE, AXIS = (2, 3, 2), 1
CASE: dict[str, Any] = {"shape": SHAPE, "axis": AXIS, "kind": "typical", "what": "value"}
LOGITS: NDArray[np.float64] = inputs()["logits_of"](SHAPE, "typical", AXIS)
SHARES: NDArray[np.float64] = inputs()["shares_of"](SHAPE, "typical", AXIS)
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=AXIS, keepdims=True)
TRUTHS: NDArray[np.float64] = inputs()["truths_of"](SHAPE)
SIGMOID = 1.0 / (1.0 + np.exp(-LOGITS))
CLASSES = np.expand_dims(inputs()["classes_of"](SHAPE, "typical", AXIS), AXIS)
KNOWN = inputs()["factors_of"](SHAPE) / 4.0
PICKED = np.take_along_axis(np.log(SOFTMAX), CLASSES, AXIS)
WEIGHTS = np.array([1.0, 1.5, 2.0]).reshape(1, 3, 1)
OF_ROW = np.take_along_axis(WEIGHTS + 0.0 * LOGITS, CLASSES, AXIS)
BINARY = -TRUTHS * np.log(SIGMOID) - (1.0 - TRUTHS) * np.log(1.0 - SIGMOID)
SUMS = np.exp(LOGITS).sum(axis=AXIS)

DEFINITIONS: dict[str, tuple[dict[str, Any], Any]] = {
    "softmax": ({}, SOFTMAX),
    "log_softmax": ({}, np.log(SOFTMAX)),
    "softmin": ({}, np.exp(-LOGITS) / np.exp(-LOGITS).sum(axis=AXIS, keepdims=True)),
    "log_sum_exp": ({}, np.log(SUMS)),
    "cumulated": ({}, np.log(np.cumsum(np.exp(LOGITS), axis=AXIS))),
    "entropy": ({}, -(SOFTMAX * np.log(SOFTMAX)).sum(axis=AXIS)),
    "cross_entropy": ({"weight": True, "reduction": "mean"}, -(OF_ROW * PICKED).sum() / OF_ROW.sum()),
    "nll": ({"ignored": 7}, None),
    "binary": ({"weight": True, "reduction": "sum"}, (inputs()["factors_of"](SHAPE) * BINARY).sum()),
    "focal": ({"gamma": 2.0}, None),
    "divergence": ({"reduction": "batchmean"}, None),
    "merged": ({}, np.log(np.exp(LOGITS) + np.exp(inputs()["tangent_of"](SHAPE)))),
    "sigmoid": ({}, SIGMOID),
    "log_sigmoid": ({}, np.log(SIGMOID)),
    "softplus": ({}, np.log1p(np.exp(LOGITS))),
    "poly": ({"epsilon": 2.0}, np.take_along_axis(2.0 * (1.0 - SOFTMAX) - np.log(SOFTMAX), CLASSES, AXIS)),
    "merged_in_base_2": ({}, np.log2(2.0**LOGITS + 2.0 ** inputs()["tangent_of"](SHAPE))),
    "mean_exp": ({}, np.log(SUMS / 3.0)),
    "relative": ({}, SIGMOID * np.log(SIGMOID / KNOWN)),
    "weighted_log": ({"of_rest": True}, TRUTHS * np.log(1.0 - SIGMOID)),
    "self_information": ({}, -SIGMOID * np.log(SIGMOID)),
    "coin": ({}, -SIGMOID * np.log(SIGMOID) - (1.0 - SIGMOID) * np.log(1.0 - SIGMOID)),
    "logit": ({}, np.log(SIGMOID) - np.log(1.0 - SIGMOID)),
    "by_other": ({"by": "parts", "of_measures": True}, inputs()["cotangent_of"](SHAPE) * (1.0 - SIGMOID / KNOWN)),
    "focal_of_classes": (
        {"labels": "shares", "alpha": 0.25, "gamma": 2.0},
        (-0.25 * SHARES * (1.0 - SOFTMAX) ** 2 * np.log(SOFTMAX)).sum(axis=AXIS),
    ),
}
"""The options and the value of each formula, written out; where there is none its derivatives alone are tested."""


def test_every_formula_is_tested() -> None:
    assert set(DEFINITIONS) | {"alignment"} == set(FORMULAS)


def test_derivatives_by_what_stands_beside_are_those_of_the_formula() -> None:
    case, given = {**CASE, "op": "by_other"}, inputs()
    other, cotangent = given["tangent_of"](SHAPE), given["cotangent_of"](SHAPE)
    found = exact_numbers({**case, "by": "other"}).reshape(SHAPE)
    np.testing.assert_allclose(found, cotangent * np.exp(other - np.logaddexp(LOGITS, other)), rtol=1e-12)
    found = exact_numbers({**case, "by": "factors"}).reshape(SHAPE)
    sums = (given["factors_of"](SHAPE) * np.exp(LOGITS)).sum(axis=AXIS, keepdims=True)
    of_rows = np.expand_dims(given["cotangent_of"](sums.squeeze(AXIS).shape), AXIS)
    np.testing.assert_allclose(found, of_rows * np.exp(LOGITS) / sums, rtol=1e-12)


@pytest.mark.parametrize(
    ("op", "options", "exact"),
    [
        ("sigmoid", {}, [1.0, 0.0]),
        ("softplus", {}, [np.inf, 0.0]),
        ("log_sigmoid", {}, [0.0, -np.inf]),
        ("merged", {"beside": "same"}, [np.inf, -np.inf]),
        ("merged_in_base_2", {}, [np.inf, 2.0]),
        ("self_information", {}, [0.0, 0.0]),
        ("relative", {"of_measures": True}, [-np.log(0.625) - 0.375, 0.375]),
        ("weighted_log", {}, [0.0, -np.inf]),
        ("logit", {}, [np.inf, -np.inf]),
    ],
)
def test_the_limits_at_infinities_are_those_of_the_formulas(op: str, options: dict[str, Any], exact: Any) -> None:
    found = exact_numbers({"op": op, "shape": (5,), "kind": "infinite", "what": "value", **options})
    assert np.isnan(found[4])
    np.testing.assert_allclose(found[[1, 3]], exact, rtol=1e-12)


def test_three_paths_of_nine_spell_a_label_in_two_frames_of_equal_symbols() -> None:
    case = {"op": "alignment", "shape": (2, 1, 3), "kind": "level", "normalised": True}
    np.testing.assert_allclose(exact_numbers({**case, "what": "value"}), np.log(3.0), rtol=1e-12)
    given = exact_numbers({**case, "normalised": False, "what": "slope"})
    np.testing.assert_allclose(given, np.array([-1, -2, 0, -1, -2, 0]) / 3.0, rtol=1e-12)


def test_half_the_square_is_differentiated_twice() -> None:
    case = {**CASE, "op": "log_sum_exp"}
    value, push, curve, bent = (exact_numbers({**case, "what": what}) for what in ("value", "push", "curve", "bent"))
    assert value.size == push.size
    along = inputs()["tangent_of"](SHAPE).ravel()
    cotangent = inputs()["cotangent_of"](value.shape)
    slopes = (cotangent * push**2).sum() + (value * cotangent * second(push)).sum()
    assert bent @ along == pytest.approx(slopes, abs=1e-12)
    assert curve @ along == pytest.approx((cotangent * second(push)).sum(), abs=1e-12)


def second(push: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the second derivative of log-sum-exp along the tangent: the variance of the tangent."""
    along = inputs()["tangent_of"](SHAPE)
    variance: NDArray[np.float64] = (SOFTMAX * along**2).sum(axis=AXIS).ravel() - push**2
    return variance


@pytest.mark.parametrize("op", DEFINITIONS)
def test_values_are_those_of_the_definition_and_derivatives_those_of_the_values(
    op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, value = DEFINITIONS[op]
    case = {**CASE, "op": op, **options}
    exact = exact_numbers(case)
    if value is not None:
        np.testing.assert_allclose(exact, np.ravel(value), rtol=1e-12)
    slope, push, curve = (exact_numbers({**case, "what": what}) for what in ("slope", "push", "curve"))
    given, step = dict(inputs()), 1e-5
    along = given["tangent_of"](SHAPE)
    cotangent = given["cotangent_of"](exact.shape)

    def moved(what: str, by: float) -> NDArray[np.float64]:
        monkeypatch.setitem(inputs(), "logits_of", lambda *_: LOGITS + by * along)
        return exact_numbers({**case, "what": what})

    pushed, curved = (np.subtract(moved(what, step), moved(what, -step)) / (2.0 * step) for what in ("value", "slope"))
    np.testing.assert_allclose(push, pushed, atol=1e-7)
    np.testing.assert_allclose(curve, curved, atol=1e-7)
    np.testing.assert_allclose((slope * along.ravel()).sum(), (cotangent * push).sum(), atol=1e-12)


def test_several_numbers_are_held_against_the_exact_ones() -> None:
    call = next(one for one in derived_calls("torch") if one.case["what"] == "value" and one.format == "float32")
    exact = exact_numbers(call.case)
    assert judgement_on("torch", call, {"values": [one.hex() for one in exact.tolist()]}).verdict == "conforms"
    off = exact.copy()
    off[-1] += 0.01
    record = judgement_on("torch", call, {"values": [one.hex() for one in off.tolist()]})
    assert (record.verdict, record.elements, record.observed) == ("deviates", exact.size, float(off[-1]).hex())
    nothing = judgement_on("torch", call, {"values": ["nan"] * exact.size})
    assert nothing.verdict == "deviates"
    short = judgement_on("torch", call, {"values": []})
    assert (short.verdict, short.reason) == ("crashed", f"0 numbers instead of {exact.size}")
    lacking = judgement_on("torch", call, {"raised": "AttributeError: module 'torch' has no attribute 'vmap'"})
    assert lacking.verdict == "unsupported"


def test_what_is_next_to_nothing_is_held_against_its_own_size() -> None:
    call = next(
        one for one in derived_calls("scipy") if one.case["kind"] == "saturated" and one.case["op"] == "sigmoid"
    )
    exact = exact_numbers(call.case)
    assert 0.0 < exact.min() < 1e-17
    near, nothing = ([one.hex() for one in numbers] for numbers in (exact.tolist(), np.round(exact, 9).tolist()))
    assert judgement_on("scipy", call, {"values": near}).verdict == "conforms"
    assert judgement_on("scipy", call, {"values": nothing}).verdict == "deviates"


def test_a_list_of_numbers_is_an_answer() -> None:
    assert answer("x = 0.5", "[x, 2 * x]") == {"values": [(0.5).hex(), (1.0).hex()]}
