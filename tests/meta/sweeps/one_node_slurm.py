"""A Slurm of one node, this one, in a folder: munged, slurmctld and slurmd of Debian's slurm-wlm, as root."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel")
START_SECONDS = 120.0

WAITING = frozenset({"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED"})
"""States of a task that is not done."""

# A task that is queued anew waits as long as a credential lives.
CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
KillWait=1
MinJobAge=300
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Return why no such Slurm can be started here, or an empty text."""
    missing = [name for name in PROGRAMS if _path_of(name) is None]
    if missing:
        return f"{', '.join(missing)} not found; Debian: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "munged and slurmd of one's own need root"


def _path_of(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


@dataclass(frozen=True)
class Slurm:
    """A Slurm that runs.

    Attributes
    ----------
    variables : mapping
        The environment in which its commands find it.
    """

    variables: Mapping[str, str]

    def __call__(self, *words: str) -> str:
        """Return what a command prints."""
        done = subprocess.run(words, env=dict(self.variables), capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    def states(self, job: str) -> dict[str, str]:
        """Return the state of each task of an array, by its number."""
        lines = self("squeue", "--noheader", "--array", "--states=all", "--format=%K %T", "--jobs", job).splitlines()
        return dict(tuple(line.split()) for line in lines)  # type: ignore[misc]


@contextlib.contextmanager
def one_node(folder: Path, cpus: int = 2) -> Iterator[Slurm]:
    """Start a Slurm in a folder, and end it.

    Raises
    ------
    TimeoutError
        The node is not idle in `START_SECONDS`.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(host=host, folder=folder, ports=_free_ports(2), cpus=cpus), encoding="ascii"
    )
    variables = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    slurm = Slurm(variables)
    subprocess.run([str(_path_of("mungekey")), "--create", f"--keyfile={folder}/munge.key"], check=True, timeout=60)
    files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munged = ["munged", "--foreground", "--force", *(f"--{name}={folder}/munge.{end}" for name, end in files.items())]
    daemons = [munged, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", host]]
    with contextlib.ExitStack() as stack:
        for words in daemons:
            log = stack.enter_context((folder / f"{words[0]}.log").open("w"))
            command = [str(_path_of(words[0])), *words[1:]]
            process = subprocess.Popen(command, env=variables, stdout=log, stderr=log, cwd=folder)
            stack.callback(_end, process)
            if words is munged:
                _wait_for((folder / "munge.socket").exists)
        _wait_for(lambda: _is_idle(slurm, host))
        yield slurm


def _is_idle(slurm: Slurm, host: str) -> bool:
    try:
        return "State=IDLE" in slurm("scontrol", "show", "node", host)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"Slurm did not start in {START_SECONDS:g} s")
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
