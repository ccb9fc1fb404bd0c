"""The queue of jobs: what is put in is done once, in turn, whatever happens to those who do it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from pricebid.errors import Conflict, Fault, Infeasible, InputError, TableError
from pricebid.store import job_claims, job_events, jobs
from pricebid.store.connect import Store, open_store
from pricebid.store.errors import NotFound, StoreError
from pricebid.store.schema import job_parts, models
from pricebid.store.schema import jobs as table
from pricebid.store.shops import erase_shop, put_shop

BROKEN = jobs.Problem(code="internal", sentence="something broke")


@pytest.fixture
def db(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    for shop in ("a", "b", "c"):
        put_shop(opened, shop, by="tests")
    yield opened
    opened.close()


def put(db: Store, shop: str = "a", kind: str = "fit", **more: object) -> str:
    return jobs.submit(db, shop, kind, by="me", **more).id


def take(db: Store, worker: str = "w1", **more: object) -> job_claims.Claim:
    taken = job_claims.claim(db, worker, **more)
    assert taken is not None
    return taken


def lapse(db: Store, job_id: str) -> None:
    """Let time pass until the lease is over."""
    with db.write() as conn:
        conn.execute(update(table).where(table.c.id == job_id).values(lease_until=1))


def hasten(db: Store, job_id: str) -> None:
    """Let time pass until a retry is due."""
    with db.write() as conn:
        conn.execute(update(table).where(table.c.id == job_id).values(run_after=1))


def kinds_of(db: Store, job_id: str) -> list[str]:
    return [event.kind for event in job_events.events(db, job_id)]


def test_a_job_is_queued_taken_reported_and_done(db: Store) -> None:
    job = jobs.submit(db, "a", "price", by="me", policy={"horizon": 2}, options={"start": "2024-01-01"}, priority=3)
    assert (job.state, job.policy, job.options, job.attempts) == ("queued", {"horizon": 2}, {"start": "2024-01-01"}, 0)
    mine = take(db)
    assert (mine.job.id, mine.job.state, mine.job.worker, mine.job.attempts) == (job.id, "running", "w1", 1)
    assert not job_claims.report(db, mine, "search", 0.5)
    assert jobs.get_job(db, job.id).progress == 0.5
    assert not job_claims.checkpoint(db, mine, 0, b"model", name="model")
    job_claims.finish(db, mine, {"plan": "x"})
    done = jobs.get_job(db, job.id, shop="a")
    assert (done.state, done.result, done.progress, done.ended) == ("done", {"plan": "x"}, 1.0, True)
    assert done.created_at <= done.started_at <= done.ended_at
    assert kinds_of(db, job.id) == ["queued", "started", "progress", "part", "done"]
    assert job_claims.claim(db, "w1") is None


def test_events_go_on_from_the_last_one_known(db: Store) -> None:
    job_id = put(db)
    mine = take(db)
    seen = job_events.events(db, job_id)
    job_claims.report(db, mine, "half", 0.5)
    (fresh,) = job_events.events(db, job_id, after=seen[-1].id)
    assert (fresh.kind, fresh.data, fresh.last) == ("progress", {"stage": "half", "share": 0.5}, False)
    assert len(job_events.events(db, job_id, limit=2)) == 2


def test_what_cannot_be_a_job_is_refused(db: Store) -> None:
    with pytest.raises(NotFound, match="no shop 'nowhere'"):
        put(db, "nowhere")
    with pytest.raises(InputError, match="priority 10 must be from 0 to 9"):
        put(db, priority=10)
    with pytest.raises(InputError, match="max_attempts 0"):
        put(db, max_attempts=0)
    with pytest.raises(InputError, match="JSON"):
        put(db, policy={"x": float("nan")})


def test_a_job_of_another_shop_is_not_found(db: Store) -> None:
    job_id = put(db)
    for call in (
        lambda: jobs.get_job(db, job_id, shop="b"),
        lambda: jobs.cancel(db, job_id, by="me", shop="b"),
        lambda: jobs.get_job(db, "x"),
    ):
        with pytest.raises(NotFound):
            call()
    assert jobs.get_job(db, job_id).state == "queued"


def test_jobs_are_listed_newest_first_page_by_page_and_by_shop(db: Store) -> None:
    ids = [put(db, kind=f"k{at}") for at in range(5)]
    put(db, "b")
    seen, cursor = [], None
    while True:
        page = jobs.list_jobs(db, "a", limit=2, cursor=cursor)
        seen += [job.id for job in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == ids[::-1]
    take(db)
    assert [job.id for job in jobs.list_jobs(db, "a", state="running").items] == ids[:1]
    assert [job.id for job in jobs.list_jobs(db, "a", kind="k3").items] == [ids[3]]
    with pytest.raises(InputError, match="no cursor of this list"):
        jobs.list_jobs(db, "a", cursor="x")


def test_one_shop_runs_one_job_of_a_kind_at_a_time(db: Store) -> None:
    first, second, other = put(db), put(db), put(db, kind="bid")
    assert take(db, "w1").job.id == first
    assert take(db, "w2").job.id == other
    assert job_claims.claim(db, "w3") is None
    with pytest.raises(IntegrityError), db.write() as conn:  # and the database itself refuses
        conn.execute(update(table).where(table.c.id == second).values(state="running"))


def test_shops_take_turns_however_many_jobs_one_has(db: Store) -> None:
    many = [put(db, "a", kind, priority=9) for kind in ("fit", "bid", "price", "forecast")]
    one, another = put(db, "b"), put(db, "c")
    order = []
    for at in range(6):
        mine = take(db, f"w{at}")
        order.append(mine.job.id)
        job_claims.finish(db, mine, {})
    assert order[:3] == [many[0], one, another]
    assert order[3:] == many[1:]


def test_a_shop_with_fewer_jobs_running_comes_first(db: Store) -> None:
    put(db, "a", "fit"), put(db, "a", "bid"), put(db, "b", "fit"), put(db, "b", "bid")
    assert [take(db, f"w{at}").job.shop for at in range(4)] == ["a", "b", "a", "b"]


def test_within_a_shop_higher_priority_comes_first_then_age(db: Store) -> None:
    low, old, new = put(db, kind="a", priority=0), put(db, kind="b", priority=5), put(db, kind="c", priority=5)
    assert [take(db, f"w{at}").job.id for at in range(3)] == [old, new, low]


def test_a_worker_takes_only_the_kinds_it_can_do(db: Store) -> None:
    put(db, kind="fit")
    assert job_claims.claim(db, "w", kinds=["bid"]) is None
    assert take(db, kinds=["bid", "fit"]).job.kind == "fit"


def test_heartbeats_keep_a_job_and_silence_loses_it(db: Store) -> None:
    job_id = put(db)
    mine = take(db, "w1")
    lapse(db, job_id)
    assert not job_claims.heartbeat(db, mine)  # late, but nobody has taken it: it is still this worker's
    assert job_claims.claim(db, "w2") is None
    lapse(db, job_id)
    theirs = take(db, "w2")
    assert (theirs.job.id, theirs.job.attempts) == (job_id, 2)
    assert kinds_of(db, job_id)[-1] == "taken_over"


def test_a_worker_that_lost_its_lease_cannot_write_anything(db: Store) -> None:
    job_id = put(db)
    mine = take(db, "w1")
    job_claims.checkpoint(db, mine, 0, b"first")
    lapse(db, job_id)
    theirs = take(db, "w2")
    written: list[str] = []
    for write in (
        lambda: job_claims.heartbeat(db, mine),
        lambda: job_claims.report(db, mine, "x", 0.1),
        lambda: job_claims.checkpoint(db, mine, 1, b"x", within=lambda _: written.append("part")),
        lambda: job_claims.finish(db, mine, {"plan": "mine"}, within=lambda _: written.append("plan")),
        lambda: job_claims.fail(db, mine, BROKEN, retry=True),
        lambda: job_claims.release(db, mine),
        lambda: job_claims.stop(db, mine),
    ):
        with pytest.raises(job_claims.LeaseLost, match="not w1's any more"):
            write()
    assert written == []
    assert [part.part for part in job_claims.parts(db, job_id)] == [0]
    job_claims.finish(db, theirs, {"plan": "theirs"})
    assert jobs.get_job(db, job_id).result == {"plan": "theirs"}
    with pytest.raises(job_claims.LeaseLost):
        job_claims.finish(db, theirs, {"plan": "twice"})


def test_the_same_worker_on_its_next_attempt_is_another(db: Store) -> None:
    job_id = put(db)
    before = take(db, "w1")
    lapse(db, job_id)
    after = take(db, "w1")
    with pytest.raises(job_claims.LeaseLost):
        job_claims.heartbeat(db, before)
    assert not job_claims.heartbeat(db, after)


def test_parts_outlive_a_takeover_and_only_results_outlive_the_end(db: Store) -> None:
    job_id = put(db)
    mine = take(db, "w1")
    job_claims.checkpoint(db, mine, 0, b"model")
    job_claims.checkpoint(db, mine, 1, b"rows")
    job_claims.checkpoint(db, mine, 1, b"other rows")  # a part that is done stays as it is
    lapse(db, job_id)
    theirs = take(db, "w2")
    assert [job_claims.part_data(db, job_id, part) for part in (0, 1, 2)] == [b"model", b"rows", None]
    job_claims.finish(db, theirs, {}, keep=[1])
    assert [part.part for part in job_claims.parts(db, job_id)] == [1]


def test_a_damaged_part_is_not_given_out(db: Store) -> None:
    job_id = put(db)
    job_claims.checkpoint(db, take(db), 0, b"whole")
    with db.write() as conn:
        conn.execute(update(job_parts).values(result=b"hole"))
    with pytest.raises(StoreError, match="damaged"):
        job_claims.part_data(db, job_id, 0)


def test_what_goes_with_the_end_is_written_with_it_or_not_at_all(db: Store) -> None:
    job_id = put(db)
    mine = take(db)

    def plan(conn: object) -> None:
        conn.execute(insert(models).values(id="m", shop="a", meta="{}", digest="", by="", created_at=0, serial=1))

    def broken(conn: object) -> None:
        plan(conn)
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        job_claims.finish(db, mine, {}, within=broken)
    assert jobs.get_job(db, job_id).state == "running"
    with db.read() as conn:
        assert conn.execute(select(models.c.id)).all() == []
    job_claims.finish(db, mine, {}, within=plan)
    with db.read() as conn:
        assert conn.execute(select(models.c.id)).all() == [("m",)]


def test_a_failure_that_may_pass_is_tried_again_later_and_later_then_no_more(db: Store) -> None:
    job_id = put(db, max_attempts=3)
    waits = []
    for _ in range(2):
        mine = take(db)
        job_claims.fail(db, mine, BROKEN, retry=True)
        again = jobs.get_job(db, job_id)
        assert (again.state, again.error) == ("queued", BROKEN)
        assert job_claims.claim(db, "w1") is None, "it is not due yet"
        waits.append(job_events.events(db, job_id)[-1].data["wait"])
        hasten(db, job_id)
    assert waits == [2.0, 4.0]
    job_claims.fail(db, take(db), BROKEN, retry=True)
    failed = jobs.get_job(db, job_id)
    assert (failed.state, failed.error, failed.attempts) == ("failed", BROKEN, 3)
    assert job_events.events(db, job_id)[-1].last


def test_failures_count_anew_after_a_part_is_done(db: Store) -> None:
    job_id = put(db, max_attempts=2)
    for part in range(4):
        mine = take(db)
        job_claims.checkpoint(db, mine, part, b"")
        job_claims.fail(db, mine, BROKEN, retry=True)
        hasten(db, job_id)
    job_claims.fail(db, take(db), BROKEN, retry=True)
    assert jobs.get_job(db, job_id).state == "failed"


def test_a_failure_that_cannot_pass_is_final(db: Store) -> None:
    job_id = put(db)
    problem = jobs.Problem.of(Infeasible("no", [Conflict(name="margin", limit=0.4, reachable=0.3, relaxation=0.1)]))
    job_claims.checkpoint(db, take(db), 0, b"model")
    with db.read() as conn:
        row = conn.execute(select(table).where(table.c.id == job_id)).one()
    job_claims.fail(db, job_claims.Claim(job=jobs.job_of(row)), problem, retry=False)
    failed = jobs.get_job(db, job_id)
    assert (failed.state, failed.error) == ("failed", problem)
    assert failed.error.conflicts[0].reachable == 0.3
    assert job_claims.parts(db, job_id) == ()


def test_a_problem_says_what_was_meant_to_be_said_and_no_more() -> None:
    fault = Fault(table="sales", column="price", row=3, message="is below 0")
    assert jobs.Problem.of(TableError([fault])).faults == (fault,)
    assert jobs.Problem.of(InputError("no such offer")).code == "bad-input"
    secret = jobs.Problem.of(RuntimeError("password"))
    assert secret.code == "internal"
    assert "password" not in secret.sentence
    assert jobs.Problem.from_json(secret.to_json()) == secret


def test_a_job_that_kills_its_workers_ends(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_claims, "MAX_LOST", 3)
    job_id = put(db)
    take(db, "w0")
    for at in range(3):
        lapse(db, job_id)
        assert take(db, f"w{at + 1}").job.attempts == at + 2
    lapse(db, job_id)
    assert job_claims.claim(db, "w9") is None
    failed = jobs.get_job(db, job_id)
    assert (failed.state, failed.error.code) == ("failed", "worker-lost")


def test_a_job_that_waits_is_cancelled_at_once(db: Store) -> None:
    job_id = put(db)
    assert jobs.cancel(db, job_id, by="you").state == "cancelled"
    assert job_claims.claim(db, "w1") is None
    assert jobs.cancel(db, job_id, by="you").state == "cancelled"
    assert kinds_of(db, job_id) == ["queued", "cancelled"]


def test_a_job_that_runs_is_cancelled_by_its_worker_when_it_hears_of_it(db: Store) -> None:
    job_id = put(db)
    mine = take(db)
    assert not job_claims.heartbeat(db, mine)
    assert jobs.cancel(db, job_id, by="you").state == "running"
    assert job_claims.heartbeat(db, mine)
    assert job_claims.report(db, mine, "", 0.2)
    assert job_claims.checkpoint(db, mine, 0, b"")
    job_claims.stop(db, mine)
    assert jobs.get_job(db, job_id).state == "cancelled"
    assert job_claims.parts(db, job_id) == ()


@pytest.mark.parametrize("how", ["lapse", "release", "fail"])
def test_a_job_that_was_to_be_cancelled_is_not_run_again(db: Store, how: str) -> None:
    job_id = put(db)
    mine = take(db)
    jobs.cancel(db, job_id, by="you")
    if how == "lapse":
        lapse(db, job_id)
    elif how == "release":
        job_claims.release(db, mine)
    else:
        job_claims.fail(db, mine, BROKEN, retry=True)
    assert job_claims.claim(db, "w2") is None
    assert jobs.get_job(db, job_id).state == "cancelled"


def test_a_job_given_back_goes_on_at_once_without_counting_as_failed(db: Store) -> None:
    job_id = put(db, max_attempts=1)
    for at in range(3):
        mine = take(db, f"w{at}")
        job_claims.checkpoint(db, mine, at, b"")
        job_claims.release(db, mine)
    assert [part.part for part in job_claims.parts(db, job_id)] == [0, 1, 2]
    job_claims.finish(db, take(db), {})
    assert kinds_of(db, job_id).count("released") == 3


def test_many_workers_at_once_take_each_job_once(db: Store) -> None:
    ids = {put(db, shop, f"k{at}") for shop in ("a", "b") for at in range(10)}

    def work(name: str) -> list[str]:
        taken = []
        while (mine := job_claims.claim(db, name)) is not None:
            taken.append(mine.job.id)
            job_claims.finish(db, mine, {"by": name})
        return taken

    with ThreadPoolExecutor(4) as pool:
        done = [one for part in pool.map(work, ["w1", "w2", "w3", "w4"]) for one in part]
    assert len(done) == len(ids)
    assert set(done) == ids
    assert {jobs.get_job(db, one).attempts for one in ids} == {1}


def test_an_erased_shop_takes_its_jobs_with_it(db: Store) -> None:
    job_id = put(db)
    mine = take(db)
    erase_shop(db, "a", by="me")
    with pytest.raises(job_claims.LeaseLost):
        job_claims.finish(db, mine, {})
    with pytest.raises(NotFound):
        jobs.get_job(db, job_id)


def test_the_depth_of_the_queue_is_told_by_kind_and_state(db: Store) -> None:
    put(db), put(db), put(db, "b"), put(db, kind="bid")
    take(db)
    assert jobs.queue_depth(db) == {("fit", "running"): 1, ("fit", "queued"): 2, ("bid", "queued"): 1}


def test_old_jobs_are_dropped_once_they_have_ended(db: Store) -> None:
    old, waiting = put(db), put(db, "b")
    job_claims.finish(db, take(db), {})
    assert jobs.drop_ended(db, before=1) == 0
    assert jobs.drop_ended(db, before=2**62) == 1
    with pytest.raises(NotFound):
        jobs.get_job(db, old)
    assert jobs.get_job(db, waiting).state == "queued"
