"""Kinds of jobs for tests: they count what they do in a file, so that it can be told what was done twice."""

import json
import os
import time
from pathlib import Path

from pricebid import store
from pricebid.batch import Partition, blocks, run
from pricebid.errors import Conflict, Infeasible, InputError
from pricebid.store.plans import insert_plan
from pricebid.tables.identify import new_id
from pricebid_api.worker.kinds import Handler
from pricebid_api.worker.work import PLAN, Outcome, Work

PARTS = 8


def note(work: Work, words: str) -> None:
    """Add a line to the job's diary, in one write."""
    line = f"{words} {os.getpid()} {work.job.attempts}\n"
    with Path(work.job.options["diary"]).open("a") as diary:
        diary.write(line)


def steps(work: Work) -> Outcome:
    """Do eight partitions, then add a plan: as a price plan does it, but slow in a known way."""

    def one_part(one: Partition) -> bytes:
        note(work, f"part {one.start}")
        time.sleep(work.job.options["seconds"])
        return str(one.start).encode()

    cut = blocks(PARTS, size=1, first=10)
    run(one_part, cut, checkpoints=work.checkpoints, progress=work.progress(0.0, 1.0))
    made = json.loads(work.part(PLAN, "plan", lambda: json.dumps({"id": new_id()}).encode()))
    total = sum(int(work.checkpoints.load(one.part)) for one in cut)

    def within(conn: object) -> None:
        facts = store.PlanFacts(solution="optimal", items=total)
        files = {"plan.json": json.dumps(made).encode()}
        insert_plan(conn, work.job.shop, "price", files=files, facts=facts, by=work.job.by)

    return Outcome(result={"plan": made["id"], "total": total}, within=within)


def broken(work: Work) -> Outcome:
    """Fail as the options say, as often as they say."""
    note(work, "try")
    if work.job.attempts <= work.job.options["times"]:
        how = work.job.options["how"]
        if how == "input":
            raise InputError("no such offer")
        if how == "infeasible":
            raise Infeasible("no", [Conflict(name="margin", limit=0.4, reachable=0.3, relaxation=0.1)])
        if how == "killed":
            os.abort()
        raise RuntimeError("a password")
    return Outcome(result={"tries": work.job.attempts})


def deaf(work: Work) -> Outcome:
    """Hold the process for a minute, whatever it is told."""
    note(work, "deaf")
    time.sleep(60)
    return Outcome(result={})


def waiting(work: Work) -> Outcome:
    """Go on until told to stop."""
    note(work, "waiting")
    while True:
        work.report("waiting", 0.5)
        time.sleep(0.02)


def lossy(work: Work) -> Outcome:
    """Compute something that cannot be written as JSON."""
    note(work, "lossy")
    return Outcome(result={"figure": float("nan")})


KINDS = {
    "steps": Handler(run=steps),
    "steps-here": Handler(run=steps, own_process=False),
    "broken": Handler(run=broken),
    "broken-here": Handler(run=broken, own_process=False),
    "deaf": Handler(run=deaf),
    "waiting": Handler(run=waiting),
    "waiting-here": Handler(run=waiting, own_process=False),
    "lossy": Handler(run=lossy, own_process=False),
}
