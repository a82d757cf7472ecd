"""Guesses the cause of wrong answers: known faults, each with the answer that it would give.

A guess is made where a fault's answer is much nearer to what was observed than the exact answer is, in every row that
is wrong. It stays a guess: two faults may give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.causes import faulty_data as data
from logitproof.kernels.causes import faulty_sums as sums
from logitproof.kernels.causes.differentiated_maximum import is_rest_of_the_maximum
from logitproof.kernels.causes.symptoms import MODELLED, answer, distance
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from logitproof.kernels.causes.symptoms import F64, Symptoms

NEARER = 0.05
"""A guess leaves at most this share of the error of each wrong number."""

CLOSE = 4096.0
"""Roundings of itself and of the error by which a guess may miss a wrong number."""

LEAST_FAULT = 0.5
"""The share of an error that a guess must predict."""

ROUGH, MOST_ROWS = 1e-2, 0.9
"""Relative error of a guess in the numbers that are right; and the share of numbers, wrong or right, it is near to."""


@dataclass(frozen=True)
class Cause:
    """A known fault.

    Attributes
    ----------
    name : str
        Of a few words, as it is cited.
    says : str
        What a reader is told.
    predict : callable (Symptoms) -> array or None
        The answer that it gives; None if it cannot be the cause.
    """

    name: str
    says: str
    predict: Callable[[Symptoms], F64 | None]


def explaining(symptoms: Symptoms) -> dict[Cause, float]:
    """Return all known faults that explain every wrong row, with how well; none of rows reduced to one number.

    None either of an op that no fault is `MODELLED` for.
    """
    if symptoms.op not in MODELLED or symptoms.is_reduced or not symptoms.wrong.any():
        return {}
    if is_rest_of_the_maximum(symptoms):
        return {REST_OF_THE_MAXIMUM: 1.0}
    with np.errstate(all="ignore"):
        if explains(answer(symptoms), symptoms):  # any fault that changes few numbers would explain as much
            own = {cause: explains(cause.predict(symptoms), symptoms) for cause in _own_of(symptoms)}
            return {cause: share for cause, share in own.items() if share}
        found = {cause: explains(cause.predict(symptoms), symptoms) for cause in CAUSES}
    explained = {cause: share for cause, share in found.items() if share}
    # A backward pass that mixes rows in any way gives NaN throughout.
    is_spoiled = symptoms.quantity != "value" and np.isnan(symptoms.x).any()
    if is_spoiled and np.isnan(symptoms.observed).all():
        return {cause: share for cause, share in explained.items() if cause.name == NAN_OF_ALL}
    return explained


def _own_of(symptoms: Symptoms) -> tuple[Cause, ...]:
    """Return what makes the op's own answer in float64 wrong: no transform in the gradient, or roundings of its own."""
    if symptoms.is_transformed:
        return (SLOPE_LOST,) if symptoms.quantity == "grad_logits" else ()
    return LABEL_LAST, TOTAL_LAST, TOTAL_FIRST


def explains(predicted: F64 | None, symptoms: Symptoms) -> float:
    """Return the share of the numbers that a fault's answer explains: closely the wrong ones, roughly the right ones.

    0 if it is less than `MOST_ROWS` of either.
    """
    if predicted is None or predicted.shape != symptoms.observed.shape or not symptoms.bad.any():
        return 0.0
    of_wrong = _closely_explained(predicted[symptoms.bad], symptoms)
    if of_wrong < MOST_ROWS:
        return 0.0
    of_right = 1.0 if symptoms.bad.all() else _roughly_explained(predicted[~symptoms.bad], symptoms)
    return (of_wrong + of_right) / 2.0 if of_right >= MOST_ROWS else 0.0


def _closely_explained(predicted: F64, symptoms: Symptoms) -> float:
    """Return the share of the wrong numbers that a fault's answer is close to."""
    observed, exact, error = symptoms.wrong_numbers
    unit, left = symptoms.unit.unit_roundoff, distance(observed, predicted)
    size = np.abs(np.where(np.isfinite(predicted), predicted, 0.0))
    scale = size + np.where(np.isfinite(error), error, 0.0)
    closely = np.isfinite(left) & (left <= np.minimum(NEARER * error, CLOSE * unit * scale))
    closely |= left <= 16.0 * unit * size + symptoms.unit.smallest_normal
    closely &= distance(predicted, exact) >= LEAST_FAULT * error  # a guess that is right explains nothing
    return float(closely.mean())


def _roughly_explained(predicted: F64, symptoms: Symptoms) -> float:
    """Return the share of the right numbers that a fault's answer is not far from."""
    observed, exact = symptoms.observed[~symptoms.bad], symptoms.exact[~symptoms.bad]
    left, error = distance(observed, predicted), distance(observed, exact)
    size = np.abs(np.where(np.isfinite(predicted), predicted, 0.0))
    near = max(ROUGH, 8.0 * symptoms.unit.unit_roundoff) * size + error + symptoms.unit.smallest_normal
    return float((left <= near).mean())


NAN_OF_ALL = "NaN spoils the batch"

SHIFTS: dict[str, tuple[str, Callable[[F64], Any]]] = {
    "no max shift": ("exp is taken of the logits as they are", lambda x: np.zeros((len(x), 1))),
    "shift by the batch": (
        "the largest logit of the whole batch is subtracted, not that of the row",
        lambda x: x.max(),
    ),
    "shift by the first logit": ("the first logit is subtracted, not the largest", lambda x: x[:, :1]),
    "shift by the smallest logit": (
        "the smallest logit is subtracted, as where a maximum is taken before a negative scale",
        lambda x: x.min(axis=1, keepdims=True),
    ),
    "shift by the mean": ("the mean is subtracted, not the largest logit", lambda x: x.mean(axis=1, keepdims=True)),
    "maximum begins at 0": (
        "the search for the largest logit begins at 0",
        lambda x: np.maximum(x.max(1, keepdims=True), 0),
    ),
    "maximum begins at -1e4": (
        "the search for the largest logit begins at -1e4",
        lambda x: np.maximum(x.max(1, keepdims=True), -1e4),
    ),
}
"""What is subtracted before exp in place of the largest logit."""


LABEL_LAST = Cause(
    "label's logit subtracted last",
    "the rounded log-sum-exp less the label's logit cancels",
    partial(sums.cancelling, op="softmax_cross_entropy"),
)

TOTAL_LAST = Cause(
    "log-sum-exp subtracted last",
    "a logit less the rounded log-sum-exp cancels",
    partial(sums.cancelling, op="log_softmax"),
)

TOTAL_FIRST = Cause(
    "log-sum-exp rounded first",
    "exp is taken of the logit less a rounded log-sum-exp, whose rounding grows with the logits",
    partial(sums.total_rounded_first, in_half=False),
)


REST_OF_THE_MAXIMUM = Cause(
    "maximum not held constant",
    "the maximum is differentiated with its logits (no stop_gradient or detach), which leaves the rounding of the "
    "sum of a row, 0 in exact arithmetic, in the gradient of its largest logit",
    lambda _: None,
)


def _causes() -> Iterator[Cause]:
    """Yield the known faults, those that say most first."""
    yield from _causes_of_values()
    yield from _causes_of_classes()
    yield from _causes_of_labels()
    yield from _causes_of_cotangents()
    yield from _causes_of_results()
    yield from _causes_of_rows()


def _causes_of_values() -> Iterator[Cause]:
    yield Cause("NaN kept to its class", "a NaN logit spoils its own class, not its row", data.nan_of_its_class)
    yield Cause("NaN dropped", "a NaN logit is taken for -inf", data.without_nan)
    for lanes in (16, 32, 8, 64, 128):
        says = f"a NaN logit is dropped in whole vectors of {lanes}"
        yield Cause(f"NaN dropped in vectors of {lanes}", says, partial(data.without_nan_in_body, lanes=lanes))
    yield Cause(NAN_OF_ALL, "one NaN makes all rows NaN", data.nan_of_the_batch)
    says = "NaN and infinite logits are replaced by 0 and the largest numbers"
    yield Cause("infinities replaced", says, data.replaced)
    yield Cause("infinities taken for 0", "infinite logits are taken for 0", data.infinities_as_zero)
    says = "one class at -inf makes the row -inf"
    yield Cause("-inf of one class", says, data.row_of_minus_infinity)
    yield Cause("one class as it is", "a row of one class is handed back as it is", data.one_class_as_it_is)
    yield Cause("-inf less -inf", "a tile or row at -inf gives -inf - (-inf), which is NaN", data.nan_of_infinities)
    yield Cause("sum over the batch", "the sum is over all rows, not one", sums.sum_of_the_batch)
    for lanes in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
        says = f"the maximum is taken over whole vectors of {lanes}, the last of which reads into the next row"
        yield Cause("maximum of the next row too", says, partial(sums.next_row_in_the_maximum, lanes=lanes))
    yield Cause("overflow of an intermediate", "an intermediate overflows where the answer does not", data.overflowed)
    for name, (says, shift) in SHIFTS.items():
        yield Cause(name, says, partial(sums.no_shift, shift=shift))
    says = "exp overflows where a class is far above all before it: the maximum is not raised there, or too late"
    yield Cause("maximum raised too late", says, sums.raised_too_late)
    says = "exp is taken of the logits as they are, then the logarithm of the quotient"
    yield Cause("no max shift", says, sums.no_shift_then_log)
    yield Cause("0 times infinity", "a label of 0 times the infinite logarithm of a class at -inf", data.nan_times_zero)
    yield from (LABEL_LAST, TOTAL_LAST, TOTAL_FIRST)
    says = "exp is taken of the logit less a log-sum-exp that was rounded to the half format"
    yield Cause("log-sum-exp in half", says, partial(sums.total_rounded_first, in_half=True))
    yield Cause("log of softmax", "the logarithm of a rounded softmax", partial(sums.log_of_softmax, guard=lambda p: p))
    for guard in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12):
        says = f"the logarithm of softmax + {guard:g}"
        yield Cause(f"log of softmax + {guard:g}", says, partial(sums.log_of_softmax, guard=partial(sums.added, guard)))
        says = f"softmax is clipped to [{guard:g}, 1 - {guard:g}] before its logarithm"
        yield Cause(
            f"softmax clipped at {guard:g}", says, partial(sums.log_of_softmax, guard=partial(sums.clip, guard))
        )
    yield Cause(
        "softmax in half before log",
        "softmax is rounded to the half format before its logarithm",
        sums.half_probability,
    )
    for guard in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16):
        says = f"{guard:g} is added to the sum of exponentials"
        yield Cause("guard added to the sum", says, partial(sums.guarded_sum, guard=guard))
    yield Cause("equal maxima counted once", "logits equal to the largest count as one", sums.maxima_once)
    says = "logits are multiplied with log2 e, and rounded, before the largest is subtracted"
    yield Cause("base 2 before the shift", says, sums.base_2_first)
    for name in ("float16", "bfloat16"):
        says = f"exponentials are rounded to {name}"
        yield Cause(f"exponentials in {name}", says, partial(sums.exponentials_in, format_=name))
    says = "differences of logits are off by a constant factor, as by a constant of few digits"
    yield Cause("constant of few digits", says, sums.off_by_a_factor)
    for name in ("float16", "bfloat16", "float32"):
        says = f"the sum is added up in {name}, where it stalls"
        yield Cause(f"sum in {name}", says, partial(sums.summed_in, format_=name))
        yield Cause(f"sum in {name}", says, partial(sums.summed_in, format_=name, everything=True))
    yield Cause("float64 computed in float32", "the answer has the digits of float32", data.all_representable)
    for name in ("float16", "bfloat16", "float32"):
        yield Cause(f"rounded to {name}", f"the answer is rounded to {name}", partial(data.rounded_to, format_=name))


def _causes_of_classes() -> Iterator[Cause]:
    for most in (255, 256, 1000, 1024, 2048, 4096, 8192, 32767, 32768, 65535, 65536, 131072):
        yield Cause("class limit", f"classes past {most} are not in the sum", partial(sums.past, most=most))
        yield Cause(
            "classes unwritten", f"results past class {most} are not written", partial(sums.nothing_past, most=most)
        )
    for block in (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768):
        says = f"the sum of a block of {block} classes is not scaled to a new maximum"
        yield Cause("blocks not rescaled", says, partial(sums.first_block, block=block))
    for lanes in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
        says = f"the classes past a multiple of {lanes} are not in the sum"
        yield Cause(f"tail past a multiple of {lanes} lost", says, partial(sums.body, lanes=lanes))
        says = f"the classes past a multiple of {lanes} take no part"
        yield Cause(f"tail past a multiple of {lanes} ignored", says, partial(sums.body_answer, lanes=lanes))
        says = f"the classes past a multiple of {lanes} are not in the sum of the gradient"
        tail_lost = partial(sums.inner_product_of_the_body, lanes=lanes)
        yield Cause(f"tail past a multiple of {lanes} lost in the gradient", says, tail_lost)
        says = f"rows are padded with zeros to a multiple of {lanes}"
        yield Cause("padded with zeros", says, partial(sums.padded, number=0.0, block=lanes))
        says = f"rows are padded to a multiple of {lanes} with -1e4, which is not -inf"
        yield Cause("padded with -1e4", says, partial(sums.padded, number=-1e4, block=lanes))
    for lanes in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
        says = f"the last vector of {lanes} lies over the one before it: their common classes count twice"
        yield Cause("tail read twice", says, partial(sums.overlapped, lanes=lanes))
        says = f"rows are padded with their last class to a multiple of {lanes}"
        yield Cause("padded with the last class", says, partial(sums.padded_with_the_last, block=lanes))
    for count in (1, 2, 3, 4, 7, 8, 15, 16, 31, 32):
        for which in ("first", "last"):
            says = f"the {which} {count} classes count twice" if count > 1 else f"the {which} class counts twice"
            twice = partial(sums.counted_twice, count=count, last=which == "last")
            yield Cause(f"{which} classes twice", says, twice)
    yield Cause(
        "first class lost", "the first class is not in the sum", partial(sums.of_classes, counted=slice(1, None))
    )
    yield Cause("last class lost", "the last class is not in the sum", partial(sums.of_classes, counted=slice(0, -1)))
    for depth in (8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 25, 30, 40, 50, 80, 87, 88):
        says = f"terms more than {depth} below the largest logit are skipped"
        yield Cause("small terms skipped", says, partial(sums.skipped, depth=depth))
        says = f"exponents are clamped at -{depth}, so that a class at -inf still counts"
        yield Cause("exponent clamped", says, partial(sums.clamped, depth=depth))
    for at in (10, 20, 30, 50, 80, 88, 100):
        yield Cause("logits clipped", f"logits are clipped to [-{at}, {at}]", partial(sums.logits_clipped, at=at))


def _causes_of_results() -> Iterator[Cause]:
    for at in (10, 15, 20, 30):
        says = f"log(1 + exp(-|x|)) is left out of logits past {at}"
        yield Cause("softplus cut", says, partial(data.softplus_cut, at=at))
    for guard in (1e-6, 1e-7, 1e-8, 1e-12):
        says = f"sigmoid is clipped to [{guard:g}, 1 - {guard:g}]"
        yield Cause("sigmoid clipped", says, partial(data.sigmoid_clipped, guard=guard))
    yield Cause("sigmoid then log", "the logarithm of a rounded sigmoid", data.sigmoid_naive)
    yield Cause("exp of the logit overflows", "exp of a large logit overflows", data.sigmoid_overflow)
    yield Cause("order of memory", "rows are read in the order of memory, whatever the strides", data.order_of_memory)
    yield Cause(
        "NaN replaced by 0",
        "NaN in the result is replaced by 0",
        partial(data.answer_as, change=lambda a: np.nan_to_num(a, nan=0.0, posinf=np.inf, neginf=-np.inf)),
    )
    yield Cause("added to the last result", "the result is added to that of the call before", data.doubled)
    yield Cause("rows unwritten", "rows past some number are not written", data.last_rows_zero)
    yield Cause("small results are 0", "results that are small, or of some places, are 0", data.zero_where_finite)


def _causes_of_labels() -> Iterator[Cause]:
    # What 16 bits lose is often a multiple of 256, which 8 bits lose too; what 8 bits lose, 16 bits mostly hold.
    as_type = {"int16": np.int16, "uint16": np.uint16, "int8": np.int8, "uint8": np.uint8, "float16": np.float16}
    for name, dtype in as_type.items():
        says = f"labels are held in {name}"
        yield Cause(f"labels in {name}", says, partial(data.labels_as, change=partial(data.through, dtype)))
    yield Cause(
        "labels in bfloat16",
        "labels are held in bfloat16",
        partial(data.labels_as, change=partial(data.through, FORMATS["bfloat16"].dtype)),
    )
    for tile in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
        says = f"rows past a multiple of {tile} take the labels of the first rows"
        begun_anew = partial(data.labels_as, change=partial(data.begun_anew, tile))
        yield Cause("labels begin anew", says, begun_anew)
    for block in (1024, 4096, 8192, 16384, 32768, 65536):
        says = f"the label is looked up in its block of {block} classes"
        yield Cause("label within its block", says, partial(data.labels_as, change=partial(data.modulo, block)))
    yield Cause("label off by one", "the label before is taken", partial(data.labels_as, change=lambda y, _: y - 1))
    yield Cause(
        "labels of the next row",
        "the label of another row is taken",
        partial(data.labels_as, change=lambda y, _: np.roll(y, 1)),
    )
    yield Cause(
        "labels normalised",
        "labels are divided by their sum",
        partial(
            data.shares_as, change=lambda q: q / np.where(q.sum(1, keepdims=True) == 0, 1, q.sum(1, keepdims=True))
        ),
    )
    yield Cause("labels taken to sum to one", "the gradient takes labels to sum to one: p - q", data.unit_sums)
    yield Cause(
        "labels rounded",
        "labels are taken for 0 or 1",
        partial(data.shares_as, change=lambda q: (q > 0.5).astype(np.float64)),
    )
    yield Cause(
        "small labels dropped",
        "small labels are taken for 0",
        partial(data.shares_as, change=lambda q: np.where(q < 1e-5, 0.0, q)),
    )
    says = "in the gradient the label is not multiplied by the upstream gradient"
    yield Cause("label without the upstream gradient", says, data.label_without_cotangent)
    says = "the gradient of the largest logit, which was added back, is added to that of the sum"
    yield Cause("maximum differentiated too", says, data.maximum_twice)
    yield Cause("label lost in the gradient", "the gradient leaves out the label", data.label_lost)


def _causes_of_cotangents() -> Iterator[Cause]:
    changes: dict[str, tuple[str, Callable[[F64], F64]]] = {
        "cotangent ignored": ("the upstream gradient is taken for 1", np.ones_like),
        "cotangent's first row for all": (
            "the upstream gradient of the first row is taken for all",
            lambda c: np.broadcast_to(c[:1], c.shape),
        ),
        "cotangent in float16": (
            "the upstream gradient is rounded to float16",
            lambda c: c.astype(np.float16).astype(np.float64),
        ),
        "cotangent's sign lost": ("the absolute value of the upstream gradient is taken", np.abs),
        "first class's cotangent for all": (
            "the upstream gradient of the first class is taken for all",
            lambda c: np.broadcast_to(c[:, :1], c.shape) if c.ndim > 1 else c,
        ),
        "small cotangents flushed": (
            "small upstream gradients are taken for 0",
            lambda c: np.where(np.abs(c) < 1e-6, 0.0, c),
        ),
        "cotangents averaged": (
            "the upstream gradients of a row are averaged",
            lambda c: np.repeat(c.mean(axis=1, keepdims=True), c.shape[1], axis=1) if c.ndim > 1 else c,
        ),
        "last row's cotangent lost": ("the upstream gradient of the last row is taken for 1", data.last_row_as_one),
        "gradient divided by the rows": (
            "the gradient is divided by the number of rows, as for a mean",
            lambda c: c / len(c),
        ),
    }
    for name, (says, change) in changes.items():
        yield Cause(name, says, partial(data.cotangent_as, change=change))
    of_shares: dict[str, tuple[str, Callable[[F64, F64], F64]]] = {
        "inner product not weighted": (
            "the sum of the upstream gradients is subtracted, not weighted by softmax",
            lambda p, c: p * (c - c.sum(axis=1, keepdims=True)),
        ),
        "inner product over the batch": (
            "the inner product of softmax and upstream gradient is summed over the rows too, or instead of the classes",
            lambda p, c: p * (c - (p * c).sum(axis=0, keepdims=True)),
        ),
        "inner product over all": (
            "the inner product of softmax and upstream gradient is summed over the rows and the classes",
            lambda p, c: p * (c - (p * c).sum()),
        ),
        "inner product added": (
            "the inner product of softmax and upstream gradient is added, not subtracted",
            lambda p, c: p * (c + (p * c).sum(axis=1, keepdims=True)),
        ),
        "inner product lost": (
            "the inner product of softmax and upstream gradient is left out",
            lambda p, c: p * c,
        ),
    }
    for name, (says, makes) in of_shares.items():
        yield Cause(name, says, partial(data.of_shares, change=makes))
    for most in (1.0, 5.0, 10.0):
        says = f"the gradient is clipped to [-{most:g}, {most:g}]"
        yield Cause("gradient clipped", says, partial(data.of_gradient, change=partial(data.clipped_at, most)))


def _causes_of_rows() -> Iterator[Cause]:
    yield Cause("rows unwritten", "rows past some number are not written", data.zero_rows)
    yield Cause(
        "row before",
        "the answer of the row before is given",
        partial(data.rows_as, change=lambda i: np.maximum(i - 1, 0)),
    )
    yield Cause(
        "last row copied",
        "the last row gets the answer of the one before",
        partial(data.rows_as, change=data.last_row_copied),
    )
    for most in (256, 512, 1024, 2048, 4096, 65536):
        yield Cause(
            "rows repeat",
            f"rows past {most} get the answers of the first ones",
            partial(data.rows_as, change=partial(data.repeated, most)),
        )
    yield Cause(
        "first row for all", "all rows get the answer of the first", partial(data.rows_as, change=lambda i: i * 0)
    )


SLOPE_LOST = Cause(
    "slope lost in the gradient",
    "the gradient is that of the transformed logits: the slope of the declared scale, temperature or cap is missing",
    answer,
)
"""What is observed is the answer of the op itself, and what is declared beside it makes the exact one another."""

CAUSES = tuple(_causes())
"""Every known fault of numbers; of those that explain the same, the first is guessed."""
