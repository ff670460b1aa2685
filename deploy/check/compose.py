"""What compose.yaml and compose.prod.yaml say, as Compose reads them.

In the lab's, the server looked for its database on itself, was never healthy, and never heard of Redis; ports were open
to everybody, and three replicas wanted one port of the machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from findings import CannotCheck, Finding, check
from keys import PREFIX, keys, missing
from tools import tool
from tree import Tree, seconds

DEVELOPMENT, PRODUCTION = "compose.yaml", "compose.prod.yaml"
SERVICES = "deploy/compose/services.yaml"
VALUES = "deploy/compose/production.env"
#: Each file with the values that it is read with.
FILES = {DEVELOPMENT: os.devnull, PRODUCTION: VALUES}
READ = ["compose*.yaml", SERVICES, VALUES]
PROGRAM = "/usr/local/bin/retail-mcp"
HEALTHCHECK = ["CMD", PROGRAM, "healthcheck"]
CONFINED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "cap_add": None,
    "privileged": None,
    "security_opt": ["no-new-privileges:true"],
    "network_mode": None,
    "pid": None,
    "ipc": None,
}
#: After `server.shutdown_grace`: answers that are cut, metrics, the audit log.
FLUSH = 1 + 3 + 10
Service = dict[str, Any]


def run_compose(tree: Tree, file: str) -> tuple[int, str, str]:
    """`docker compose config` of a file, with all profiles: code, JSON, and what it said. It asks no engine."""
    program = tool("docker-compose")

    def make() -> tuple[int, str, str]:
        ran = subprocess.run(
            [program, "--file", file, "--env-file", FILES[file], "--profile", "*", "config", "--format", "json"],
            # Nothing of what somebody has set here.
            env={"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")},
            cwd=tree.root,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    return tree.once(f"compose {file}", READ, make)


def configuration(tree: Tree, file: str) -> dict[str, Any]:
    """What Compose makes of a file."""
    code, text, said = run_compose(tree, file)
    if code:
        raise CannotCheck(f"Compose cannot read {file}: {said.strip()}")
    return tree.once(f"compose data {file}", READ, lambda: json.loads(text))


def command(service: Service) -> str | None:
    """What the program is told to do in a service of ours: `serve`, `migrate`, `seed`, … None for others' images."""
    if "retail-mcp" not in service["image"]:
        return None
    words = (service.get("entrypoint") or [PROGRAM]) + (service.get("command") or ["serve"])
    return words[1]


def environment(service: Service) -> dict[str, str]:
    return service.get("environment") or {}


def services(tree: Tree) -> Iterator[tuple[str, str, Service]]:
    for file in FILES:
        for name, service in configuration(tree, file)["services"].items():
            yield file, name, service


def ours(tree: Tree) -> Iterator[tuple[str, str, Service, str]]:
    for file, name, service in services(tree):
        told = command(service)
        if told is not None:
            yield file, name, service, told


def mounted(service: Service) -> dict[str, str]:
    """Secrets by the path that they have in the container."""
    found = {}
    for secret in service.get("secrets") or []:
        target = secret.get("target", secret["source"])
        found[target if target.startswith("/") else f"/run/secrets/{target}"] = secret["source"]
    return found


@check("compose keys")
def only_known_keys(tree: Tree) -> Iterator[Finding]:
    """Variables that the server reads; the lab's files had POSTGRES_HOST, and its server POSTGRES_DB_HOST."""
    for file, name, service, _ in ours(tree):
        yield from keys(tree).unknown(environment(service), file, name)


@check("compose required")
def required_keys(tree: Tree) -> Iterator[Finding]:
    """What each process needs. Nobody told the lab's server of Redis."""
    for file, name, service, told in ours(tree):
        production = file == PRODUCTION
        yield from missing(environment(service), file, name, told, production=production)
        wanted = ["DATABASE__SSL_ROOT_CERT"]
        if told == "serve":
            wanted += ["TELEMETRY__OPERATORS"]
            wanted += [] if production else ["AUTH__DEV_TOKEN__ALLOW_REMOTE", "AUTH__DEV_TOKEN__KEY_FILE"]
        for key in wanted:
            if not environment(service).get(PREFIX + key):
                yield Finding(file, f"{name}: {PREFIX}{key} is not set", "set it")


@check("compose secrets")
def secrets_are_files(tree: Tree) -> Iterator[Finding]:
    """Secrets are files that make-secrets.sh makes, and each process gets its own alone; the lab's were in the text."""
    made = tree.read("deploy/compose/make-secrets.sh")
    for file in FILES:
        for secret in configuration(tree, file)["secrets"].values():
            if Path(secret["file"]).name not in made:
                yield Finding(file, f"nothing makes {Path(secret['file']).name}", "deploy/compose/make-secrets.sh")
    for file, name, service in services(tree):
        files = mounted(service)
        for target, source in files.items():
            if source == "admin-password" and command(service) == "serve":
                yield Finding(file, f"{name} gets the administrator's password", "give it to migrations alone")
            if command(service) and target not in environment(service).values():
                yield Finding(file, f"{name}: no variable names {target}", "name it, or do not mount it")
        for variable, value in environment(service).items():
            if (value or "").startswith("/run/secrets/") and value not in files:
                yield Finding(file, f"{name}: {variable} names {value}, which is not mounted", "mount the secret")
            is_secret = re.search(r"(PASSWORD|SECRET|TOKEN|_KEY|CREDENTIAL)$", variable) or keys(tree).secret(variable)
            if value and (is_secret or re.search(r"://[^/@]*:[^/@]*@", value)):
                yield Finding(file, f"{name}: {variable} has a secret in it", "mount a file, and name it by …_FILE")


@check("compose confined")
def confined(tree: Tree) -> Iterator[Finding]:
    """Nothing may write its root file system, gain privileges, keep capabilities or be root. In the lab all might."""
    for file, name, service in services(tree):
        for key, value in CONFINED.items():
            if service.get(key) != value:
                yield Finding(file, f"{name}: {key} is {service.get(key)}", f"it must be {value}")
        if command(service) and not any(one.startswith("/tmp:") for one in service.get("tmpfs") or []):
            yield Finding(file, f"{name} has no folder to write, where {PREFIX}DATA_DIR is", "tmpfs: /tmp")
        if not re.fullmatch(r"[1-9]\d*:\d+", service.get("user", "")):
            yield Finding(file, f"{name} has no user by number", "user: UID:GID, not 0")
        if any("docker.sock" in volume.get("source", "") for volume in service.get("volumes") or []):
            yield Finding(file, f"{name} has Docker's socket, and so the machine", "do not mount it")


@check("compose images")
def images(tree: Tree) -> Iterator[Finding]:
    """Images by a version, and in production no image of the program by default."""
    for file, name, service in services(tree):
        last = service["image"].rsplit("/", 1)[-1]
        if last.endswith(":latest") or not re.search(r"(:[\w.-]+|@sha256:[0-9a-f]{64})$", last):
            yield Finding(
                file, f"{name}: the image {service['image']} may be another tomorrow", "name a version or a digest"
            )
    if "${RETAIL_MCP_IMAGE:?" not in tree.read(PRODUCTION):
        yield Finding(PRODUCTION, "the program has a default image", "${RETAIL_MCP_IMAGE:?…}")


@check("compose ports")
def ports(tree: Tree) -> Iterator[Finding]:
    """Published on loopback, but for the proxy's one port; database, Redis and servers of production not at all."""
    for file, name, service in services(tree):
        for port in service.get("ports") or []:
            public = name == "proxy" and port["target"] == 8443
            if port.get("host_ip") != "127.0.0.1" and not public:
                yield Finding(
                    file, f"{name}: port {port['target']} is open to other machines", "publish it on 127.0.0.1"
                )
            elif file == PRODUCTION and (name in ("postgres", "redis") or command(service) == "serve"):
                yield Finding(file, f"{name}: port {port['target']} is published", "leave it in its network")


@check("compose version")
def no_version(tree: Tree) -> Iterator[Finding]:
    """`version:` means nothing to Compose, and suggests rules that do not hold any more. The lab's files had it."""
    for file in [*FILES, SERVICES]:
        if re.search(r"^version\s*:", tree.read(file), re.M):
            yield Finding(file, "has the obsolete `version`", "leave it out")


@check("compose healthcheck")
def health_checks(tree: Tree) -> Iterator[Finding]:
    """Each asks what it is there for. The lab's asked a path that did not exist, and Redis without its password."""
    for file, name, service in services(tree):
        health = service.get("healthcheck") or {}
        test, told = health.get("test") or [], command(service)
        words = " ".join(test)
        asks = {
            "postgres": ["pg_isready", "psql", "--host 127.0.0.1", '"SELECT'],
            "redis": ["REDISCLI_AUTH", " ping ", "PONG"],
        }.get(name, [])
        if told == "serve" and test != HEALTHCHECK:
            yield Finding(file, f"{name} is asked by {words or 'nothing'}", " ".join(HEALTHCHECK[1:]))
        elif told and told != "serve" and not health.get("disable"):
            yield Finding(
                file, f"{name} is no server, and has the image's health check", "healthcheck: {disable: true}"
            )
        elif any(part not in words for part in asks):
            yield Finding(file, f"{name} is asked too little by `{words}`", f"it must have {asks}")
        elif not told and not test and name != "otel-collector":
            yield Finding(file, f"{name} has no health check", "ask it whether it works")


@check("compose order")
def order(tree: Tree) -> Iterator[Finding]:
    """Nothing starts before what it needs: the lab's servers started beside their database."""
    done, healthy = "service_completed_successfully", "service_healthy"
    for file, name, service in services(tree):
        told = command(service)
        wanted = {"migrate": done} if told else {}
        if told == "migrate":
            wanted = {"postgres": healthy}
        if told == "serve":
            wanted |= {"redis": healthy} | ({"postgres": healthy} if file == PRODUCTION else {"seed": done})
        if name == "proxy":
            names = configuration(tree, file)["services"]
            wanted = {one: healthy for one in names if one.startswith("server-")}
        there = {other: how["condition"] for other, how in (service.get("depends_on") or {}).items()}
        for other, how in wanted.items():
            if there.get(other) != how:
                yield Finding(file, f"{name} does not wait for {other}", f"condition: {how}")


@check("compose stop")
def stop(tree: Tree) -> Iterator[Finding]:
    """A server has the time to answer what is in flight and to write its audit log before it is killed."""
    for file, name, service, told in ours(tree):
        if told == "serve":
            needed = seconds(environment(service).get(f"{PREFIX}SERVER__SHUTDOWN_GRACE", "20s")) + FLUSH
            if seconds(service.get("stop_grace_period", "10s")) < needed:
                yield Finding(file, f"{name} needs {needed:g} s to stop", "stop_grace_period")
