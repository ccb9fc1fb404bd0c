"""Dockerfile and compose file: linted, compared with what they refer to, and run without an engine in a fresh environment."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import typer
import yaml

from pricebid.cli import app
from pricebid_api import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf8"))
OURS = ("service", "worker")
VARIABLES = {f"PRICEBID_{one.name.upper()}" for one in fields(Settings)} | {"PRICEBID_SECRET", "PRICEBID_SECRET_BEFORE"}


def instructions():
    """Give the lines of the Dockerfile as (word, rest), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf8")
    text = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line.strip()]


def last(word):
    return [rest for found, rest in instructions() if found == word][-1]


def environment():
    text = last("ENV")
    return dict(part.split("=", 1) for part in shlex.split(text))


def words(text):
    """The exec form of an instruction."""
    return yaml.safe_load(text)


def variables(service):
    return COMPOSE["services"][service].get("environment", {})


def test_the_linter_finds_nothing():
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint has no wheel for this platform")
    out = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (out.returncode, out.stdout) == (0, "")


def test_what_is_copied_is_there_and_not_left_out_of_the_context():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        part for word, rest in instructions() if word == "COPY" and "--from" not in rest for part in rest.split()[:-1]
    }
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_it_runs_as_nobody_in_particular_with_a_check_and_no_secret():
    assert last("USER") == "10001:10001"
    assert {name for name in environment() if name.startswith("PRICEBID_")} <= VARIABLES
    assert not re.search(r"(?i)(password|secret|token|key)\s*=", (ROOT / "Dockerfile").read_text())
    assert environment()["PRICEBID_PORT"] == last("EXPOSE")
    assert environment()["PRICEBID_HOME"] == last("VOLUME")
    assert all(":" in rest.split()[0] for word, rest in instructions() if word == "FROM"), "images are of one version"


@pytest.mark.parametrize("service", [None, *OURS])
def test_every_command_is_one_that_the_command_line_takes(service):
    assert words(last("ENTRYPOINT")) == ["pricebid"]
    name, *arguments = words(last("CMD")) if service is None else COMPOSE["services"][service]["command"]
    command = typer.main.get_command(app).commands[name]
    assert command.make_context(name, list(arguments)).params


@pytest.mark.parametrize("service", OURS)
def test_the_compose_file_sets_only_what_there_is_and_locks_the_rest(service):
    found = COMPOSE["services"][service]
    assert set(variables(service)) <= VARIABLES | {"PGPASSWORD"}
    Settings.from_environment(variables(service))
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in found["security_opt"]
    assert {name.split(":")[0] for name in found["volumes"]} <= set(COMPOSE["volumes"])
    assert found["volumes"][0].split(":")[1] == environment()["PRICEBID_HOME"]
    assert set(found["depends_on"]) <= set(COMPOSE["services"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]["version"]
    assert found["image"] == f"pricebid:{version}"


def test_the_compose_file_opens_one_port_on_this_machine_and_holds_no_password():
    (port,) = COMPOSE["services"]["service"]["ports"]
    assert port == f"127.0.0.1:{last('EXPOSE')}:{last('EXPOSE')}"
    assert not any("ports" in COMPOSE["services"][name] for name in COMPOSE["services"] if name != "service")
    user, host, database = re.fullmatch(
        r"postgresql\+psycopg://(\w+)@(\w+)/(\w+)", variables("service")["PRICEBID_DATABASE_URL"]
    ).groups()
    assert host in COMPOSE["services"]
    assert (variables(host)["POSTGRES_USER"], variables(host)["POSTGRES_DB"]) == (user, database)
    passwords = {value for name in COMPOSE["services"] for key, value in variables(name).items() if "PASSWORD" in key}
    assert passwords == {"${POSTGRES_PASSWORD:?set it in the file .env}"}


def test_the_source_package_holds_what_an_image_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {"/Dockerfile", "/.dockerignore", "/compose.yaml", "/src", "/api", "/LICENSE", "/README.md"} <= set(included)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def build(root):
    """Do what the first stage does, under a folder instead of /: the context copied, each RUN run by a shell."""
    base = root / "build"
    base.mkdir()
    for word, rest in instructions()[1:]:
        if word == "FROM":
            return
        if word == "COPY":
            *sources, target = rest.split()
            for name in sources:
                place = base / target / ("" if target.startswith("./") and target != "./" else name)
                kept = shutil.ignore_patterns("__pycache__")
                (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(
                    ROOT / name, place, **({"ignore": kept} if (ROOT / name).is_dir() else {})
                )
        if word == "RUN":
            command = re.sub(r"(?<![\w.])/(wheels|opt)\b", rf"{root}/\1", rest)
            clean = {key: value for key, value in os.environ.items() if not key.startswith(("PRICEBID_", "PYTHON"))}
            extras = next(rest.split("=")[1] for word, rest in instructions() if word == "ARG")
            path = f"{Path(sys.executable).parent}:{clean['PATH']}"
            done = subprocess.run(
                ["/bin/sh", "-ec", command],
                cwd=base,
                env=clean | {"EXTRAS": extras, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_the_image_would_do_works_in_a_fresh_environment(tmp_path):
    build(tmp_path)
    bin_ = tmp_path / "opt" / "pricebid" / "bin"
    installed = subprocess.run([bin_ / "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "uvicorn" in installed
    assert not re.search(r"(?m)^(pytest|httpx|ruff) ", installed), "the extra api alone"
    home = tmp_path / "state"
    home.mkdir()
    given = environment() | {
        "PRICEBID_HOME": str(home),
        "PRICEBID_PORT": str(free_port()),
        "PATH": f"{bin_}:/usr/bin:/bin",
    }
    entry = words(last("ENTRYPOINT"))
    start = [str(bin_ / entry[0]), *entry[1:]]
    refused = subprocess.run(
        [*start, *words(last("CMD"))], env=given, cwd=home, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "make a key first" in refused.stderr
    made = subprocess.run(
        [*start, "keys", "create", "--name", "admin", "--scope", "admin"],
        env=given,
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(made.stdout.strip()) > 40
    here = given | {"PRICEBID_HOST": "127.0.0.1"}
    check = [str(bin_ / "python"), *words(last("HEALTHCHECK").partition("CMD ")[2])[1:]]
    with subprocess.Popen(
        [*start, *words(last("CMD"))], env=here, cwd=home, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            end = time.monotonic() + 60
            while subprocess.run(check, env=here, capture_output=True, check=False).returncode != 0:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=40)
            assert process.returncode == 0
        finally:
            process.kill()
    assert subprocess.run(check, env=here, capture_output=True, check=False).returncode == 1
    done = subprocess.run(
        [*start, "worker", "--once", "--json"], env=given, cwd=home, capture_output=True, text=True, check=True
    )
    assert '"jobs": 0' in done.stdout
