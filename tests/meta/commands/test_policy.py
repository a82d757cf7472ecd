"""A policy says what fails; waivers have an owner, a reason and an end; certificates tell when they were altered."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from logitproof.commands.command_line import main
from logitproof.errors import UsageError
from logitproof.upgrades.certificate import certify, verify
from logitproof.upgrades.policy import Policy, found_policy, read_policy
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import report_of
from logitproof_reports.runs.run_file import write_run
from meta.reports.synthetic_runs import QUESTIONS, fraction, judgement, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from logitproof_reports.diff.compare import Diff

TODAY = dt.date(2026, 11, 21)
FINE = [judgement("torch", "eager", format_, QUESTIONS[0], "typical") for format_ in ("float32", "float16")]
WORSE = [replace(FINE[0], verdict="deviates", slack=9.0, digest="feed" * 4), FINE[1]]
WAIVER = """
[[waivers]]
cells = "torch-eager-softmax-*"
owner = "numerics"
reason = "known upstream"
expires = {}
"""


@pytest.fixture
def worse() -> Diff:
    return diff(run_of("torch", *FINE), run_of("torch", *WORSE))


def policy(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "logitproof.toml"
    path.write_text(text)
    return read_policy(path)


def test_what_became_wrong_fails_without_a_policy(worse: Diff) -> None:
    assert not Policy().rule(worse, TODAY).safe


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ('fail_on = "never"', True),
        ('fail_on = ["regressed"]', True),
        ('fail_on = ["regressed", "newly_failing"]', False),
        ('[matters]\nformat = "float16"', True),
        ('[matters]\nformat = ["float*"]\nmode = ["eager"]', False),
        ('[matters]\nmode = ["compiled"]', False),
        (WAIVER.format("2026-11-21"), True),
        (WAIVER.format("2026-11-20"), False),
        (WAIVER.format("2027-01-01").replace("torch-", "jax-"), False),
        (WAIVER.format("2027-01-01") + 'change = "regressed"', False),
        (WAIVER.format("2027-01-01") + 'change = "newly_*"\nclause = "VAL-1"\nregimes = "typical"', True),
    ],
)
def test_a_policy_fails_what_it_names_and_nothing_else(text: str, safe: bool, worse: Diff, tmp_path: Path) -> None:  # noqa: FBT001  a column of the table
    assert policy(tmp_path, text).rule(worse, TODAY).safe is safe


def test_waived_changes_are_counted_and_signed(worse: Diff, tmp_path: Path) -> None:
    ruling = policy(tmp_path, WAIVER.format("2027-01-01")).rule(worse, TODAY)
    (waived,) = ruling.waived
    assert (waived.owner, waived.number, waived.until) == ("numerics", 1, "2027-01-01")
    assert report_of(worse, ruling).headline.endswith("nothing became worse, 1 waived")


@pytest.mark.parametrize(
    ("expires", "says"), [("2026-11-20", "expired on 2026-11-20"), ("2027-01-01", "matches no failing change")]
)
def test_a_dead_waiver_says_whose_it_is(expires: str, says: str, tmp_path: Path) -> None:
    fine = run_of("torch", *FINE)
    (complaint,) = policy(tmp_path, WAIVER.format(expires)).rule(diff(fine, fine), TODAY).complaints
    assert "numerics" in complaint
    assert says in complaint


@pytest.mark.parametrize(
    "text",
    [
        "fail_on = 3",
        'fail_on = "worse"',
        'fail_on = ["worse"]',
        "fial_on = []",
        '[matters]\nframework = "torch"',
        "[matters]\nformat = 3",
        "matters = 3",
        "[[waivers]]\ncells = '*'",
        WAIVER.format('"tomorrow"'),
        WAIVER.format("2027-01-01T00:00:00"),
        WAIVER.format("2027-01-01") + "clauses = 'VAL-1'",
        "not toml",
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"logitproof\.toml"):
        policy(tmp_path, text)


def test_a_project_keeps_its_policy_in_either_file(tmp_path: Path) -> None:
    assert found_policy(tmp_path) is None
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\nname = 'a'\n")
    assert found_policy(tmp_path) is None
    project.write_text('[tool.logitproof]\nfail_on = "never"\n')
    assert found_policy(tmp_path) == project
    assert read_policy(project).fail_on == ()
    own = tmp_path / "logitproof.toml"
    own.write_text('[target.prod]\ncommand = ["python3"]\n')  # targets alone are no policy
    assert found_policy(tmp_path) == project
    own.write_text('fail_on = "never"\n[target.prod]\ncommand = ["python3"]\n')
    assert found_policy(tmp_path) == own
    assert read_policy(own).fail_on == ()


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """Return a private key and its public key."""
    private, public = Ed25519PrivateKey.generate(), tmp_path / "public.pem"
    (tmp_path / "private.pem").write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return tmp_path / "private.pem", public


def certified(worse: Diff, folder: Path, key: Path | None = None) -> tuple[Path, list[Path]]:
    """Write both runs and the certificate of their diff, and return the paths."""
    files = {"baseline": folder / "a.parquet", "candidate": folder / "b.parquet"}
    write_run(files["baseline"], worse.before)
    write_run(files["candidate"], worse.after)
    report = report_of(worse, Policy().rule(worse, TODAY))
    locks = {"baseline": ["torch==2.12.0"], "candidate": ["torch==2.13.0"]}
    (folder / "certificate.json").write_text(certify(report, files=files, locks=locks, day=TODAY, key=key))
    return folder / "certificate.json", list(files.values())


def statement_of(certificate: Path) -> dict[str, Any]:
    statement: dict[str, Any] = json.loads(base64.b64decode(json.loads(certificate.read_text())["payload"]))
    return statement


def test_a_certificate_is_a_test_result_on_the_runs_it_names_and_no_others(worse: Diff, tmp_path: Path) -> None:
    certificate, files = certified(worse, tmp_path)
    statement = statement_of(certificate)
    assert statement["predicate"]["result"] == "FAILED"
    assert [one["name"] for one in statement["subject"]] == ["baseline", "candidate"]
    assert statement["predicate"]["logitproof"]["runs"]["candidate"]["lock"] == ["torch==2.13.0"]
    first, seal, *checked = verify(certificate, files)
    assert first.startswith("intact: NOT SAFE")
    assert seal.strip().startswith("not signed")
    assert [line.rpartition(" ")[2] for line in checked] == ["baseline", "candidate"]
    assert "not checked: its baseline and candidate" in verify(certificate)[-1]
    write_run(files[1], replace(worse.after, complete=False))
    with pytest.raises(UsageError, match="not one of the runs"):
        verify(certificate, files[1:])


def test_a_signed_certificate_is_verified_by_its_key_alone(
    worse: Diff, tmp_path: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = keys
    certificate, files = certified(worse, tmp_path, private)
    assert main(["verify", str(certificate), *map(str, files), "--key", str(public)]) == 0
    assert capsys.readouterr().out.startswith("verified: NOT SAFE")
    assert "pass the public key" in verify(certificate)[1]
    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(other)
    with pytest.raises(UsageError, match="another key"):
        verify(certificate, files, public)
    unsigned, _ = certified(worse, tmp_path)
    with pytest.raises(UsageError, match="not signed"):
        verify(unsigned, files, public)
    for wrong in (private, tmp_path / "gone.pem", certificate):
        with pytest.raises(UsageError, match=str(wrong.name)):
            verify(certificate, files, wrong)


def edits(text: str) -> Iterator[str]:
    """Yield a thousand texts that differ from this one: a character changed, removed, repeated or added."""
    for number in range(1000):
        place = int(fraction(number + 1) * len(text))
        char = chr(33 + int(fraction(7 * number + 3) * 94))
        other = char if char != text[place] else "~"
        yield (
            text[:place] + other + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + text[place] + text[place:],
            text[:place] + " " + text[place:],
        )[number % 4]


def rehashed(text: str, number: int) -> str:
    """Return an envelope whose statement was edited, with a hash that fits."""
    envelope = json.loads(text)
    payload = base64.b64decode(envelope["payload"]).decode()
    place = int(fraction(number + 1) * len(payload))
    changed = payload[:place] + ("0" if payload[place] != "0" else "1") + payload[place + 1 :]
    envelope |= {
        "payload": base64.b64encode(changed.encode()).decode(),
        "sha256": hashlib.sha256(changed.encode()).hexdigest(),
    }
    return json.dumps(envelope, indent=2) + "\n"


def test_a_thousand_edits_of_a_signed_certificate_are_found_those_too_that_fit_its_hash(
    worse: Diff, tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    certificate, _ = certified(worse, tmp_path, keys[0])
    text = certificate.read_text()
    for number, edited in enumerate((*edits(text), *(rehashed(text, number) for number in range(200)))):
        certificate.write_text(edited)
        with pytest.raises(UsageError, match="certificate"):
            pytest.fail(f"edit {number} was not found: {verify(certificate, key=keys[1])}")


def test_a_thousand_edits_of_an_unsigned_certificate_are_found_unless_they_fit_its_hash(
    worse: Diff, tmp_path: Path
) -> None:
    certificate, _ = certified(worse, tmp_path)
    text = certificate.read_text()
    for number, edited in enumerate(edits(text)):
        certificate.write_text(edited)
        with pytest.raises(UsageError, match="certificate"):
            pytest.fail(f"edit {number} was not found: {verify(certificate)}")


def test_what_is_no_certificate_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.json").write_text("[1, 2]")
    for name in ("list.json", "missing.json"):
        assert main(["verify", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_file_without_any_key_is_no_policy(tmp_path: Path) -> None:
    empty = tmp_path / "logitproof.toml"
    empty.touch()
    with pytest.raises(UsageError, match=r"contains no policy; the keys of a policy are fail_on, matters, waivers"):
        read_policy(empty)
