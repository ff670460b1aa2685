"""Brings up compose.yaml and compose.prod.yaml without a container engine (see `engine.py`), and uses them as callers,
an upgrade and a crash do. `cargo xtask compose-smoke` runs it, as root of namespaces made for it alone:

    main.py (--image FOLDER | --program FILE) --services FOLDER --compose FILE --state FOLDER

--image has the files of our image; with --program, what the Dockerfile would put around it is put around it here.
--services has those of a Debian with PostgreSQL, pgvector, Redis, nginx and curl, which stand for all other images.
The Python that runs it has the packages of conformance/requirements.txt.

Prints a line for each thing that was tried, and ends with 1 at the first that is not as it should be. Logs of all
services stay in the state folder.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from callers import calling
from control import Control
from engine import SYSTEM_PATH, Engine, Failed, Image
from project import Project

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
NAME, PORT = "mcp.example.com", 8443
SERVERS = ["server-1", "server-2", "server-3"]
STORES = ["seattle", "bellevue", "tacoma", "spokane", "everett", "redmond", "kirkland", "online"]
PROGRAM = "/usr/local/bin/retail-mcp"
#: A release whose migration works, and whose servers do not.
MIGRATES_ONLY = f'[ "$0" != migrate ] || exec {PROGRAM} migrate; exit 1'
CALLERS = 1 + len(STORES)


def passed(what: str) -> None:
    print(f"PASS {what}", flush=True)


def expect(condition: object, problem: str) -> None:
    if not condition:
        raise Failed(problem)


def files_of(image: str) -> list[tuple[str, str]]:
    """What of an image's files is bound to which place, so that others have room beside them: in /usr/local and /etc."""
    patterns = ["lib*", "bin", "sbin", "usr/[!l]*", "usr/l[!o]*", "usr/local/*/*", "etc/ssl"]
    found = [path for pattern in patterns for path in sorted(Path(image).glob(pattern))]
    return [(str(path), f"/{path.relative_to(image)}") for path in found]


def around(program: str, image: Path) -> str:
    """Makes the files of our image around a program: the libraries that it names, certificates, and nothing else."""
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"(/\S+) \(", said):
        place = Path(f"{image}{library}")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    certificates = "etc/ssl/certs/ca-certificates.crt"
    for source, target in [(f"/{certificates}", certificates), (program, "usr/local/bin/retail-mcp")]:
        (image / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, image / target)
    return str(image)


def images(options: argparse.Namespace) -> dict[str, Image]:
    """What stands for each image of the Compose files."""
    # The image's own entrypoint and PATH; a shell would be found nowhere in it.
    ours = Image(files_of(options.image), [PROGRAM], "/usr/local/bin")
    program = [file for file in ours.files if file[1] == PROGRAM]
    services = files_of(options.services)
    entrypoint = "/usr/local/bin/docker-entrypoint.sh"
    postgres = next(Path(options.services).glob("usr/lib/postgresql/*/bin")).relative_to(options.services)
    return {
        "retail-mcp:dev": ours,
        "retail-mcp:next": ours,
        "retail-mcp:migrates-only": Image([*services, *program], ["/bin/sh", "-c", MIGRATES_ONLY]),
        "retail-mcp:broken": Image(services, ["/usr/bin/false"]),
        "docker.io/pgvector/pgvector:pg17": Image(
            [*services, (str(HERE / "postgres-entrypoint.sh"), entrypoint)], [entrypoint], f"/{postgres}:{SYSTEM_PATH}"
        ),
        "docker.io/library/redis:7.2-alpine": Image(services),
        "docker.io/library/nginx:1.28-alpine": Image(services),
    }


def prepare(state: Path) -> None:
    """This process's own view of the machine: names and network namespaces that nobody else sees."""
    for words in [["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "mode=0755", "run", "/run"]]:
        subprocess.run(["mount", *words], check=True)
    Path("/run/netns").mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    (state / "hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
    subprocess.run(["mount", "--bind", str(state / "hosts"), "/etc/hosts"], check=True)


def make_secrets(folder: Path) -> None:
    script = ROOT / "deploy/compose/make-secrets.sh"
    command = [str(script), "--certificate-for", NAME, str(folder)]
    for _ in range(2):
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expect("made" not in said, "make-secrets.sh makes secrets anew that are there already")
    passed("make-secrets.sh makes all secrets once")


def ask_as_user(url: str, token: str, state: Path, network: Sequence[str] = ()) -> None:
    """The smoke test of deploy/scripts, with the official MCP client."""
    file = state / "bearer"
    file.write_text(token, encoding="ascii")
    script = ROOT / "deploy/scripts/smoke.py"
    environment = {**os.environ, "SSL_CERT_FILE": str(state / "secrets/tls/certificate.pem")}
    command = [*network, sys.executable, str(script), "--url", url, "--token-file", str(file)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    expect(ran.returncode == 0, f"the MCP client at {url}: {ran.stdout}{ran.stderr}")
    passed(f"an MCP client at {url}: {ran.stdout.count('PASS')} checks")


def token(output: str) -> str:
    return output.strip().splitlines()[-1]


def development(options: argparse.Namespace, state: Path, values: Path) -> None:
    project = Project(ROOT, ("compose.yaml",), values, options.compose)
    engine = Engine(project.read(), images(options), state / "development", 1)
    began = time.monotonic()
    engine.up(["server"])
    passed(f"compose.yaml: postgres, redis, migrate, seed, server are up after {time.monotonic() - began:.0f} s")
    seattle = token(engine.run("token", ["--store", "seattle"]))
    ask_as_user("http://localhost:8000/mcp", seattle, state, ["nsenter", "--net=/run/netns/server"])
    engine.down()
    passed("all of them stop in order")


class Production:
    """compose.prod.yaml, and what is tried on it."""

    def __init__(self, options: argparse.Namespace, state: Path, values: Path) -> None:
        self.state = state
        self.values = values
        files = ("compose.prod.yaml", "deploy/compose/smoke/production.yaml")
        project = Project(ROOT, files, values, options.compose)
        self.engine = Engine(project.read(), images(options), state / "production", 2)
        self.socket = state / "engine"
        self.control = Control(self.engine, project, self.socket)
        self.certificate = str(state / "secrets/tls/certificate.pem")
        self.tokens: list[str] = []

    def come_up(self) -> None:
        engine = self.engine
        began = time.monotonic()
        engine.up(["postgres", "redis"])
        engine.run("migrate")
        engine.run("migrate", ["seed", "--if-empty", "--scale", "tiny"])
        engine.up(["proxy"])
        passed(f"compose.prod.yaml: three servers behind the proxy are up after {time.monotonic() - began:.0f} s")
        identities = [["--store", store] for store in STORES] + [["--all-stores"]]
        self.tokens = [token(engine.run("migrate", ["token", *who])) for who in identities]
        engine.networks.open_to_host("public")
        with Path("/etc/hosts").open("a", encoding="ascii") as hosts:
            hosts.write(f"{engine.networks.address('proxy', 'public')} {NAME}\n")

    def is_confined(self) -> None:
        for name in [*SERVERS, "proxy", "postgres", "redis"]:
            process = Path(f"/proc/{self.engine.containers[name].process.pid}")
            status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
            expect("0" not in status["Uid"].split(), f"{name} runs as root")
            for kind in ["CapEff", "CapBnd"]:
                expect(int(status[kind], 16) == 0, f"{name} has capabilities: {kind} {status[kind]}")
            expect(status["NoNewPrivs"] == "1", f"{name} may gain privileges")
            mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
            root = [fields for fields in mounts if fields[4] == "/"][-1]
            expect("ro" in root[5].split(","), f"{name} can write to its root")
        passed("servers, proxy, database and Redis: own users, no capabilities, no new privileges, read-only roots")
        for target in ["postgres", self.engine.networks.address("postgres", "data")]:
            ran = self.engine.inside("proxy", ["curl", "--silent", "--max-time", "2", f"telnet://{target}:5432"], 5)
            expect(ran.returncode in (6, 7), f"the proxy reaches {target} ({ran.returncode})")
        passed("the proxy does not reach the database")

    def answers(self) -> None:
        ask_as_user(f"https://{NAME}:{PORT}/mcp", self.tokens[0], self.state)
        with self._calling() as callers:
            time.sleep(3)
        self._all_answered(callers.problems)
        lines = self._log_since(0)
        used = {server for line in lines for server in line["servers"].split(", ")}
        expect({self._address(name) for name in SERVERS} <= used, f"not all three servers were used: {sorted(used)}")
        passed(f"calls through the proxy reach all three servers: {callers.result()}")

    def rolls(self, image: str, good: bool, replaced: int) -> None:
        """roll.sh under load, to an image that works or to one that does not. `replaced`: how often a server is started."""
        tools = self.state / "bin"
        tools.mkdir(exist_ok=True)
        shutil.copy(HERE / "docker.py", tools / "docker")
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "RETAIL_MCP_IMAGE": image}
        environment["SMOKE_SOCKET"] = str(self.socket)
        before = {name: self.engine.containers[name].image for name in SERVERS}
        offset, starts = self._log_size(), len(self.control.replaced)
        with self._calling() as callers:
            time.sleep(1)
            command = [str(ROOT / "deploy/compose/roll.sh"), "--env-file", str(self.values)]
            ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            time.sleep(1)
        expect(ran.returncode == (0 if good else 1), f"roll.sh ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
        self._all_answered(callers.problems)
        now = {name: self.engine.containers[name].image for name in SERVERS}
        expect(now == ({name: image for name in SERVERS} if good else before), f"the servers run {now}")
        starts = self.control.replaced[starts:]
        expect(len(starts) == replaced, f"roll.sh replaced {starts}")
        twice = [line for line in self._log_since(offset) if ", " in line["servers"]]
        what = f"roll.sh to {image}" + ("" if good else " ends with 1, and the former image serves")
        passed(f"{what}: {callers.result()}, {len(twice)} were answered by another server than the first")

    def survives_a_crash(self) -> None:
        victim = "server-2"
        offset = self._log_size()
        with self._calling() as callers:
            time.sleep(3)
            self.engine.kill(victim)
            # The restart policy brings it back.
            time.sleep(1)
            self.engine.wait_until_healthy(victim)
            time.sleep(3)
        self._all_answered(callers.problems)
        twice = [line for line in self._log_since(offset) if ", " in line["servers"]]
        # A server that cannot be connected to was sent nothing.
        sent = [line for line in twice if not line["server_connect_seconds"].startswith("-")]
        expect(all(line["servers"].startswith(self._address(victim)) for line in sent), f"sent twice: {sent}")
        expect(0 < len(sent) <= CALLERS, f"{len(sent)} calls were sent twice, with {CALLERS} callers")
        passed(
            f"{victim} is killed and comes back: {callers.result()}, {len(sent)} were in flight on it and sent again, "
            f"{len(twice) - len(sent)} found it gone and went to another"
        )

    def _calling(self):
        return calling(NAME, PORT, self.certificate, self.tokens, CALLERS)

    def _all_answered(self, problems: list[str]) -> None:
        expect(not problems, f"{len(problems)} calls failed, such as: {problems[:3]}")

    def _address(self, name: str) -> str:
        return f"{self.engine.networks.address(name, 'app')}:8000"

    def _log_size(self) -> int:
        return self.engine.log("proxy").stat().st_size

    def _log_since(self, offset: int) -> list[dict[str, str]]:
        with self.engine.log("proxy").open(encoding="utf-8") as file:
            file.seek(offset)
            lines = [json.loads(line) for line in file if line.startswith("{")]
        return [line for line in lines if line["path"] == "/mcp" and line["servers"]]


def production(options: argparse.Namespace, state: Path, values: Path) -> None:
    production = Production(options, state, values)
    production.come_up()
    production.is_confined()
    production.answers()
    production.rolls("retail-mcp:next", good=True, replaced=3)
    # The first server does not become ready, and gets its image back.
    production.rolls("retail-mcp:migrates-only", good=False, replaced=2)
    # No server is touched.
    production.rolls("retail-mcp:broken", good=False, replaced=0)
    production.survives_a_crash()
    production.engine.down()
    passed("all of them stop in order")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ["services", "compose", "state"]:
        arguments.add_argument(f"--{name}", required=True)
    ours = arguments.add_mutually_exclusive_group(required=True)
    ours.add_argument("--image")
    ours.add_argument("--program")
    options = arguments.parse_args()
    state = Path(options.state).absolute()
    shutil.rmtree(state, ignore_errors=True)
    for folder in ["development", "production"]:
        (state / folder).mkdir(parents=True)
    options.image = options.image or around(options.program, state / "image")
    prepare(state)
    make_secrets(state / "secrets")
    values = state / "values.env"
    # The last line of a name is the one that counts.
    own = {"RETAIL_MCP_IMAGE": "retail-mcp:dev", "TLS_FOLDER": state / "secrets/tls", "SECRETS_FOLDER": state / "secrets"}
    own |= {"PUBLIC_NAME": NAME, "SEED_SCALE": "tiny"}
    text = (ROOT / "deploy/compose/production.env").read_text(encoding="utf-8")
    text = re.sub(rf"^({'|'.join(own)})=.*\n", "", text, flags=re.MULTILINE)
    values.write_text(text + "".join(f"{name}={value}\n" for name, value in own.items()), encoding="utf-8")
    try:
        development(options, state, values)
        production(options, state, values)
    finally:
        leave_logs(state)


def leave_logs(state: Path) -> None:
    """Removes all but the logs, and gives those to who runs this: services wrote them as their own users."""
    for folder in ["secrets", "image", *state.glob("*/roots"), *state.glob("*/volumes")]:
        shutil.rmtree(state / folder, ignore_errors=True)
    for path in state.rglob("*"):
        os.chown(path, 0, 0, follow_symlinks=False)


try:
    main()
except Failed as failure:
    print(f"FAIL {failure}", flush=True)
    sys.exit(1)
