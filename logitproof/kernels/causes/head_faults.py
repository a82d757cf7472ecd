"""Which declared part a loss head omits or applies twice: the loss that its answers match exactly.

An answer past the bound is held against the same loss with one thing changed. Where it lies within the bound of that
loss, the change is named: clause LIN-6 for what stands in front of the loss, LIN-7 for what belongs to the loss.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.causes.other_z_losses import (
    EarlyZLossHead,
    FlatZLossHead,
    IgnoredZLossHead,
    MeanZLossHead,
    ShiftedZLossHead,
    SummedZLossHead,
)
from logitproof_reference.bounds.error_model import BoundedValue
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.prologues.factor import FactorPrologue, FactorsPrologue
from logitproof_reference.prologues.head import BY_FACTORS, Head
from logitproof_reference.prologues.softcap import SoftcapPrologue
from logitproof_reference.vocabulary.producers import Factor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.prologues.protocol import Prologue

    Array = NDArray[Any]

IN_FRONT, OF_THE_LOSS = "LIN-6", "LIN-7"

PADDED = 64
"""Vocabularies are padded to a multiple of it, or of twice it."""


@dataclass(frozen=True)
class Setting:
    """A head and the upstream gradient that its gradients are asked with.

    Attributes
    ----------
    prologues : tuple of Prologue
        The linear layer first.
    operands, labels, op
        As in `prologues.head.Head`.
    options : dict
        Attributes of `LossOptions`.
    z_loss, divisor
        As in `prologues.head.Head`.
    cotangent : array
    given_labels : array
        The labels as the kernel gets them: before a shift.
    """

    prologues: tuple[Prologue, ...]
    operands: dict[str, Array]
    labels: NDArray[np.int64]
    op: str
    options: dict[str, Any]
    z_loss: float
    divisor: float | None
    cotangent: Array
    given_labels: NDArray[np.int64]

    @cached_property
    def head(self) -> Head:
        """The head; one, because its logits are those of every quantity."""
        return Head(
            self.prologues, self.operands, self.op, self.labels, self.options, z_loss=self.z_loss, divisor=self.divisor
        )

    @cached_property
    def _changed(self) -> dict[str, Setting | None]:
        return {}

    def changed(self, name: str, change: Callable[[Setting], Setting | None]) -> Setting | None:
        """Return what a change of this name makes of the setting, made once for all quantities."""
        if name not in self._changed:
            self._changed[name] = change(self)
        return self._changed[name]

    @property
    def factors(self) -> list[FactorPrologue]:
        """The factors in front of the loss."""
        return [one for one in self.prologues if isinstance(one, FactorPrologue)]

    @property
    def has_factors(self) -> bool:
        """Whether a tensor of factors is in front of the loss."""
        return any(isinstance(one, FactorsPrologue) for one in self.prologues)

    def with_prologues(self, change: Callable[[Prologue], Iterator[Prologue]]) -> Setting | None:
        """Return the setting with each prologue replaced by what `change` yields; None if nothing changes."""
        made = tuple(new for one in self.prologues for new in change(one))
        return None if made == self.prologues else replace(self, prologues=made)

    def with_options(self, **options: Any) -> Setting:
        """Return the setting with other options of the loss."""
        return replace(self, options={**self.options, **options})


class FlatCap(SoftcapPrologue):
    """A cap whose derivative is taken for 1."""

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient as it came."""
        del operands, of
        return upstream


class ProductCap(SoftcapPrologue):
    """z tanh(z / c) in place of c tanh(z / c)."""

    def exact(self, *operands: Ball) -> Ball:
        """Return the product."""
        return super().exact(*operands) * operands[0] * (1.0 / self.cap)


class CapByTanh(SoftcapPrologue):
    """A cap whose derivative lacks the square: 1 - tanh in place of 1 - tanh**2."""

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with that slope."""
        del of
        return upstream * (1.0 - self.exact(*operands) * (1.0 / self.cap))

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient with that slope."""
        del of
        capped = self.computed(rounding, *operands)
        slope = BoundedValue(1.0 - capped.value / self.cap, capped.error / self.cap + 2.0 * rounding.unit)
        return rounding.multiply(upstream, slope)


class CapAtCapped(SoftcapPrologue):
    """A cap whose derivative is taken at the capped logits."""

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with that slope."""
        return super().pull_back(upstream, self.exact(*operands), of=of)

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient with that slope."""
        return super().computed_pull_back(rounding, upstream, self.computed(rounding, *operands), of=of)


@dataclass(frozen=True)
class CapAtUnscaled(SoftcapPrologue):
    """A cap whose derivative is taken at the logits before a factor."""

    factor: float = 1.0

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with that slope."""
        unscaled = (one / Ball(np.full(one.hi.shape, self.factor)) for one in operands)
        return super().pull_back(upstream, *unscaled, of=of)

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient with that slope."""
        plain = (BoundedValue(one.value / self.factor, one.error / abs(self.factor)) for one in operands)
        return super().computed_pull_back(rounding, upstream, *plain, of=of)


class DoubleFactor(FactorPrologue):
    """A factor that the gradient has twice."""

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with both."""
        return super().pull_back(super().pull_back(upstream, *operands), *operands, of=of)

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient with both."""
        return super().computed_pull_back(
            rounding, super().computed_pull_back(rounding, upstream, *operands), *operands, of=of
        )


class Flat:
    """What a gradient leaves out: it stays as it came."""

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient as it came."""
        del operands, of
        return upstream

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient as it came."""
        del rounding, operands, of
        return upstream


class FlatFactor(Flat, FactorPrologue):
    """A factor that the gradient leaves out."""


class FlatFactors(Flat, FactorsPrologue):
    """A tensor of factors that the gradient leaves out."""


class ByProducts(FactorsPrologue):
    """A tensor of factors whose gradient takes the logits that it has multiplied for those that it multiplies."""

    def by_numbers(self, upstream: Ball, *operands: Ball) -> Ball:
        """Return the sums of such products."""
        return super().by_numbers(upstream, self.exact(*operands))

    def computed_by_numbers(self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue) -> BoundedValue:
        """Return these sums."""
        return super().computed_by_numbers(rounding, upstream, self.computed(rounding, *operands))


class WholeLabelHead(Head):
    """A head whose derivative subtracts the whole label, where a smoothed loss has a share of it."""

    def _at_logits(self, cotangent: ArrayLike | None) -> Ball:
        given, rows = super()._at_logits(cotangent), len(self.logits.hi)
        request = self._request("grad_logits", cotangent)
        assert request.labels is not None
        kept = np.flatnonzero(request.options.kept(request.labels))
        upstream = np.broadcast_to(1.0 if request.cotangent is None else request.cotangent, (rows,))[kept]
        more = np.zeros(self.logits.hi.shape)
        more[kept, np.asarray(self.labels)[kept]] = -self.options["label_smoothing"] * upstream
        return given + Ball(more / float(self.divisor or request.divisor or 1.0))


class PaddedSmoothingHead(Head):
    """A head whose derivative spreads the smoothing over a padded vocabulary, the value over the classes."""

    def _at_logits(self, cotangent: ArrayLike | None) -> Ball:
        given, (rows, classes) = super()._at_logits(cotangent), self.logits.hi.shape
        request = self._request("grad_logits", cotangent)
        assert request.labels is not None
        kept = np.asarray(request.options.kept(request.labels), np.float64)
        upstream = np.broadcast_to(1.0 if request.cotangent is None else request.cotangent, (rows,)) * kept
        share = self.options["label_smoothing"] * (1.0 / classes - 1.0 / padded(classes))
        more = np.broadcast_to(share * upstream[:, None], (rows, classes))
        return given + Ball(more / float(self.divisor or request.divisor or 1.0))


@dataclass(frozen=True, eq=False)
class OtherLabelHead(Head):
    """A head whose label's logit is off by a number a row."""

    off: F64 | None = None

    def _value(self) -> Enclosure:
        whole = super()._value()
        assert self.off is not None
        moved = Ball(*whole.parts) - self.off
        return normalised(moved.hi, moved.lo, moved.radius)


@dataclass(frozen=True)
class OtherLabel(Setting):
    """The setting of such a head."""

    off: F64 | None = None

    @property
    def head(self) -> Head:
        """The head."""
        of_loss = {"z_loss": self.z_loss, "divisor": self.divisor, "off": self.off}
        return OtherLabelHead(self.prologues, self.operands, self.op, self.labels, self.options, **of_loss)  # type: ignore[arg-type]


@dataclass(frozen=True)
class OtherHead(Setting):
    """The setting of a head of another class."""

    kind: type[Head] = Head

    @property
    def head(self) -> Head:
        """The head."""
        return self.kind(
            self.prologues, self.operands, self.op, self.labels, self.options, z_loss=self.z_loss, divisor=self.divisor
        )


def _factor_flat(asked: Setting) -> Setting | None:
    return asked.with_prologues(lambda one: iter((FlatFactor(one.factor) if isinstance(one, FactorPrologue) else one,)))


def _factor_dropped(asked: Setting) -> Setting | None:
    return asked.with_prologues(lambda one: iter(() if isinstance(one, FactorPrologue) else (one,)))


def _factor_twice(asked: Setting) -> Setting | None:
    return asked.with_prologues(lambda one: iter((one, one) if isinstance(one, FactorPrologue) else (one,)))


def _factor_inverted(asked: Setting) -> Setting | None:
    def inverted(one: Prologue) -> Iterator[Prologue]:
        if not isinstance(one, FactorPrologue):
            yield one
            return
        sign = {"*": "/", "/": "*"}[one.factor.sign]
        yield FactorPrologue(Factor(one.factor.name, sign, one.factor.number))

    return asked.with_prologues(inverted)


def _cap_dropped(asked: Setting) -> Setting | None:
    return asked.with_prologues(lambda one: iter(() if isinstance(one, SoftcapPrologue) else (one,)))


def _cap_as(kind: type[SoftcapPrologue]) -> Callable[[Setting], Setting | None]:
    return lambda asked: asked.with_prologues(
        lambda one: iter((kind(one.cap) if isinstance(one, SoftcapPrologue) else one,))
    )


def _cap_at_unscaled(asked: Setting) -> Setting | None:
    factor = _factor_of(asked)
    if factor == 1.0:
        return None

    def changed(one: Prologue) -> Iterator[Prologue]:
        yield CapAtUnscaled(one.cap, factor=factor) if isinstance(one, SoftcapPrologue) else one

    return asked.with_prologues(changed)


def _factor_doubled(asked: Setting) -> Setting | None:
    def doubled(one: Prologue) -> Iterator[Prologue]:
        yield DoubleFactor(one.factor) if isinstance(one, FactorPrologue) else one

    return asked.with_prologues(doubled)


def _of_its_fields(kind: type[Setting], asked: Setting, /, **more: Any) -> Setting:
    return kind(**{one.name: getattr(asked, one.name) for one in fields(asked)}, **more)


def _label_moved(move: Callable[[Setting, Head], F64 | None]) -> Callable[[Setting], Setting | None]:
    """Return the loss whose label's logit is larger by a number a row, of losses that are one number a row."""

    def changed(asked: Setting) -> Setting | None:
        if asked.options["reduction"] != "none" or asked.options["label_smoothing"]:
            return None
        head = asked.head
        off = move(asked, head)
        kept = asked.labels != asked.options.get("ignore_index")
        if off is None or not np.where(kept, off, 0.0).any():
            return None
        return _of_its_fields(OtherLabel, asked, off=np.where(kept, off, 0.0))

    return changed


def _own(asked: Setting, logits: F64) -> F64:
    """Return the logits of the labels."""
    kept = asked.labels != asked.options.get("ignore_index")
    own: F64 = logits[np.arange(len(logits)), np.where(kept, asked.labels, 0)]
    return own


def _plain_label(asked: Setting, head: Head) -> F64 | None:
    """Return by how much the logit of the linear layer is another."""
    return None if len(asked.prologues) == 1 else _own(asked, head.first.hi) - _own(asked, head.logits.hi)


def _biased_label(times: float) -> Callable[[Setting, Head], F64 | None]:
    """Return the label's bias so many times, behind the scale."""

    def move(asked: Setting, head: Head) -> F64 | None:
        bias = asked.operands.get("bias")
        if bias is None or len(asked.prologues) > 1 + len(asked.factors):
            return None
        return times * _factor_of(asked) * _own(asked, np.broadcast_to(bias.astype(np.float64), head.logits.hi.shape))

    return move


def _scaled_label(asked: Setting, head: Head) -> F64 | None:
    """Return by how much the label's logit is another with the factor once more, where nothing is behind it."""
    if not asked.factors or len(asked.prologues) > 1 + len(asked.factors):
        return None
    own = _own(asked, head.logits.hi)
    return (_factor_of(asked) - 1.0) * own


def _factor_of(asked: Setting) -> float:
    """Return the product of the factors."""
    return float(np.prod([one.factor.apply(np.ones(1))[0] for one in asked.factors]))


def _label_alone_scaled(asked: Setting) -> Setting | None:
    """Return the loss in which the label's logit alone has the factor: the log-sum-exp is of logits without."""
    if len(asked.prologues) > 1 + len(asked.factors) or (without := _factor_dropped(asked)) is None:
        return None
    return _label_moved(lambda given, head: (_factor_of(asked) - 1.0) * _own(given, head.logits.hi))(without)


def _cap_first(asked: Setting) -> Setting | None:
    layer, *rest = asked.prologues
    turned = (layer, *sorted(rest, key=lambda one: isinstance(one, FactorPrologue)))
    return None if turned == asked.prologues else replace(asked, prologues=turned)


def _bias_dropped(asked: Setting) -> Setting | None:
    bias = asked.operands.get("bias")
    if bias is None or not bias.any():
        return None
    return replace(asked, operands={**asked.operands, "bias": np.zeros_like(bias)})


def _factors_dropped(asked: Setting) -> Setting | None:
    return asked.with_prologues(lambda one: iter(() if isinstance(one, FactorsPrologue) else (one,)))


def _first_factor(asked: Setting) -> Setting | None:
    def changed(one: Prologue) -> Iterator[Prologue]:
        is_tensor = isinstance(one, FactorsPrologue) and np.ptp(one.numbers)
        yield replace(one, numbers=np.full_like(one.numbers, one.numbers.flat[0])) if is_tensor else one  # type: ignore[type-var, attr-defined]

    return asked.with_prologues(changed)


def _factors_inverted(asked: Setting) -> Setting | None:
    return asked.with_prologues(
        lambda one: iter((replace(one, divides=not one.divides) if isinstance(one, FactorsPrologue) else one,))
    )


def _factors_flat(asked: Setting) -> Setting | None:
    return _factors_as(FlatFactors, asked)


def _factors_by_products(asked: Setting) -> Setting | None:
    return _factors_as(ByProducts, asked)


def _factors_as(kind: type[FactorsPrologue], asked: Setting) -> Setting | None:
    def changed(one: Prologue) -> Iterator[Prologue]:
        yield kind(one.numbers, one.is_of_rows, one.divides) if isinstance(one, FactorsPrologue) else one

    return asked.with_prologues(changed)


def _bias_last(asked: Setting) -> Setting | None:
    bias = asked.operands.get("bias")
    if bias is None or not bias.any() or not asked.factors:
        return None
    before = bias.astype(np.float64)
    for one in asked.factors:
        before = before / float(one.factor.apply(np.ones(1))[0])
    return replace(asked, operands={**asked.operands, "bias": before})


def _z_loss_as(kind: type[Head]) -> Callable[[Setting], Setting | None]:
    return lambda asked: _of_its_fields(OtherHead, asked, kind=kind) if asked.z_loss else None


def _z_loss_early(asked: Setting) -> Setting | None:
    return _z_loss_as(EarlyZLossHead)(asked) if len(asked.prologues) > 1 else None


def _z_loss_of_ignored_rows(asked: Setting) -> Setting | None:
    ignores = (asked.labels == asked.options.get("ignore_index")).any()
    return _z_loss_as(IgnoredZLossHead)(asked) if ignores else None


def _z_loss_summed(asked: Setting) -> Setting | None:
    is_divided = asked.options["reduction"] == "mean" or asked.divisor is not None
    return _z_loss_as(SummedZLossHead)(asked) if is_divided else None


def _z_loss_by_rows(asked: Setting) -> Setting | None:
    """Return the loss whose z-loss is divided by all rows, where the loss is by those that count."""
    ignores = (asked.labels == asked.options.get("ignore_index")).any()
    return _z_loss_as(MeanZLossHead)(asked) if ignores and asked.options["reduction"] == "mean" else None


def _z_loss_dropped(asked: Setting) -> Setting | None:
    return replace(asked, z_loss=0.0) if asked.z_loss else None


def _z_loss_halved(asked: Setting) -> Setting | None:
    return replace(asked, z_loss=asked.z_loss / 2.0) if asked.z_loss else None


def _not_divided(asked: Setting) -> Setting | None:
    if asked.divisor is None and asked.options["reduction"] != "mean":
        return None
    return replace(asked.with_options(reduction="sum"), divisor=None)


def _divided_by_rows(asked: Setting) -> Setting | None:
    if asked.divisor is not None:
        return replace(asked.with_options(reduction="mean"), divisor=None)
    ignores = asked.options.get("ignore_index") is not None
    return asked.with_options(mean_over="rows") if asked.options["reduction"] == "mean" and ignores else None


def _smoothing_dropped(asked: Setting) -> Setting | None:
    return asked.with_options(label_smoothing=0.0) if asked.options["label_smoothing"] else None


def _smoothing_over_others(asked: Setting) -> Setting | None:
    is_possible = asked.options["label_smoothing"] and len(asked.operands["weight"]) > 1
    return asked.with_options(smoothing_over="other_classes") if is_possible else None


def _smoothing_padded(asked: Setting) -> Setting | None:
    """Return the loss whose smoothing counts the classes that the vocabulary is padded with."""
    classes, share = len(asked.operands["weight"]), asked.options["label_smoothing"]
    if not share or padded(classes) == classes or asked.z_loss:
        return None
    ignored = asked.options["ignore_index"]
    kept = np.ones(len(asked.labels), bool) if ignored is None else asked.labels != ignored
    spread = (1.0 - share) * (np.arange(classes) == asked.labels[:, None]) + share / padded(classes)
    is_mean = asked.options["reduction"] == "mean"
    reduction = "sum" if is_mean else asked.options["reduction"]
    plain = asked.with_options(label_smoothing=0.0, ignore_index=None, reduction=reduction)
    divisor = float(kept.sum()) if is_mean else asked.divisor
    return replace(plain, labels=np.where(kept[:, None], spread, 0.0), divisor=divisor)


def padded(classes: int) -> int:
    """Return the size of a padded vocabulary."""
    return -(-classes // PADDED) * PADDED


def _smoothing_padded_behind(asked: Setting) -> Setting | None:
    classes = len(asked.operands["weight"])
    if not asked.options["label_smoothing"] or padded(classes) == classes:
        return None
    return _of_its_fields(OtherHead, asked, kind=PaddedSmoothingHead)


def _padding_counted(multiple: int) -> Callable[[Setting], Setting | None]:
    """Return the loss with classes of logit 0 up to a multiple, as a padded weight has them."""

    def changed(asked: Setting) -> Setting | None:
        classes = len(asked.operands["weight"])
        missing = -classes % multiple
        is_plain = not (asked.options["label_smoothing"] or asked.z_loss or asked.has_factors)
        is_large = len(asked.labels) * (classes + missing) > MOST_PADDED
        if not missing or not is_plain or is_large:
            return None
        operands = {
            name: np.concatenate([one, np.zeros((missing, *one.shape[1:]), one.dtype)]) if name != "hidden" else one
            for name, one in asked.operands.items()
        }
        return replace(asked, operands=operands)

    return changed


def _last_by_the_first(asked: Setting) -> Setting | None:
    if np.array_equal(asked.labels, asked.given_labels):
        return None
    return replace(asked, labels=np.roll(asked.given_labels, -1))


def _last_by_its_own(asked: Setting) -> Setting | None:
    if np.array_equal(asked.labels, asked.given_labels):
        return None
    return replace(asked, labels=np.append(asked.labels[:-1], asked.given_labels[-1]))


def _label_whole(asked: Setting) -> Setting | None:
    return _of_its_fields(OtherHead, asked, kind=WholeLabelHead) if asked.options["label_smoothing"] else None


def _not_shifted(asked: Setting) -> Setting | None:
    if np.array_equal(asked.labels, asked.given_labels):
        return None
    return replace(asked, labels=asked.given_labels)


def _shifted_twice(asked: Setting) -> Setting | None:
    if np.array_equal(asked.labels, asked.given_labels):
        return None
    return replace(asked, labels=np.append(asked.labels[1:], asked.options["ignore_index"]))


def _shifted_back(asked: Setting) -> Setting | None:
    if np.array_equal(asked.labels, asked.given_labels):
        return None
    return replace(asked, labels=np.append([asked.options["ignore_index"]], asked.given_labels[:-1]))


def _first_upstream(asked: Setting) -> Setting | None:
    if asked.cotangent.ndim == 0 or not np.ptp(asked.cotangent):
        return None
    return replace(asked, cotangent=np.full_like(asked.cotangent, asked.cotangent[0]))


def _upstream_dropped(asked: Setting) -> Setting | None:
    ones = np.ones_like(asked.cotangent)
    return None if np.array_equal(ones, asked.cotangent) else replace(asked, cotangent=ones)


def _upstream_twice(asked: Setting) -> Setting | None:
    return None if (asked.cotangent == 1.0).all() else replace(asked, cotangent=asked.cotangent**2)


FAULTS: tuple[tuple[str, str, Callable[[Setting], Setting | None]], ...] = (
    ("the scale or temperature is dropped", IN_FRONT, _factor_dropped),
    ("the scale or temperature is applied twice", IN_FRONT, _factor_twice),
    ("a quotient stands for the product, or the reverse", IN_FRONT, _factor_inverted),
    ("the cap is dropped", IN_FRONT, _cap_dropped),
    ("the cap is z tanh(z / c)", IN_FRONT, _cap_as(ProductCap)),
    ("the derivative of the cap is dropped", IN_FRONT, _cap_as(FlatCap)),
    ("the cap comes before the scale or temperature", IN_FRONT, _cap_first),
    ("the derivative of the scale or temperature is dropped", IN_FRONT, _factor_flat),
    ("the derivative of the scale or temperature is applied twice", IN_FRONT, _factor_doubled),
    ("the derivative of the cap is 1 - tanh, not 1 - tanh ** 2", IN_FRONT, _cap_as(CapByTanh)),
    ("the derivative of the cap is that at the capped logits", IN_FRONT, _cap_as(CapAtCapped)),
    ("the derivative of the cap is that before the scale or temperature", IN_FRONT, _cap_at_unscaled),
    ("the tensor of factors is dropped", IN_FRONT, _factors_dropped),
    ("a quotient stands for the product with the tensor of factors, or the reverse", IN_FRONT, _factors_inverted),
    ("the first factor counts for all", IN_FRONT, _first_factor),
    ("the derivative of the tensor of factors is dropped", IN_FRONT, _factors_flat),
    ("the gradient with respect to the factors uses logits that they have multiplied", IN_FRONT, _factors_by_products),
    ("the bias is dropped", IN_FRONT, _bias_dropped),
    ("the bias comes after the scale or temperature", IN_FRONT, _bias_last),
    ("the z-loss is dropped", OF_THE_LOSS, _z_loss_dropped),
    ("half of the z-loss counts", OF_THE_LOSS, _z_loss_halved),
    ("the z-loss is that of logits less their maximum", OF_THE_LOSS, _z_loss_as(ShiftedZLossHead)),
    ("the derivative of the z-loss lacks the log-sum-exp", OF_THE_LOSS, _z_loss_as(FlatZLossHead)),
    ("the z-loss of ignored rows counts", OF_THE_LOSS, _z_loss_of_ignored_rows),
    ("the z-loss is not divided", OF_THE_LOSS, _z_loss_summed),
    ("the z-loss is divided by all rows", OF_THE_LOSS, _z_loss_by_rows),
    ("nothing divides the sum", OF_THE_LOSS, _not_divided),
    ("the mean is over all rows", OF_THE_LOSS, _divided_by_rows),
    ("the label smoothing is dropped", OF_THE_LOSS, _smoothing_dropped),
    ("the smoothing leaves the label out", OF_THE_LOSS, _smoothing_over_others),
    ("the smoothing is over a padded vocabulary", OF_THE_LOSS, _smoothing_padded),
    ("a smoothed loss has the derivative of the whole label", OF_THE_LOSS, _label_whole),
    ("the derivative of the smoothing is over a padded vocabulary", OF_THE_LOSS, _smoothing_padded_behind),
    ("the last row is judged by its own label", OF_THE_LOSS, _last_by_its_own),
    ("the last row is judged by the first label", OF_THE_LOSS, _last_by_the_first),
    ("rows are judged by their own labels", OF_THE_LOSS, _not_shifted),
    ("labels are shifted twice", OF_THE_LOSS, _shifted_twice),
    ("labels are shifted the other way: rows are judged by the label before", OF_THE_LOSS, _shifted_back),
    ("the upstream gradient is dropped", OF_THE_LOSS, _upstream_dropped),
    ("the upstream gradient is applied twice", OF_THE_LOSS, _upstream_twice),
    ("the upstream gradient of the first row counts for all", OF_THE_LOSS, _first_upstream),
)
"""Each by its name and clause: the loss with this one thing changed, None if it does not apply."""

OF_VALUES: tuple[tuple[str, str, Callable[[Setting], Setting | None]], ...] = (
    ("the label's logit has its bias twice", IN_FRONT, _label_moved(_biased_label(1.0))),
    ("the label's logit lacks its bias", IN_FRONT, _label_moved(_biased_label(-1.0))),
    ("the label's logit has the scale or temperature twice", IN_FRONT, _label_moved(_scaled_label)),
    ("the label's logit alone has the scale or temperature", IN_FRONT, _label_alone_scaled),
    ("the label's logit is that before the scale, the factors or the cap", IN_FRONT, _label_moved(_plain_label)),
    ("the z-loss is that of logits before the scale, the factors or the cap", OF_THE_LOSS, _z_loss_early),
)
"""Of the value alone: what they do to a gradient has no name here."""

OF_PADDING = tuple(
    (f"classes of logit 0 pad the vocabulary to a multiple of {multiple}", OF_THE_LOSS, _padding_counted(multiple))
    for multiple in (64, 128, 256, 512, 1024, 2048, 4096)
)
"""Of the value and the gradient by the hidden states: that by the weight has other rows."""

MOST_PADDED = 1 << 17
"""Logits of a padded product that an answer is compared with."""

MOST_LOGITS = 1 << 14
"""Larger products are not compared with other losses: the small ones of a format name the fault."""


def applied(asked: Setting, quantity: str, first: Collection[str]) -> Iterator[tuple[str, str, Setting]]:
    """Yield what may be wrong with a head: its name, its clause, and the loss that it would be; some names first."""
    if _is_large(asked):
        return
    more = (*OF_VALUES, *OF_PADDING) if quantity == "value" else OF_PADDING if quantity == "grad_hidden" else ()
    for name, clause, change in sorted((*FAULTS, *more), key=lambda fault: fault[0] not in first):
        changed = asked.changed(name, change)
        if changed is not None and (quantity != BY_FACTORS or changed.has_factors):
            yield name, clause, changed


def _is_large(asked: Setting) -> bool:
    return len(asked.labels) * len(asked.operands["weight"]) > MOST_LOGITS


def read_off(asked: Setting, quantity: str, observed: Array) -> Iterator[tuple[str, str, Setting]]:
    """Yield what a wrong answer speaks for: a z-loss that is added, another divisor."""
    if _is_large(asked):
        return
    if (added := _z_loss_added(asked, quantity, observed)) is not None:
        yield f"a z-loss of {added.z_loss:.4g} is added", OF_THE_LOSS, added
    if (other := _other_divisor(asked, quantity, observed)) is not None:
        yield f"the divisor is {other.divisor:.6g}", OF_THE_LOSS, other


def of_rows(asked: Setting, quantity: str, observed: Array) -> tuple[str, str, Setting] | None:
    """Return what no other loss explains: a gradient by the hidden states that is a multiple of the exact one, by row.

    So a divisor is wrong that each chunk counts by itself, and an upstream gradient of other rows.
    """
    if quantity != "grad_hidden":
        return None
    exact = asked.head.exact(quantity, asked.cotangent).value
    seen, size = observed.astype(np.float64), (exact * exact).sum(axis=1)
    with np.errstate(all="ignore"):
        times = np.where(size > 0.0, (seen * exact).sum(axis=1) / size, 1.0)
    off = np.abs(times - 1.0) > SEEN
    if not np.isfinite(times).all() or not off.any():
        return None
    kept = asked.labels != asked.options["ignore_index"] if asked.options["ignore_index"] is not None else off | True
    divisor = float(asked.divisor or (kept.sum() if asked.options["reduction"] == "mean" else 1.0))
    plain = replace(asked.with_options(reduction="none"), divisor=None)
    row = int(np.argmax(off))
    name = f"the gradients of {int(off.sum())} rows are multiplied, that of row {row} by {times[row]:.4g}"
    return name, OF_THE_LOSS, replace(plain, cotangent=asked.cotangent * times / divisor)


SEEN = 1e-3
"""A row's gradient that is off by less, relative to it, is not said to be multiplied."""


def _other_divisor(asked: Setting, quantity: str, observed: Array) -> Setting | None:
    """Return the sum over the number that the answer speaks for, where one number answers for all rows."""
    if asked.options["reduction"] == "none":
        return None
    total = replace(asked.with_options(reduction="sum"), divisor=None)
    whole = total.head.exact(quantity, None if quantity == "value" else asked.cotangent).value
    largest = np.unravel_index(np.argmax(np.abs(whole)), whole.shape)
    with np.errstate(all="ignore"):
        divisor = float(whole[largest] / observed[largest].astype(np.float64))
    kept = float(np.round(divisor * len(asked.labels)) / len(asked.labels))
    is_possible = 0.0 < kept < np.inf and kept != 1.0
    return replace(total, divisor=kept) if is_possible else None


def _z_loss_added(asked: Setting, quantity: str, observed: Array) -> Setting | None:
    """Return the loss with the z-loss that most of the numbers speak for, where none is declared."""
    is_one = asked.options["reduction"] != "none" or len(asked.labels) == 1
    if asked.z_loss or quantity != "value" or is_one:
        return None  # some factor explains any one number
    without, with_one = (replace(asked, z_loss=factor).head.exact(quantity).value for factor in (0.0, 1.0))
    term = with_one - without
    speaks = term > 0.0
    if not speaks.any():
        return None
    factor = float(np.median((observed.astype(np.float64) - without)[speaks] / term[speaks]))
    return replace(asked, z_loss=factor) if 0.0 < factor < np.inf else None
