"""The README's walk with curl, command by command as it stands there, on both databases, with the same shape of answers."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README, GUIDE = ((ROOT / name).read_text(encoding="utf8") for name in ("README.md", "docs/service.md"))
PORT = "8123"


def commands():
    (block,) = re.findall(r"## As a service\n.*?```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line for line in block.replace("\\\n", "").splitlines() if not line.startswith("#")]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def shape(value):
    """Give a value's types: keys and lists as they are, each leaf by its kind."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_the_readme_and_the_page_of_the_service_give_the_same_commands():
    said = {line.removeprefix("$ ").replace("timeout 600 ", "") for line in GUIDE.replace("\\\n", "").splitlines()}
    assert [line for line in commands() if line not in said] == []


PROBLEM = {"type": "str", "title": "str", "status": "number", "code": "str", "detail": "str", "request_id": "str"}
QUOTED = {"sku": "str", "region": "str", "price": "number", "currency": "str", "source": "str", "plan": "str"}
QUOTED |= {"decision_id": "str", "propensity": "number", "amount": "number"}
PLAN = {"id", "shop", "kind", "status", "facts", "digest", "reasons", "replaced", "by", "made_at", "changed_at"}


@pytest.mark.slow  # docs/service.md has the same commands and runs with the ordinary tests
def test_every_command_of_the_readme_does_what_it_says(empty_database_url, tmp_path):
    here = str(Path(sys.executable).parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRICEBID_")}
    environment = kept | {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    if empty_database_url.startswith("postgresql"):
        environment["PRICEBID_DATABASE_URL"] = empty_database_url
    port, told = free_port(), []
    try:
        for command in commands():
            text = command.replace(PORT, port)  # tests run side by side
            done = subprocess.run(
                ["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (
                f"{command}\n{done.stdout}{done.stderr}\n{(tmp_path / 'serve.log').read_text()}"
            )
            told += [done.stdout] if done.stdout else []
    finally:
        pid = tmp_path / "serve.pid"
        if pid.exists():
            subprocess.run(["kill", pid.read_text().strip()], capture_output=True, check=False)
    health, events, held, published, quote, feedback = told
    assert json.loads(health) == {"status": "alive"}
    kinds = re.findall(r"event: (\w+)", events)
    assert (kinds[0], kinds[-1]) == ("queued", "done")
    assert shape(json.loads(held)) == PROBLEM | {"errors": [{"field": "str", "message": "str"}]}
    assert json.loads(held)["code"] == "held_for_approval"
    plan = json.loads(published)
    assert set(plan) == PLAN
    assert plan["status"] == "published"
    assert plan["id"] == (tmp_path / "plan.id").read_text().strip()
    answer = json.loads(quote)
    assert shape(answer) == {"items": [QUOTED]}
    assert (answer["items"][0]["source"], answer["items"][0]["plan"]) == ("plan", plan["id"])
    assert json.loads(feedback) == {"accepted": 1, "duplicates": 0, "rejected": []}
    sqlite = tmp_path / "pricebid-home" / "pricebid.db"
    assert sqlite.exists() == ("PRICEBID_DATABASE_URL" not in environment)
