"""`pricebid serve` as a process: told to stop, it ends its job workers and leaves without an error."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from benchmarks.load.deployment import Deployment

from pricebid_api.counting import counting_folder

COUNTS = """
import sys
from pathlib import Path
from pricebid_api.counting import counting_folder
with counting_folder(Path(sys.argv[1])) as folder:
    (folder / "1.db").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


def job_workers(pid):
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [one for file in listed for one in file.read_text().split() if is_job_worker(one)]


def is_job_worker(pid):
    try:
        return b"\0pricebid\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def folders(home):
    return {path for path in (home / "metrics").iterdir() if path.is_dir()}


@contextmanager
def started(home, workers=2):
    """A server with several workers; nothing of it outlives the block."""
    server = Deployment(home=home, workers=workers)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()
        assert server.gone()


@contextmanager
def counting(home):
    """A process that counts in a folder of its own, and that folder; it is killed in the end."""
    command = [sys.executable, "-c", COUNTS, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_the_folder_of_a_killed_server_goes_with_the_next_start_and_that_of_a_living_one_stays(tmp_path):
    with counting(tmp_path) as (_, left), counting(tmp_path) as (other, its):
        assert folders(tmp_path) == {left, its}
        other.stdin.close()
        assert other.wait(60) == 0
        assert folders(tmp_path) == {left}, "who ends in good order cleans up"
        with counting_folder(tmp_path) as mine:
            assert folders(tmp_path) == {left, mine}, "its server lives"
    assert folders(tmp_path) == {left}, "it was killed: nobody cleans up"
    with counting_folder(tmp_path) as mine:
        assert folders(tmp_path) == {mine}
    assert not folders(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are told from /proc")
def test_the_next_start_removes_what_a_killed_server_counted_in_and_nothing_of_a_living_one(tmp_path):
    home = tmp_path / "home"
    with started(home):
        (left,) = folders(home)
        assert list(left.glob("*.db"))
    assert folders(home) == {left}, "it was killed: nobody cleans up"
    with started(home) as living:
        (its,) = folders(home)
        assert its != left
        with started(home) as second:
            assert len(folders(home)) == 2
            assert its in folders(home)
            second.stop()
            assert folders(home) == {its}
        with started(home, workers=1):
            assert folders(home) == {its}
        with urlopen(f"{living.url}/metrics") as answer:  # noqa: S310 - our own server
            assert b"pricebid_requests_total" in answer.read()
    with started(home, workers=1):
        assert not folders(home)


def test_a_secret_that_will_not_do_is_told_before_anything_starts(tmp_path):
    environment = {**os.environ, "PRICEBID_SECRET": "hunter2", "PRICEBID_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "pricebid", "serve", "--port", "0", "--workers", "2"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "PRICEBID_SECRET: a secret is at least 32 characters" in ended.stderr
    assert "hunter2" not in ended.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are told from /proc")
def test_on_sigterm_it_ends_its_job_workers_and_leaves_in_good_order(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRICEBID_")}
    command = [sys.executable, "-m", "pricebid", "serve", "--port", str(port), "--job-workers", "1"]
    with subprocess.Popen(command, cwd=tmp_path, env=kept, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                assert process.poll() is None
                try:
                    with urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                        assert answer.status == 200
                        break
                except URLError:
                    time.sleep(0.1)
            while not (started := job_workers(process.pid)):
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert not any(map(is_job_worker, started))
        finally:
            process.kill()
