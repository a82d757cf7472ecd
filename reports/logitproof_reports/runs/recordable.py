"""Judgements as a table that can be read again, whatever their texts contain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from logitproof_reference.vocabulary.judgement import CELL_WORDS, on_the_whole

from .schema import RunFileError, table_of
from .values import refuse_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reference.vocabulary.judgement import Judgement


def recordable_table(judgements: Sequence[Judgement]) -> pa.Table:
    """Return judgements as a table that can be read again; one that could not be is ``void``, and costs no other."""
    try:
        table = table_of(judgements)
        refuse_faults("", table)
    except (RunFileError, pa.ArrowException):
        return table_of(map(_recordable, judgements))
    return table


def _recordable(found: Judgement) -> Judgement:
    try:
        refuse_faults("it", table_of([found]))
    except (RunFileError, pa.ArrowException) as error:
        plain = on_the_whole(found.adapter, "void", f"Logitproof itself failed to record this: {error}")
        named = {name: getattr(found, name) for name in ("cell", *CELL_WORDS, "regime", "clause", "grade")}
        return replace(plain, **named)
    return found
