"""The table of public loss heads: each row names a function that takes what is declared, and stands in the docs."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from logitproof.commands.command_line import app
from logitproof_reference.vocabulary.heads import HEADS
from meta.kernels.public_heads_table import (
    DISTRIBUTIONS,
    FUNCTIONS,
    KIN,
    MASKED,
    PROBABILITIES,
    PUBLIC_HEADS,
    SHARDED,
    PublicHead,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).resolve().parents[3] / "docs/loss-heads.md").read_text("utf-8")

OF_AN_OP = (*KIN, *DISTRIBUTIONS, *PROBABILITIES, *FUNCTIONS)
ALL = (*PUBLIC_HEADS, *SHARDED, *MASKED, *OF_AN_OP)

BUILT_IN = {
    "of_trainers:torchtune_chunked": {"reduction"},
    "of_trainers:transformers_causal_lm": {"reduction", "shift"},
}
BUILT_IN["of_trainers:transformers_label_smoother"] = {"reduction", "ignore_index"}
"""What a function does without being told."""


def function_of(head: PublicHead) -> Callable[..., Any]:
    module, _, name = head.spec.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


@pytest.mark.parametrize("head", PUBLIC_HEADS, ids=lambda head: head.function)
def test_a_row_names_a_function_that_takes_what_it_declares(head: PublicHead) -> None:
    taken = inspect.signature(function_of(head)).parameters
    assert list(taken)[:3] == ["hidden", "weight", "labels"]
    declared = {word.replace("-", "_") for word in re.findall(r"--([a-z-]+)", head.declared)} - {"quantity"}
    assert declared - set(taken) == BUILT_IN.get(head.function, set())


@pytest.mark.parametrize("head", SHARDED, ids=lambda head: head.function)
def test_a_sharded_loss_of_logits_takes_the_number_of_ranks(head: PublicHead) -> None:
    assert list(inspect.signature(function_of(head)).parameters) == ["logits", "labels", "ranks"]


@pytest.mark.parametrize("head", MASKED, ids=lambda head: head.function)
def test_a_function_with_a_mask_takes_it_by_that_keyword(head: PublicHead) -> None:
    assert list(inspect.signature(function_of(head)).parameters) == [
        "logits",
        *["labels"] * ("loss" in head.function),
        "where",
    ]


@pytest.mark.parametrize("head", OF_AN_OP, ids=lambda head: head.function)
def test_a_function_takes_the_operands_of_its_op(head: PublicHead) -> None:
    taken = [
        name for name, one in inspect.signature(function_of(head)).parameters.items() if one.kind != one.KEYWORD_ONLY
    ]
    assert tuple(taken) == HEADS[head.op].operands


@pytest.mark.parametrize("head", ALL, ids=lambda head: head.function)
def test_its_options_are_those_of_check(head: PublicHead) -> None:
    known = {name for option in typer.main.get_command(app).commands["check"].params for name in option.opts}  # type: ignore[attr-defined]
    assert set(re.findall(r"--[a-z-]+", head.command)) <= known


@pytest.mark.parametrize("head", ALL, ids=lambda head: head.function)
def test_the_page_has_it(head: PublicHead) -> None:
    assert f"`{head.function}`" in PAGE
    assert head.declared in PAGE
    assert head.package in PAGE


def test_there_are_fourteen_heads_of_eight_packages() -> None:
    assert len(PUBLIC_HEADS) >= 14
    assert len({head.package.partition(" ")[0] for head in PUBLIC_HEADS}) >= 8


def test_every_function_here_has_a_row() -> None:
    rows = {head.function for head in ALL}
    for module in {row.partition(":")[0] for row in rows}:
        found = vars(import_module(f"logitproof_adapters.public_heads.{module}"))
        public = [name for name, one in found.items() if inspect.isfunction(one) and not name.startswith("_")]
        own = [name for name in public if found[name].__module__.endswith(module)]
        assert {f"{module}:{name}" for name in own} <= rows
