"""`pricebid worker` as a process: does what there is, leaves when told, and when its parent is gone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pricebid import store

COMMAND = [sys.executable, "-m", "pricebid", "worker"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRICEBID_")}
    return {**kept, "PRICEBID_HOME": str(tmp_path)}


def test_once_does_what_there_is_and_says_how_many(tmp_path: Path, environment: dict[str, str]) -> None:
    db = store.open_store(tmp_path)
    store.put_shop(db, "a", by="tests")
    job_id = store.submit(db, "a", "learn", by="me").id
    out = subprocess.run([*COMMAND, "--once", "--json"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == {"command": "worker", "status": "done", "jobs": 1}
    assert store.get_job(db, job_id).state == "done"
    lines = [json.loads(line) for line in out.stderr.splitlines()]
    assert [(line["message"], line["job"]) for line in lines] == [("job taken", job_id), ("job left", job_id)]
    db.close()


@pytest.mark.parametrize("how", ["told", "orphaned"])
def test_it_leaves_when_told_and_when_its_parent_is_gone(environment: dict[str, str], how: str) -> None:
    parent = {"PRICEBID_PARENT": str(os.getpid() if how == "told" else 1_999_999)}
    with subprocess.Popen([*COMMAND, "--jobs", "2"], env=environment | parent) as process:
        try:
            if how == "told":
                database = Path(environment["PRICEBID_HOME"]) / "pricebid.db"
                while not database.exists():
                    time.sleep(0.05)
                assert process.poll() is None
                process.send_signal(signal.SIGTERM)
            assert process.wait(30.0) == 0
        finally:
            process.kill()
