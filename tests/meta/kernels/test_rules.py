"""The page has the table of what other rules see, with every rule that is tried, as the script prints it."""

from __future__ import annotations

import re
from pathlib import Path

from meta.kernels.rules import RULES, Row, table

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "check-your-kernel.md").read_text("utf-8")
LINE = re.compile(r"^\| (.+) \| (\d+) of (\d+) \((\d+) %\) \| (\d+) of (\d+) \| (.+) \|$", flags=re.MULTILINE)


def test_every_rule_has_its_line_on_the_page() -> None:
    found = {rule: (int(killed), int(faulty), int(share)) for rule, killed, faulty, share, *_ in LINE.findall(PAGE)}
    assert set(RULES) < set(found)
    assert "`logitproof check`, quick" in found
    assert all(round(100 * killed / faulty) == share for killed, faulty, share in found.values())


def test_the_table_is_written_as_the_page_has_it() -> None:
    text = table([Row("gradcheck", 4, 77, 0, 54, 0.0023)])
    assert text.splitlines()[0] in PAGE
    assert LINE.fullmatch(text.splitlines()[-1])
