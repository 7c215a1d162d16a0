"""The node of a cluster on this machine: started, told apart, stopped.

1. A node runs only with a token. On a loopback or private address (RFC 1918, RFC 4193) a head makes one where there is
   none; on any other address, and to join another machine, it must have been given (RAY_AUTH_TOKEN_PATH, or the file).
2. Dashboard and usage statistics are off. On loopback Ray listens on loopback alone; on a private address it listens
   on every address of the machine, behind the token: a firewall belongs before it (`docs/scale.md`).
3. Ray's folder of the session (logs, sockets), which Ray itself makes writable for everybody, lies in a folder of this
   account alone. Its path is short, since that of a socket may have 107 bytes; it goes when the node does.
4. What is stopped is the process that was started here, by its number and its time of start: no other Ray.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from matcher.domain.shards import HANDED_ON, RESOURCE, ClusterAddress
from matcher.errors import BadInput, Refused, StorageFailed

STARTING = 60.0  # seconds
STOPPING = 30.0
_SESSIONS = "/tmp"  # noqa: S108 - below it, a folder of mode 0700; TMPDIR may be too long for sockets
OBJECT_STORE = 100_000_000  # bytes: next to nothing goes through it


@dataclass(frozen=True, slots=True)
class Node:
    """What runs here: a process, when it started in clock ticks, the address, shards it would hold, its folder."""

    pid: int
    started: int
    address: str
    shards: int
    joined: bool
    session: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to start: the head's address, this machine's own where it joins, and how many shards it would hold."""

    head: ClusterAddress
    own: str | None
    shards: int


def give_token(environment: MutableMapping[str, str], folder: Path) -> bool:
    """Names the token file of this account where no token is named; whether there is a token. Raises Refused."""
    if environment.get("RAY_AUTH_TOKEN") or environment.get("RAY_AUTH_TOKEN_PATH"):
        return True
    path = folder / "token"
    if not path.is_file():
        return False
    found = path.stat()
    if found.st_mode & 0o077 or found.st_uid != os.geteuid() or not found.st_size:
        raise Refused(f"the token {path} is empty, or others may read it: chmod 600, or remove it and start anew")
    environment["RAY_AUTH_TOKEN_PATH"] = str(path)
    return True


def start(folder: Path, wanted: Wanted) -> Node:
    """Starts a node and waits until it runs. Raises Refused without a token, BadInput, StorageFailed."""
    if running(folder) is not None:
        raise Refused("a node runs here already: matcher cluster stop ends it")
    _remove_session(_last(folder))
    environment = {name: value for name, value in os.environ.items() if name in HANDED_ON or name.startswith("RAY_")}
    _require_token(environment, folder, wanted)
    environment |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    if wanted.head.reach == "loopback":
        environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    log, session = folder / "node.log", _new_session()
    try:
        with _private(log, os.O_TRUNC) as output:
            process = subprocess.Popen(
                _words(wanted, session),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        _wait_until_up(process, log)
    except BaseException:
        shutil.rmtree(session, ignore_errors=True)
        raise
    node = Node(
        process.pid, _ticks(process.pid) or 0, wanted.head.endpoint, wanted.shards, wanted.own is not None, session
    )
    with _private(folder / "node.json", os.O_TRUNC) as file:
        file.write(json.dumps(asdict(node)).encode())
    return node


def running(folder: Path) -> Node | None:
    """The node that was started here and runs, if there is one."""
    node = _last(folder)
    return node if node is not None and _ticks(node.pid) == node.started else None


def stop(folder: Path) -> Node | None:
    """Ends the node that was started here; None if there was none. Raises StorageFailed if it does not end."""
    node = running(folder)
    if node is None:
        return None
    os.kill(node.pid, signal.SIGTERM)
    until = time.monotonic() + STOPPING
    while _ticks(node.pid) == node.started:
        if time.monotonic() > until:
            raise StorageFailed(f"node {node.pid} does not end: see {folder / 'node.log'}")
        time.sleep(0.1)
    _remove_session(node)
    (folder / "node.json").unlink(missing_ok=True)
    return node


def _last(folder: Path) -> Node | None:
    """The node that was started here last, whether it runs or not."""
    try:
        return Node(**json.loads((folder / "node.json").read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise StorageFailed(f"{folder / 'node.json'} cannot be read ({type(error).__name__}): remove it") from None


def _new_session() -> str:
    """A folder that only this account can enter (mkdtemp(3): mode 0700)."""
    try:
        return tempfile.mkdtemp(prefix="matcher-node-", dir=_SESSIONS)
    except OSError as error:
        raise StorageFailed(f"no folder for the node can be made in {_SESSIONS}: {error.strerror}") from None


def _remove_session(node: Node | None) -> None:
    """Takes away what a node left, if the folder is one of ours."""
    if node is None:
        return
    path = Path(node.session)
    if (
        path.parent == Path(_SESSIONS)
        and path.name.startswith("matcher-node-")
        and path.is_dir()
        and not path.is_symlink()
    ):
        shutil.rmtree(path, ignore_errors=True)  # a process that is ending may still write there


def _require_token(environment: dict[str, str], folder: Path, wanted: Wanted) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if give_token(environment, folder):
        return
    if wanted.own is not None or wanted.head.reach == "other":
        raise Refused(
            f"no node runs at or joins {wanted.head.endpoint} without a token: copy the head's to {folder / 'token'} "
            "(mode 0600), or name it in RAY_AUTH_TOKEN_PATH"
        )
    with _private(folder / "token", os.O_EXCL) as file:
        file.write(secrets.token_hex(32).encode())
    give_token(environment, folder)


def _words(wanted: Wanted, session: str) -> list[str]:
    words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
    words += [f"--temp-dir={session}/ray"]  # which Ray opens to everybody, but not what it lies in
    words += [f"--object-store-memory={OBJECT_STORE}", "--resources", json.dumps({RESOURCE: wanted.shards})]
    if wanted.own is None:
        head = wanted.head
        return [*words, "--head", f"--node-ip-address={head.host}", f"--port={head.port}", "--include-dashboard=false"]
    return [*words, f"--address={wanted.head.endpoint}", f"--node-ip-address={wanted.own}"]


def _wait_until_up(process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTING
    while b"Ray runtime started" not in log.read_bytes():
        if process.poll() is not None:
            missing = b"No module named" in log.read_bytes()
            raise BadInput(
                "a cluster needs ray: pip install 'watchlist-matcher[cluster]'"
                if missing
                else f"the node did not start: {log} says why"
            )
        if time.monotonic() > until:
            process.terminate()
            raise StorageFailed(f"the node did not start in {STARTING:g} s: {log} says why")
        time.sleep(0.1)


def _private(path: Path, how: int) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how, 0o600), "wb")
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}") from None


def _ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did (proc(5), field 22); None if it is no more."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(rest[18])
