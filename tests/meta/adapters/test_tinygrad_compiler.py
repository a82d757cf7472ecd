"""What is found out of the clang that tinygrad calls, with compilers of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.frameworks.tinygrad.compiler import clang, knows_bfloat16

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("refuses", "computes"),
    [
        ("__bf16", False),  # clang 14: no such type
        ("(float)", False),  # clang 15 and 16: a type that is converted to nothing
        ("no word of it", True),
    ],
)
def test_a_clang_that_only_stores_bfloat16_does_not_compute_in_it(
    refuses: str, computes: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "clang version 15.0.6" && exit\n! grep -qF "{refuses}"\n'
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    assert knows_bfloat16() is computes
    assert clang() == "clang version 15.0.6"
