"""The case set is the same bits for ever, and every regime holds what its reason says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.cases.catalogue import PROFILES, REGIMES, Batch, batches, case_set_digest, poisoned
from logitproof_reference.cases.hashed_numbers import normals, splitmix64, uniforms
from logitproof_reference.cases.regimes.worst_known import WORST_KNOWN
from logitproof_reference.cases.widths import BODY_AND_TAIL, TWO_TILES, WIDEST_TILE, places, tiles
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.formats import FORMATS, Format, named_format, ulp

if TYPE_CHECKING:
    from logitproof_reference.cases.regime import Regime, Rows

    F64 = np.typing.NDArray[np.float64]

DIGESTS = {
    ("quick", "float16"): "d2c15e1c0200e091ec0e99c7d69d7a2181e0bdb8257af6ffe1c5a35c5d39974f",
    ("quick", "bfloat16"): "5394a64dcaa73e850ef66022aee1b67b144d27fdc205daaffa98d7b3f92e7174",
    ("quick", "float32"): "b12203d5abb42434fd9b3de0e1649678687ebb9d570182b59a97617c5655cd68",
    ("quick", "float64"): "9bd58d744f67c9e91df968424e40a304a5fb05d9342411acee167764e095959f",
    ("full", "float16"): "a790e6d56e37240ddaf15cbc001faddb414ffc99513b1559f0af2b37fdac508e",
    ("full", "bfloat16"): "0d3e618db98de33045bd670d0c7864e9408937ff97af5622872bf2ea2c26cca4",
    ("full", "float32"): "24ccf8f2474396c179b576d02a2a30be5f46221318f122f42ff9b0585e28e3d0",
    ("full", "float64"): "9728e5c23e50fc48afcc7dc117b8be71e05e6b596f1e9990c84755f6d1e835be",
}
"""Whoever changes a bit of the case set pins it anew and says so in the CHANGELOG: old measurements lose their base."""

MASKED_LABEL = "masked_label"
UNNORMALIZED, EVERY_BIT = "unnormalized_labels", "every_bit"
NON_FINITE = {"masked_one", "masked_many", MASKED_LABEL, "all_masked", "plus_inf_one", "plus_inf_two", "nan"} | {
    *("nan_133", "masked_one_133", "masked_tiles_133", "plus_inf_133"),
    *("nan_65537", "masked_tiles_65537"),
}

PARTS = [(regime, name) for regime in REGIMES.values() for name in regime.formats]
every_regime_and_format = pytest.mark.parametrize(
    ("regime", "name"), PARTS, ids=[f"{regime.name}-{name}" for regime, name in PARTS]
)


def rows_of(regime: str, name: str) -> Rows:
    return REGIMES[regime].build(name)


def logits_of(regime: str, name: str) -> F64:
    return rows_of(regime, name).logits.astype(np.float64)


@pytest.mark.parametrize(("profile", "name"), DIGESTS)
def test_case_set_keeps_its_bits(profile: str, name: str) -> None:
    assert case_set_digest(profile, name) == DIGESTS[profile, name]


def test_one_changed_bit_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = case_set_digest("quick", "float32")
    values = REGIMES["typical"].values

    def nudged(format_: Format, count: int) -> F64:
        changed = values(format_, count)
        changed[3, 4] = np.nextafter(np.float32(changed[3, 4]), np.float32(9))
        return changed

    monkeypatch.setitem(REGIMES["typical"].__dict__, "values", nudged)
    assert case_set_digest("quick", "float32") != before


def test_generator_gives_the_published_outputs_of_splitmix64() -> None:
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert splitmix64(1234567, 4).tolist() == published


def test_pseudo_normals_are_exact_sums_with_normal_moments() -> None:
    draws = normals("moments", (20_000,))
    assert np.array_equal(draws * 2.0**48, np.rint(draws * 2.0**48))
    assert abs(draws.mean()) < 0.03
    assert abs(draws.std() - 1) < 0.03
    assert np.abs(draws).max() <= 6


def test_uniforms_fill_the_unit_interval() -> None:
    draws = uniforms("moments", (20_000,))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.01


@pytest.mark.parametrize("regime", REGIMES.values(), ids=list(REGIMES))
def test_regime_says_why_it_is_asked(regime: Regime) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", regime.name)
    assert re.fullmatch(r"[A-Z0-9].*\.", regime.reason)
    assert not regime.clause or regime.clause in CLAUSES
    assert set(regime.profiles) <= set(PROFILES)
    assert set(regime.formats) <= set(FORMATS)


def test_every_extreme_clause_has_rows_of_its_own_but_those_that_share_others() -> None:
    served = {regime.clause for regime in REGIMES.values()}
    sharing = {"EXT-6": "those of EXT-5", "EXT-10": "all infinite logits", "EXT-11": "all infinite logits"}
    assert {clause for clause in CLAUSES if clause.startswith("EXT")} - served == set(sharing)


@pytest.mark.parametrize(("regime", "name"), [(r, name) for r, name in PARTS if "quick" in r.profiles])
def test_quick_rows_are_the_first_of_full(regime: Regime, name: str) -> None:
    quick, full = regime.build(name, "quick"), regime.build(name, "full")
    assert full[: len(quick)].logits.tobytes() == quick.logits.tobytes()
    for part in ("indices", "distributions", "row_cotangents", "class_cotangents"):
        assert getattr(full, part)[: len(quick)].tobytes() == getattr(quick, part).tobytes(), part


@every_regime_and_format
def test_rows_have_the_shapes_and_format_of_the_question(regime: Regime, name: str) -> None:
    rows = regime.build(name)
    shape, dtype = (regime.counts["full"], regime.classes), named_format(name).dtype
    assert rows.logits.shape == rows.distributions.shape == rows.class_cotangents.shape == shape
    assert rows.indices.shape == rows.row_cotangents.shape == shape[:1]
    assert {array.dtype for array in (rows.logits, rows.distributions, rows.class_cotangents)} == {dtype}
    assert rows.indices.dtype == np.int64
    assert all(array.flags.c_contiguous for array in (rows.logits, rows.distributions, rows.class_cotangents))


@every_regime_and_format
def test_distributions_sum_to_one_exactly(regime: Regime, name: str) -> None:
    sums = regime.build(name).distributions.astype(np.float64).sum(axis=-1)
    if regime.name == UNNORMALIZED:
        assert set(sums) == {2.0, 0.5, 0.0, 1.5, 0.25}
    elif regime.name == EVERY_BIT:
        assert (np.abs(sums - 1) <= 10 * FORMATS[name].unit_roundoff).all()
    else:
        assert (sums == 1).all()


@every_regime_and_format
def test_labels_are_allowed_classes_with_some_weight(regime: Regime, name: str) -> None:
    rows = regime.build(name)
    places = np.arange(len(rows)), rows.indices
    weights, masked = rows.distributions.astype(np.float64), np.isneginf(rows.logits.astype(np.float64))
    assert ((rows.indices >= 0) & (rows.indices < regime.classes)).all()
    if regime.name != UNNORMALIZED:
        assert (weights[places] > 0).all()
    if regime.name == MASKED_LABEL:
        assert masked[places].all()
    elif regime.name != "all_masked":
        assert not (masked & (weights > 0)).any()
        assert not masked[places].any()


@every_regime_and_format
def test_cotangents_are_uneven_and_never_zero(regime: Regime, name: str) -> None:
    rows = regime.build(name)
    if regime is WORST_KNOWN:
        return  # those of the searches
    for cotangents in (rows.row_cotangents.astype(np.float64), rows.class_cotangents.astype(np.float64)):
        assert (np.abs(cotangents) >= 1 / 8).all()
        assert (np.abs(cotangents) <= 2).all()
        assert cotangents.size < 4 or len(np.unique(cotangents)) > 1


@every_regime_and_format
def test_only_the_regimes_of_infinities_and_nan_are_not_finite(regime: Regime, name: str) -> None:
    finite = np.isfinite(regime.build(name).logits.astype(np.float64)).all(axis=-1)
    assert not finite.any() if regime.name in NON_FINITE else finite.all()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("profile", PROFILES)
def test_batches_hold_every_regime_once(profile: str, name: str) -> None:
    parts = batches(name, profile)
    held = [regime for batch in parts for regime in batch.slices]
    asked = [r.name for r in REGIMES.values() if profile in r.profiles and name in r.formats]
    assert sorted(held) == sorted(asked)
    for batch in parts:
        assert slices_partition(batch)
        for regime, part in batch.slices.items():
            assert batch.rows[part].logits.tobytes() == REGIMES[regime].build(name, profile).logits.tobytes()


def slices_partition(batch: Batch) -> bool:
    edges = [0, *(part.stop for part in batch.slices.values())]
    starts = [part.start for part in batch.slices.values()]
    return starts == edges[:-1] and edges[-1] == len(batch.rows) and batch.rows.logits.shape[1] == batch.classes


@pytest.mark.parametrize("name", FORMATS)
def test_quick_profile_is_small_and_has_few_shapes(name: str) -> None:
    parts = batches(name, "quick")
    assert sum(batch.rows.logits.size for batch in parts) <= 250_000
    assert len({batch.classes for batch in parts}) <= 7


def test_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match='profile "fast" is not known; known: quick, full'):
        batches("float32", "fast")


def test_regime_that_a_format_cannot_hold_says_so() -> None:
    with pytest.raises(ValueError, match="has no rows in float16; it has: bfloat16, float32, float64"):
        REGIMES["common_offset_1e8"].build("float16")


@pytest.mark.parametrize("regime", ["typical", "confident", "saturated", "max_finite", "masked_many"])
def test_the_greatest_some_and_the_least_class_are_labelled(regime: str) -> None:
    rows = rows_of(regime, "float32")
    allowed = np.isfinite(rows.logits)
    labelled = rows.logits[np.arange(len(rows)), rows.indices]
    greatest = labelled == np.where(allowed, rows.logits, -np.inf).max(axis=-1)
    least = labelled == np.where(allowed, rows.logits, np.inf).min(axis=-1)
    assert greatest[0::3].all()
    assert least[2::3].all()
    assert not (greatest | least)[1::3].all()


@pytest.mark.parametrize("name", FORMATS)
def test_confident_rows_run_from_eight_tenths_to_nearly_one(name: str) -> None:
    logits = logits_of("confident", name)
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = (shares / shares.sum(axis=-1, keepdims=True)).max(axis=-1)
    assert p.min() < 0.9
    assert p.max() > 0.999
    assert p.max() < 1


@pytest.mark.parametrize("name", ["bfloat16", "float32", "float64"])
def test_most_saturated_rows_lie_beyond_the_unit_roundoff(name: str) -> None:
    rest = np.sort(np.exp(saturation(name)), axis=-1)[:, :-1].sum(axis=-1)
    assert (rest < FORMATS[name].unit_roundoff).mean() > 0.5
    assert (rest > FORMATS[name].smallest_normal).all()


def saturation(name: str) -> F64:
    logits = logits_of("saturated", name)
    below: F64 = logits - logits.max(axis=-1, keepdims=True)
    return below


@pytest.mark.parametrize("name", FORMATS)
def test_underflow_rows_span_the_subnormal_range(name: str) -> None:
    logits = logits_of("underflow", name)
    second = np.sort(logits, axis=-1)[:, -2] - logits.max(axis=-1)
    assert np.isclose(second.max(), np.log(FORMATS[name].smallest_normal), atol=1)
    assert second.min() < np.log(FORMATS[name].smallest_subnormal) - 0.1


@pytest.mark.parametrize("name", FORMATS)
def test_leaders_of_a_near_tie_are_few_ulps_apart(name: str) -> None:
    ordered = np.sort(logits_of("near_tie", name), axis=-1)
    steps = (ordered[:, -1] - ordered[:, -2]) / ulp(ordered[:, -1], FORMATS[name])
    assert set(np.ceil(steps)) == {1, 2, 3}
    assert (ordered[:, -1] - ordered[:, -5] > 2).all()


@pytest.mark.parametrize("name", FORMATS)
def test_exact_ties_are_ties_also_between_zeros_of_both_signs(name: str) -> None:
    logits = logits_of("exact_tie", name)
    tied = (logits == logits.max(axis=-1, keepdims=True)).sum(axis=-1)
    assert set(tied) >= {2, 3, 4, 5, 6, 10}
    zeros = (logits == 0).all(axis=-1)
    assert (np.signbit(logits[zeros]).any(axis=-1) & ~np.signbit(logits[zeros]).all(axis=-1)).any()


@pytest.mark.parametrize("offset", ["1e4", "1e6", "1e8", "1e30"])
def test_common_offsets_hold_equal_logits_of_both_signs(offset: str) -> None:
    logits = logits_of(f"common_offset_{offset}", "float32")
    assert (np.abs(np.abs(logits) / float(offset) - 1) < 0.01).all()
    equal = (logits == logits[:, :1]).all(axis=-1)
    assert {1.0, -1.0} == set(np.sign(logits[equal, 0]))
    assert not equal.all()


@pytest.mark.parametrize("name", FORMATS)
def test_largest_numbers_come_alone_alike_and_in_opposite_pairs(name: str) -> None:
    largest = FORMATS[name].largest
    alone, pairs = logits_of("max_finite", name), logits_of("max_finite_pair", name)
    assert {1, 2, 10} <= set((alone == largest).sum(axis=-1))
    assert {1, 10} <= set((alone == -largest).sum(axis=-1))
    assert (alone.max(axis=-1) / 2 - alone.min(axis=-1) / 2 <= largest / 2).all()
    assert (pairs.max(axis=-1) / 2 - pairs.min(axis=-1) / 2 > largest / 2).all()


@pytest.mark.parametrize("name", FORMATS)
def test_subnormal_logits_are_subnormal(name: str) -> None:
    logits = logits_of("subnormal", name)
    assert (np.abs(logits) < FORMATS[name].smallest_normal).all()
    assert (logits != 0).mean() > 0.9 or name == "bfloat16"


@pytest.mark.parametrize("name", FORMATS)
def test_masked_rows_rule_out_one_to_nine_classes(name: str) -> None:
    assert set(np.isneginf(logits_of("masked_one", name)).sum(axis=-1)) == {1}
    assert set(np.isneginf(logits_of("masked_many", name)).sum(axis=-1)) == set(range(2, 10))
    assert set((logits_of("masked_by_lowest", name) == -FORMATS[name].largest).sum(axis=-1)) == set(range(1, 10))


@pytest.mark.parametrize("name", FORMATS)
def test_nan_comes_alone_beside_infinities_and_throughout(name: str) -> None:
    logits = logits_of("nan", name)
    counts = np.isnan(logits).sum(axis=-1)
    assert set(counts) == {1, 3, 10}
    assert (np.isposinf(logits).any(axis=-1) & (counts == 1)).any()
    assert (np.isneginf(logits).sum(axis=-1) == 9).any()


@pytest.mark.parametrize(
    ("regime", "quick", "full", "classes"),
    [("digits_mlp", 400, 898, 10), ("magika_file_types", 0, 280, 214), ("ppocr_characters", 0, 48, 6625)],
)
def test_real_logits_are_all_there_and_exact_in_float32(regime: str, quick: int, full: int, classes: int) -> None:
    found = REGIMES[f"real_{regime}"]
    assert (found.counts.get("quick", 0), found.counts["full"], found.classes) == (quick, full, classes)
    wide, single = found.build("float64").logits, found.build("float32").logits
    assert np.array_equal(wide, single.astype(np.float64))


def test_poisoned_rows_leave_the_others_their_bits() -> None:
    (batch,) = [batch for batch in batches("bfloat16", "quick") if "typical" in batch.slices]
    changed, untouched = poisoned(batch.rows)
    assert changed.logits[untouched].tobytes() == batch.rows.logits[untouched].tobytes()
    assert 0.8 < untouched.mean() < 0.9
    poison = changed.logits[~untouched].astype(np.float64)
    assert (np.isnan(poison) | np.isinf(poison)).all()
    assert all(found.any() for found in (np.isnan(poison), np.isposinf(poison), np.isneginf(poison)))
    assert np.isfinite(batch.rows.logits[~untouched].astype(np.float64)).any(), "the batch itself is left alone"


@pytest.mark.parametrize("name", FORMATS)
def test_every_bit_fills_its_format_with_labels_and_cotangents(name: str) -> None:
    rows = rows_of(EVERY_BIT, name)
    for part in (rows.distributions, rows.row_cotangents, rows.class_cotangents):
        exact = part.astype(np.float64)
        scaled = exact * 2.0 ** (FORMATS[name].precision - np.frexp(exact)[1])
        assert (np.abs(scaled) % 2 == 1).mean() > 0.1


def test_last_row_of_the_common_batch_is_nan_in_one_class_only() -> None:
    (common,) = [batch for batch in batches("float32", "quick") if batch.classes == 10 and len(batch.rows)]
    assert np.isnan(common.rows.logits[-1]).sum() == 1
    assert len(common.rows) > 1024


def test_places_are_the_ends_and_the_borders_of_vectors_and_blocks() -> None:
    assert {0, 3, 4, 31, 32, 127, 128, 131, 132} <= set(places(BODY_AND_TAIL))
    assert {0, WIDEST_TILE - 1, WIDEST_TILE, TWO_TILES - 1} <= set(places(TWO_TILES))
    assert all(0 <= place < BODY_AND_TAIL for place in places(BODY_AND_TAIL))
    assert places(1) == [0]


def test_whole_tiles_are_masked_the_first_with_the_leader_behind_it() -> None:
    assert slice(0, WIDEST_TILE) in tiles(TWO_TILES)
    rows = REGIMES[f"masked_tiles_{TWO_TILES}"].build("float32")
    masked = np.isneginf(rows.logits)
    assert masked[0, :WIDEST_TILE].all()
    assert not masked[0, WIDEST_TILE:].any()
    assert rows.indices[0] >= WIDEST_TILE
    all_but_one = np.isneginf(REGIMES[f"masked_tiles_{BODY_AND_TAIL}"].build("float32").logits)[2]
    assert all_but_one.sum() == BODY_AND_TAIL - 1


def test_cotangents_of_one_sign_leave_float16() -> None:
    rows = REGIMES[f"one_signed_{TWO_TILES}"].build("float16")
    assert (rows.class_cotangents.astype(np.float64).sum(axis=1) > FORMATS["float16"].largest).all()
