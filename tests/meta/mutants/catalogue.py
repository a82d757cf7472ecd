"""All mutants by name: the faults that the suite must see."""

from __future__ import annotations

from meta.mutants.blocks import BLOCK_MUTANTS
from meta.mutants.errors import ERROR_MUTANTS
from meta.mutants.extremes import EXTREME_MUTANTS
from meta.mutants.gradients import GRADIENT_MUTANTS
from meta.mutants.ignored import IGNORED_MUTANTS
from meta.mutants.labels import LABEL_MUTANTS
from meta.mutants.laws import LAW_MUTANTS
from meta.mutants.layouts import LAYOUT_MUTANTS
from meta.mutants.modes import MODE_MUTANTS
from meta.mutants.options import OPTION_MUTANTS
from meta.mutants.producers import PRODUCER_MUTANTS
from meta.mutants.results import RESULT_MUTANTS
from meta.mutants.second_order import SECOND_ORDER_MUTANTS
from meta.mutants.shifts_and_sums import VALUE_MUTANTS
from meta.mutants.sigmoid import SIGMOID_MUTANTS
from meta.mutants.sigmoid_extremes import SIGMOID_EXTREME_MUTANTS
from meta.mutants.sizes import SIZE_MUTANTS
from meta.mutants.upstream import UPSTREAM_MUTANTS

_TABLES = (
    VALUE_MUTANTS,
    LABEL_MUTANTS,
    GRADIENT_MUTANTS,
    SECOND_ORDER_MUTANTS,
    SIGMOID_MUTANTS,
    SIGMOID_EXTREME_MUTANTS,
    OPTION_MUTANTS,
    IGNORED_MUTANTS,
    EXTREME_MUTANTS,
    RESULT_MUTANTS,
    LAYOUT_MUTANTS,
    LAW_MUTANTS,
    MODE_MUTANTS,
    SIZE_MUTANTS,
    BLOCK_MUTANTS,
    PRODUCER_MUTANTS,
    ERROR_MUTANTS,
    UPSTREAM_MUTANTS,
)

MUTANTS = {mutant.name: mutant for table in _TABLES for mutant in table}
