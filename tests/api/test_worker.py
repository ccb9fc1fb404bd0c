"""A worker does jobs once, stops when told, survives its jobs, and is survived by them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from pricebid import store
from pricebid.store import Store
from pricebid.store.schema import jobs as table
from pricebid_api.worker.loop import Worker

HERE = Path(__file__).parent
KINDS = "job_kinds:KINDS"
WORKER = """
import sys, threading
from pricebid import store
from pricebid_api.worker.loop import Worker
url, kinds, lease = sys.argv[1:]
worker = Worker(db=store.open_store(url), where=url, kinds=kinds, lease_seconds=float(lease), poll_seconds=0.1, name=sys.argv[0])
print("ready", flush=True)
worker.run(threading.Event())
"""


@pytest.fixture(autouse=True)
def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds of the tests are found here and in the processes that workers start."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@contextmanager
def opened(url: str) -> Iterator[Store]:
    db = store.open_store(url)
    store.put_shop(db, "a", by="tests")
    yield db
    db.close()


@pytest.fixture
def each_db(database_url: str) -> Iterator[Store]:
    """SQLite and PostgreSQL: for what rests on their transactions and locks."""
    with opened(database_url) as db:
        yield db


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Store]:
    """SQLite alone: for what the worker does by itself."""
    with opened(str(tmp_path / "home")) as db:
        yield db


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def worker(db: Store, tmp_path: Path) -> Worker:
    return Worker(
        db=db, where=str(tmp_path / "home"), kinds=KINDS, lease_seconds=2.0, poll_seconds=0.05, grace_seconds=0.5
    )


def put(db: Store, kind: str, diary: Path, **options: object) -> str:
    return store.submit(db, "a", kind, by="me", options={"diary": str(diary), **options}).id


def wait_for(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def lines(diary: Path) -> list[list[str]]:
    return [line.split() for line in diary.read_text().splitlines()] if diary.exists() else []


def hasten(db: Store) -> None:
    with db.write() as conn:
        conn.execute(update(table).values(run_after=1))


@contextmanager
def started(url: str, lease: float) -> Iterator[subprocess.Popen[str]]:
    """Start a worker as a process; it is ready when this is entered."""
    command = [sys.executable, "-c", WORKER, url, KINDS, str(lease)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def gone(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    # Whoever adopts it may not have looked yet: dead all the same.
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_worker_killed_at_work_is_taken_over_within_its_lease_and_the_result_is_there_once(
    each_db: Store, database_url: str, diary: Path
) -> None:
    lease = 1.5
    job_id = put(each_db, "steps", diary, seconds=0.15)
    with started(database_url, lease) as first:
        wait_for(lambda: len(store.parts(each_db, job_id)) >= 3)
        first.send_signal(signal.SIGKILL)
        killed = store.now()
    before = {part.part for part in store.parts(each_db, job_id)}
    wait_for(lambda: gone(lines(diary)[0][-2]), 5.0)  # the process that the job ran in ends with its worker

    second = Worker(db=each_db, where=database_url, kinds=KINDS, lease_seconds=lease, poll_seconds=0.05)
    stop = threading.Event()
    thread = threading.Thread(target=second.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: store.get_job(each_db, job_id).ended)
    finally:
        stop.set()
        thread.join()

    job = store.get_job(each_db, job_id)
    assert (job.state, job.result["total"]) == ("done", sum(range(8)))
    assert [plan.id for plan in store.list_plans(each_db, "a").items] == [job.result["plan"]]
    made = [row for row in store.list_audit(each_db, "a").items if row.what == "plan.made"]
    assert len(made) == 1
    again = [int(line[1]) + 10 for line in lines(diary) if line[-1] == "2"]
    assert again == sorted(set(range(10, 18)) - before), "it goes on after the last part, and leaves none out"
    told = store.events(each_db, job_id)
    taken = next(event for event in told if event.kind == "taken_over")
    assert taken.at - killed < (lease + 1.0) * 1e6
    events = [event.kind for event in told]
    assert (events.count("taken_over"), events.count("done"), events.count("part")) == (1, 1, 9)


def test_a_worker_that_slept_through_its_lease_writes_nothing(db: Store, tmp_path: Path, diary: Path) -> None:
    job_id = put(db, "steps-here", diary, seconds=0.1)
    with started(str(tmp_path / "home"), 1.0) as first:
        wait_for(lambda: len(store.parts(db, job_id)) >= 2)
        first.send_signal(signal.SIGSTOP)
        second = Worker(db=db, where=str(tmp_path / "home"), kinds=KINDS, lease_seconds=30.0, poll_seconds=0.05)
        wait_for(lambda: store.get_job(db, job_id).lease_until < store.now())
        assert second.run(threading.Event(), once=True) == 1
        done = store.get_job(db, job_id)
        first.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        assert store.get_job(db, job_id) == done
    assert done.state == "done"
    assert len(store.list_plans(db, "a").items) == 1


@pytest.mark.parametrize("kind", ["steps", "steps-here"])
def test_a_job_is_done_here_or_in_a_process_of_its_own(db: Store, worker: Worker, diary: Path, kind: str) -> None:
    job_id = put(db, kind, diary, seconds=0.0)
    assert worker.run(threading.Event(), once=True) == 1
    job = store.get_job(db, job_id)
    assert (job.state, job.result["total"], job.worker) == ("done", 28, worker.name)
    pids = {line[-2] for line in lines(diary)}
    assert (pids == {str(os.getpid())}) == (kind == "steps-here")
    assert len(pids) == 1


def test_heartbeats_keep_a_job_that_takes_longer_than_its_lease(db: Store, worker: Worker, diary: Path) -> None:
    job_id = put(db, "steps-here", diary, seconds=0.4)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), kwargs={"once": True})
    thread.start()
    wait_for(lambda: store.get_job(db, job_id).state == "running")
    while thread.is_alive():
        assert store.claim(db, "thief") is None
        time.sleep(0.05)
    job = store.get_job(db, job_id)
    assert (job.state, job.attempts) == ("done", 1)
    assert job.ended_at - job.started_at > 2.5e6


@pytest.mark.parametrize("kind", ["waiting-here", "deaf", pytest.param("waiting", marks=pytest.mark.slow)])
def test_a_job_is_cancelled_while_it_runs(db: Store, worker: Worker, diary: Path, kind: str) -> None:
    job_id = put(db, kind, diary)
    thread = threading.Thread(target=worker.run, args=(threading.Event(),), kwargs={"once": True})
    thread.start()
    wait_for(lambda: lines(diary) != [])
    store.cancel(db, job_id, by="me")
    thread.join(15.0)
    assert not thread.is_alive()
    assert store.get_job(db, job_id).state == "cancelled"
    assert kind == "waiting-here" or gone(lines(diary)[0][-2])


@pytest.mark.parametrize("kind", ["waiting-here", "waiting", pytest.param("deaf", marks=pytest.mark.slow)])
def test_a_worker_that_is_told_to_stop_gives_its_job_back(db: Store, worker: Worker, diary: Path, kind: str) -> None:
    job_id = put(db, kind, diary)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    wait_for(lambda: lines(diary) != [])
    stop.set()
    thread.join(15.0)
    assert not thread.is_alive()
    job = store.get_job(db, job_id)
    assert (job.state, job.error) == ("queued", None)
    assert store.events(db, job_id)[-1].kind == "released"


@pytest.mark.parametrize(
    ("how", "code"), [("input", "bad-input"), ("infeasible", "infeasible")], ids=["input", "infeasible"]
)
def test_what_cannot_go_better_is_not_tried_again(db: Store, worker: Worker, diary: Path, how: str, code: str) -> None:
    job_id = put(db, "broken-here", diary, how=how, times=9)
    worker.run(threading.Event(), once=True)
    job = store.get_job(db, job_id)
    assert (job.state, job.error.code, job.attempts) == ("failed", code, 1)
    assert len(lines(diary)) == 1


@pytest.mark.parametrize("kind", ["broken-here", "broken"])
def test_what_nobody_foresaw_is_tried_again_later(db: Store, worker: Worker, diary: Path, kind: str) -> None:
    how = "killed" if kind == "broken" else "error"
    job_id = put(db, kind, diary, how=how, times=1)
    worker.run(threading.Event(), once=True)
    job = store.get_job(db, job_id)
    assert (job.state, job.error.code) == ("queued", "process-died" if how == "killed" else "internal")
    assert "password" not in job.error.sentence
    hasten(db)
    worker.run(threading.Event(), once=True)
    job = store.get_job(db, job_id)
    assert (job.state, job.result, job.error) == ("done", {"tries": 2}, None)


def test_a_job_fails_for_good_after_three_tries(db: Store, worker: Worker, diary: Path) -> None:
    job_id = put(db, "broken-here", diary, how="error", times=9)
    for _ in range(4):
        worker.run(threading.Event(), once=True)
        hasten(db)
    job = store.get_job(db, job_id)
    assert (job.state, job.error.code, job.attempts) == ("failed", "internal", 3)


def test_a_result_that_cannot_be_written_is_a_failure_not_a_hang(db: Store, worker: Worker, diary: Path) -> None:
    job_id = put(db, "lossy", diary)
    worker.run(threading.Event(), once=True)
    job = store.get_job(db, job_id)
    assert (job.state, job.error.code) == ("queued", "internal")


def test_a_worker_leaves_kinds_it_does_not_know_to_others(db: Store, worker: Worker, diary: Path) -> None:
    job_id = put(db, "from a newer version", diary)
    assert worker.run(threading.Event(), once=True) == 0
    assert store.get_job(db, job_id).state == "queued"


def test_several_workers_share_the_jobs_of_many_shops(each_db: Store, database_url: str, diary: Path) -> None:
    ids = []
    for shop in ("b", "c", "d"):
        store.put_shop(each_db, shop, by="tests")
        ids += [
            store.submit(each_db, shop, "steps-here", by="me", options={"diary": str(diary), "seconds": 0.0}).id
            for _ in range(3)
        ]
    team = [Worker(db=each_db, where=database_url, kinds=KINDS, poll_seconds=0.02) for _ in range(3)]
    threads = [threading.Thread(target=one.run, args=(threading.Event(),), kwargs={"once": True}) for one in team]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    team[0].run(threading.Event(), once=True)  # what waited for its shop's job before when the others left
    assert {store.get_job(each_db, one).state for one in ids} == {"done"}
    assert {store.get_job(each_db, one).attempts for one in ids} == {1}
    assert sum(len(store.list_plans(each_db, shop).items) for shop in ("b", "c", "d")) == 9
    assert len(lines(diary)) == 9 * 8


def test_the_order_of_a_process_can_be_read_back_and_is_not_on_the_command_line() -> None:
    from pricebid_api.worker.child import Order

    order = Order(store="postgresql+psycopg://u:secret@h/d", job="j", worker="w", attempt=2, seconds=15.0, kinds="m:K")
    assert Order.read(order.line()) == order
