import asyncio
import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pricebid_api import recorder
from pricebid_api.metrics import Metrics
from pricebid_api.recorder import Recorder

# A parent that starts a child through multiprocessing; the child says who it is, and would wait for long.
FAMILY = """
import multiprocessing, os, time
def child():
    from pricebid_api import parent
    parent.when_gone(parent.end)
    print(os.getpid(), flush=True)
    time.sleep(120)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
"""


linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes as Linux shows them")


@linux
def test_what_a_process_started_ends_with_it_even_where_it_is_killed(tmp_path):
    script = tmp_path / "family.py"
    script.write_text(FAMILY, encoding="utf8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while alive(child):
        assert time.monotonic() < end, "it waits for ever"
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_mark_is_locked_before_another_worker_can_see_it(tmp_path, monkeypatch):
    seen = []
    lock = fcntl.flock

    def spy(file, how):
        seen.append([path.name for path in tmp_path.glob("*.issued")])
        lock(file, how)

    monkeypatch.setattr(recorder.fcntl, "flock", spy)

    async def start():
        made = Recorder(None, tmp_path, None, Metrics(), 60.0)
        made.start()
        await made.stop()

    asyncio.run(start())
    assert seen == [[]]
    assert list(tmp_path.iterdir()) == [], "a worker that stops in good order leaves nothing"
