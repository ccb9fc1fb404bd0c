"""`pricebid serve` as a process: told to stop, it ends its job workers and leaves without an error."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest


def job_workers(pid):
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [one for file in listed for one in file.read_text().split() if is_job_worker(one)]


def is_job_worker(pid):
    try:
        return b"\0pricebid\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


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
