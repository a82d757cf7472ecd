"""Logitproof's own build as a wheel, wherever it runs from: a checkout, an editable install or site-packages.

No registry has to offer it: the wheel is packed from the packages that this process would import, and from what the
installed distribution says of itself.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "logitproof"
PACKAGES = (NAME, "logitproof_adapters", "logitproof_conformance", "logitproof_reference", "logitproof_reports")
_DESCRIPTION = ("METADATA", "entry_points.txt")
_WHEEL = "Wheel-Version: 1.0\nGenerator: logitproof\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every file within: equal contents make equal wheels."""


def pack_own_wheel(folder: Path) -> Path:
    """Write the wheel into a folder of `folder` that is named by its contents, and return its path.

    Raises
    ------
    UsageError
        Logitproof is not installed, so that nothing tells what it depends on.
    """
    try:
        distribution = metadata.distribution(NAME)
    except metadata.PackageNotFoundError as error:
        raise UsageError(
            "logitproof is importable but not installed: run python -m pip install on its source folder"
        ) from error
    info = f"{NAME}-{distribution.version}.dist-info"
    contents = dict(_sources())
    contents |= {f"{info}/{name}": (distribution.read_text(name) or "").encode() for name in _DESCRIPTION}
    contents[f"{info}/WHEEL"] = _WHEEL.encode()
    record = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    name = hashlib.sha256(contents[f"{info}/RECORD"]).hexdigest()[:16]
    wheel = folder / name / f"{NAME}-{distribution.version}-py3-none-any.whl"
    if not wheel.exists():
        _write(wheel, contents)
    return wheel


def _sources() -> Iterator[tuple[str, bytes]]:
    """Yield every file of our packages with its path in the wheel."""
    for package in PACKAGES:
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            root = Path(place)
            for path in sorted(root.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield f"{package}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _write(wheel: Path, contents: dict[str, bytes]) -> None:
    wheel.parent.mkdir(parents=True, exist_ok=True)
    temporary = wheel.with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    temporary.replace(wheel)
