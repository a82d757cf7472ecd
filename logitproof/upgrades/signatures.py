"""Signed or unsigned envelopes of statements: DSSE (https://github.com/secure-systems-lab/dsse) with Ed25519.

An envelope without a signature tells that nothing happened to it by accident: whoever edits it can make it fit again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_reports.runs.input_files import read_whole
from logitproof_reports.runs.schema import RunFileError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
HASH = "sha256"
MOST_BYTES_OF_A_KEY = 100_000


class AlteredEnvelopeError(ValueError):
    """An envelope is not as it was written, or not signed by the key; the message says in what."""


def sealed(statement: dict[str, Any], key: Path | None = None) -> str:
    """Return a statement in its envelope, signed if a private key is named (PEM, Ed25519).

    Raises
    ------
    UsageError
        The key cannot be used.
    """
    payload = json.dumps(statement, separators=(",", ":")).encode()
    signatures = [_signature(payload, private_key(key))] if key else []
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": signatures,
        HASH: hashlib.sha256(payload).hexdigest(),
    }
    return _envelope_text(envelope)


def opened(text: str, key: Path | None = None) -> tuple[dict[str, Any], bool]:
    """Return the statement in an envelope, and whether it is signed at all.

    Parameters
    ----------
    text : str
        The envelope.
    key : Path, optional
        The public key (PEM, Ed25519) that must have signed it.

    Raises
    ------
    AlteredEnvelopeError
        It was altered, or this key did not sign it.
    UsageError
        The key cannot be used.
    """
    envelope = _parsed(text)
    payload = _decoded(envelope["payload"])
    if text != _envelope_text(envelope) or set(envelope) != {"payloadType", "payload", "signatures", HASH}:
        raise AlteredEnvelopeError("its envelope was altered")
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise AlteredEnvelopeError("its type does not match")
    if envelope[HASH] != hashlib.sha256(payload).hexdigest():
        raise AlteredEnvelopeError("its hash does not match")
    if key is not None:
        _check_signature(payload, envelope["signatures"], public_key(key))
    statement: dict[str, Any] = json.loads(payload)
    return statement, bool(envelope["signatures"])


def _envelope_text(envelope: dict[str, Any]) -> str:
    return json.dumps(envelope, indent=2) + "\n"


def _parsed(text: str) -> dict[str, Any]:
    try:
        envelope: dict[str, Any] = json.loads(text)
        well_formed = isinstance(envelope["payload"], str) and isinstance(envelope["signatures"], list)
    except (ValueError, KeyError, TypeError) as error:
        raise AlteredEnvelopeError("it is no envelope") from error
    if not well_formed:
        raise AlteredEnvelopeError("it is no envelope")
    return envelope


def _decoded(text: str) -> bytes:
    try:
        payload = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AlteredEnvelopeError("its payload is not base64") from error
    if base64.b64encode(payload).decode("ascii") != text:
        raise AlteredEnvelopeError("its payload was altered")
    return payload


def to_be_signed(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of a payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _signature(payload: bytes, key: Ed25519PrivateKey) -> dict[str, str]:
    signature = base64.b64encode(key.sign(to_be_signed(payload))).decode("ascii")
    return {"keyid": key_id(key.public_key()), "sig": signature}


def _check_signature(payload: bytes, signatures: list[Any], key: Ed25519PublicKey) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  an extra

    if not signatures:
        raise AlteredEnvelopeError("it is not signed")
    if len(signatures) > 1 or set(signatures[0]) != {"keyid", "sig"} or signatures[0]["keyid"] != key_id(key):
        raise AlteredEnvelopeError("it is signed by another key")
    try:
        key.verify(_decoded(signatures[0]["sig"]), to_be_signed(payload))
    except InvalidSignature as error:
        raise AlteredEnvelopeError("its signature does not match") from error


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key, by which a signature names it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415  an extra

    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises
    ------
    UsageError
        There is none, or it is of another kind.
    """
    found: Ed25519PrivateKey = _read_key(path, "private", "", f"openssl genpkey -algorithm ed25519 -out {path.name}")
    return found


def public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises
    ------
    UsageError
        There is none, or it is of another kind.
    """
    found: Ed25519PublicKey = _read_key(path, "public", "public ", f"openssl pkey -in KEY -pubout -out {path.name}")
    return found


def _read_key(path: Path, kind: str, called: str, command: str) -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  an extra
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"signatures need cryptography: {install_line('sign')}") from error
    try:
        content = read_whole(path, MOST_BYTES_OF_A_KEY)
        if kind == "private":
            key: Any = serialization.load_pem_private_key(content, None)
        else:
            key = serialization.load_pem_public_key(content)
    except RunFileError as error:
        raise UsageError(str(error)) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} is not a PEM key without a password") from error
    if not isinstance(key, getattr(ed25519, f"Ed25519{kind.title()}Key")):
        raise UsageError(f"{path} is not an Ed25519 {called}key: make one with {command}")
    return key
