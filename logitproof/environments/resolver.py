"""Resolves requirements: one version of every package, and a Python version that all of them allow."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from logitproof.environments import uv_command as uv_tool
from logitproof.environments.interpreters import Interpreter, preferred
from logitproof.environments.package_adapters import with_companions
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof_adapters.catalogue.frameworks import PACKAGES, distributions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNDECLARED = (
    (("jax", "<0.4.31"), "jaxlib<={version}"),
    (("jax", "<0.4.26"), "numpy<2"),
    (("jaxlib", "<0.4.27"), "scipy<1.13"),
    (("onnxruntime", "<1.19"), "numpy<2"),
    (("paddlepaddle", "<3"), "numpy<2"),
    (("scikit-learn", "<1.4.2"), "numpy<2"),
    (("tensorflow", "<2.18"), "numpy<2"),
    (("tensorflow", "<2.12"), "protobuf<3.21"),
    (("tensorflow-cpu", "<2.18"), "numpy<2"),
    (("tensorflow-cpu", "<2.12"), "protobuf<3.21"),
    (("torch", "<2.3"), "numpy<2"),
)
"""What packages need of each other without saying so: where the first is installed, the second must hold.

JAX left its compiled part to an extra until 0.4.30; and most releases that were built for NumPy 1 allow any.
"""

TORCH = "torch"
CPU = "cpu"
"""The build of PyTorch that is taken where nothing else is asked for: the one on the Python index brings CUDA along."""

_ABOUT_PYTHON = re.compile(r"python|wheels", flags=re.IGNORECASE)
"""Matches a resolver's reason if another version of Python may help."""

_ABOUT_WHEELS = re.compile(r"wheels", flags=re.IGNORECASE)
"""Matches a resolver's reason if a package must be built."""

_TAG = re.compile(r"`cp(\d)(\d+)m?`")
"""How a resolver's reason names the Python versions that have wheels."""

_EVERYTHING = (":all:",)
_PURE = frozenset({"jax", "keras", "liger-kernel", "optax", "tinygrad"})
"""Frameworks in Python alone: a wheel that is built of one is the one that is published. JAX had none until 0.4.14."""

_NUMERIC = tuple(
    sorted({"numpy", "scipy", "h5py", "jaxlib", "ml-dtypes", "grpcio"}.union(*map(distributions_of, PACKAGES)) - _PURE)
)
"""What is never built from source: at first nothing, because that takes minutes; then nothing that moves numbers, which
would have other bits than users have. Some old releases need a small package that has no wheel."""

_ABOUT_NETWORK = re.compile(r"fetch|connect|dns|request|timed out|network", flags=re.IGNORECASE)
"""Matches a resolver's reason if an index cannot be reached."""


@dataclass(frozen=True)
class Wanted:
    """The request to the resolver.

    Attributes
    ----------
    requirements : tuple of str
        In the format of PEP 508.
    constraints : tuple of str
        Versions that hold where a package is needed: those of a lock file.
    pythons : tuple of str
        Versions of Python to try; empty for all.
    torch_backend : str
        The build of PyTorch, as uv names it: ``cpu``, ``auto``, ``cu126``; ``none`` for that of the index.
    source : str
        The lock file it is from; empty for none.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    torch_backend: str = CPU
    source: str = ""


@dataclass(frozen=True)
class Choice:
    """How uv resolves: for which Python and build of PyTorch, what it must not build, and among which releases."""

    interpreter: Interpreter
    torch_backend: str = ""
    only_binary: tuple[str, ...] = _EVERYTHING
    until: str = ""
    prerelease: str = ""

    @property
    def options(self) -> list[str]:
        """The same as options of uv."""
        path, version = self.interpreter.path, self.interpreter.version
        python = ["--python", path] if path else ["--python-version", version]
        until = ["--exclude-newer", self.until] if self.until else []
        prerelease = ["--prerelease", self.prerelease] if self.prerelease else []
        return [*python, *until, *prerelease, *build_options(self.torch_backend, self.only_binary)]


def build_options(torch_backend: str, only_binary: Iterable[str]) -> list[str]:
    """Return uv's options for the build of PyTorch and for what it must not build itself."""
    backend = ["--torch-backend", torch_backend] if torch_backend else []
    return [*backend, *(word for name in only_binary for word in ("--only-binary", name))]


@dataclass(frozen=True)
class Locked:
    """Requirements made exact.

    Attributes
    ----------
    requirements : tuple of str
        As the user named them.
    interpreter : Interpreter
        The Python.
    packages : dict of str to str
        Version of every package.
    torch_backend : str
        The build of PyTorch that uv takes; empty for that of the index.
    size : int
        Bytes of all wheels of which the index gives the size.
    unsized : int
        Number of wheels of which it does not.
    source : str
        The lock file it is from; empty for none.
    only_binary : tuple of str
        What is never built from source, as uv names it.
    """

    requirements: tuple[str, ...]
    interpreter: Interpreter
    packages: dict[str, str]
    torch_backend: str = ""
    size: int = 0
    unsized: int = 0
    source: str = ""
    only_binary: tuple[str, ...] = _EVERYTHING

    @property
    def python(self) -> str:
        """The version of Python, e.g. ``3.11``."""
        return self.interpreter.version

    @property
    def title(self) -> str:
        """The requested packages, e.g. ``jax 0.10.2, optax 0.2.6``."""
        names = [canonicalize_name(Requirement(text).name) for text in self.requirements]
        return ", ".join(f"{name} {self.packages.get(name, '')}".strip() for name in names)

    @property
    def lines(self) -> list[str]:
        """The lock, a requirement per line."""
        return [f"{name}=={version}" for name, version in self.packages.items()]

    @property
    def key(self) -> str:
        """Name of the environment: equal locks share one."""
        text = "\n".join([self.python, self.torch_backend, *self.lines])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def requirements_of(text: str) -> tuple[str, ...]:
    """Return the requirements in a list such as ``tensorflow-cpu==2.21.0,keras==3.15.1``.

    >>> requirements_of("jax>=0.4,<0.5,numpy==2.0")
    ('jax<0.5,>=0.4', 'numpy==2.0')

    Raises
    ------
    UsageError
        It is no such list.
    """
    # A comma before a letter parts requirements, one before an operator parts the bounds of a version.
    parts = [part.strip() for part in re.split(r",(?=\s*[A-Za-z])", text) if part.strip(" ,")]
    try:
        found = [Requirement(part) for part in parts]
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(
            f'"{text}" names no packages ({problem}): write e.g. jax==0.10.2 or jax==0.10.2,optax==0.2.6'
        ) from error
    _refuse_unfit(text, found)
    return tuple(map(str, found))


def _refuse_unfit(text: str, requirements: Sequence[Requirement]) -> None:
    """Refuse what names no release of a package to be judged on this machine."""
    if not requirements:
        raise UsageError(f'"{text}" names no packages: write e.g. jax==0.10.2 or jax==0.10.2,optax==0.2.6')
    for one in requirements:
        if one.url:
            raise UsageError(f'"{one}" names an address: name a release, such as {one.name}==1.0')
        if one.marker and not any(one.marker.evaluate(_marked(minor)) for minor in range(8, 15)):
            raise UsageError(f'"{one}" is for other machines or other versions of Python: leave out its marker')


def _marked(minor: int) -> dict[str, str]:
    """Return what a marker reads of a version of Python; the rest is this machine's."""
    return {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0", "extra": ""}


def lock(wanted: Wanted, interpreters: Sequence[Interpreter] = ()) -> Locked:
    """Resolve requirements for the first Python that they allow.

    Parameters
    ----------
    wanted : Wanted
        The requirements.
    interpreters : sequence of Interpreter
        Those to try, in this order; default: the order of `interpreters.preferred`.

    Raises
    ------
    UnbuildableEnvironment
        There is no solution; the reason given is that for the first Python, with small packages built from source if
        the lack of their wheels was the trouble.
    """
    candidates = list(interpreters or preferred(*filter(None, [wanted.pythons])))
    problems: list[UnbuildableEnvironment] = []
    for binary in (_EVERYTHING, _NUMERIC):
        left, problems = candidates, []
        while left:
            try:
                return _resolved(wanted, left[0], binary)
            except UnbuildableEnvironment as problem:
                problems.append(problem)
                left = _that_may_help(left[1:], str(problem))
        if not any(_ABOUT_WHEELS.search(str(problem)) for problem in problems):
            break
    raise problems[0]


def _that_may_help(interpreters: list[Interpreter], problem: str) -> list[Interpreter]:
    """Return the interpreters to try after a resolver's reason; where it names those with wheels, those alone."""
    if not _ABOUT_PYTHON.search(problem):
        return []
    found = {f"{major}.{minor}" for major, minor in _TAG.findall(problem.partition("ABI tag")[2])}
    return [one for one in interpreters if one.version in found] or interpreters


def _resolved(wanted: Wanted, interpreter: Interpreter, binary: tuple[str, ...]) -> Locked:
    asked = ["numpy", *with_companions(wanted.requirements)]
    needs_torch = TORCH in {canonicalize_name(Requirement(text).name) for text in asked}
    backend = wanted.torch_backend if needs_torch and wanted.torch_backend != "none" else ""
    try:
        packages, sizes = _resolve(asked, wanted.constraints, Choice(interpreter, backend, binary))
    except UnbuildableEnvironment as problem:
        # Without the index of PyTorch's own builds the user's index may still have one.
        if not backend or not _ABOUT_NETWORK.search(str(problem)):
            raise
        backend = ""
        packages, sizes = _resolve(asked, wanted.constraints, Choice(interpreter, backend, binary))
    return Locked(
        requirements=wanted.requirements,
        interpreter=interpreter,
        packages=packages,
        torch_backend=backend,
        size=sum(sizes),
        unsized=sizes.count(0),
        source=wanted.source,
        only_binary=binary,
    )


def _resolve(asked: Sequence[str], constraints: Sequence[str], choice: Choice) -> tuple[dict[str, str], list[int]]:
    needed = list(asked)
    packages, sizes = _compile(needed, constraints, choice)
    # What is needed may change what is installed, and that needs something in turn.
    while more := [constraint for constraint in _undeclared(packages) if constraint not in needed]:
        needed += more
        packages, sizes = _compile(needed, constraints, choice)
    return packages, sizes


def _undeclared(packages: Mapping[str, str]) -> list[str]:
    """Return what these packages need without saying so."""
    return [
        constraint.format(version=packages[name])
        for (name, versions), constraint in UNDECLARED
        if name in packages and SpecifierSet(versions).contains(packages[name], prereleases=True)
    ]


def _compile(asked: Sequence[str], constraints: Sequence[str], choice: Choice) -> tuple[dict[str, str], list[int]]:
    """Return the version of every package that uv chooses, and the bytes of each wheel, 0 if they are not known."""
    options = ["--format", "pylock.toml", "--no-header", *choice.options]
    with uv_tool.temporary_lines(constraints) as file:
        options += ["--constraints", file] if constraints else []
        text = uv_tool.call("pip", "compile", "-", *options, text="\n".join(asked))
    found = tomllib.loads(text).get("packages", [])
    # What uv has built before it takes for a wheel when it resolves, and not when it installs.
    built = [f"{one['name']}=={one['version']}" for one in found if not one.get("wheels")]
    if built and choice.only_binary == _EVERYTHING:
        raise UnbuildableEnvironment(f"{', '.join(built)}: no usable wheels")
    return {canonicalize_name(one["name"]): str(one["version"]) for one in found}, list(map(_bytes, found))


def _bytes(package: Mapping[str, Any]) -> int:
    sizes: Iterable[int] = (wheel.get("size", 0) for wheel in package.get("wheels", ()))
    return max(sizes, default=0)


def newest(requirement: str, interpreter: Interpreter, until: str = "", prerelease: str = "") -> str:
    """Return the newest release that fulfils a requirement in a Python.

    Parameters
    ----------
    requirement : str
        In the format of PEP 508.
    interpreter : Interpreter
        The Python.
    until : str
        A day, such as ``2024-01-01``, after which releases do not count; empty for none.
    prerelease : str
        Whether pre-releases count, as uv names it: ``allow``, ``disallow``; empty for uv's own choice.

    Raises
    ------
    UnbuildableEnvironment
        There is none.
    """
    packages, _ = _compile([requirement], (), Choice(interpreter, until=until, prerelease=prerelease))
    return packages[canonicalize_name(Requirement(requirement).name)]
