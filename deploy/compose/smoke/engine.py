"""Runs services of Compose files as an engine would, without images: the same commands, users, variables, secrets,
volumes, networks, limits of open files, health checks and stop signals, as processes in namespaces of their own.

Not there: limits of processor and memory, log drivers, and the entrypoints of other people's images.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network import Networks
from project import Service, in_order, seconds

HERE = Path(__file__).parent
#: What the image says where the service does not.
STOP_SIGNALS = {"proxy": "SIGQUIT"}
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
USERS = {0: "root", 101: "nginx", 999: "postgres", 10001: "retail"}


class Failed(Exception):
    """A service did not do what it should."""


@dataclass(frozen=True)
class Image:
    """What stands for an image: files of this machine, and the command that its entrypoint is."""

    files: list[tuple[str, str]]
    entrypoint: list[str] = field(default_factory=list)
    path: str = SYSTEM_PATH


@dataclass
class Container:
    """A service that was started."""

    name: str
    service: Service
    image: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    stopping: bool = False
    restarts: int = 0


class Engine:
    """The containers of one project."""

    def __init__(self, project: dict[str, Any], images: dict[str, Image], state: Path, first_subnet: int) -> None:
        self.services: dict[str, Service] = project["services"]
        self.networks = Networks(project["networks"], first_subnet)
        self.containers: dict[str, Container] = {}
        self.images = images
        self._secrets = project["secrets"]
        self._state = state
        self._lock = threading.RLock()

    def up(self, wanted: list[str]) -> None:
        """Starts services in their order, each when what it waits for is as it should be."""
        order = [name for name in in_order(self.services, wanted) if not self._runs(name)]
        for name in order:
            self.networks.attach(name, self.services[name])
        for name in order:
            service = self.services[name]
            for other, wait in (service.get("depends_on") or {}).items():
                if wait["condition"] == "service_healthy":
                    self.wait_until_healthy(other)
            if any("completed" in self.services[user]["depends_on"][name]["condition"] for user in self._users(name)):
                self.run(name)
            else:
                self.start(name)
        for name in wanted:
            if self._check(self.services[name]):
                self.wait_until_healthy(name)

    def run(
        self, name: str, command: list[str] | None = None, image: str | None = None, limit: float = 300
    ) -> str:
        """Runs a service once, to its end, and gives what it wrote."""
        self.networks.attach(name, self.services[name])
        log = self.log(name)
        begin = log.stat().st_size if log.exists() else 0
        container = self.start(name, image, command)
        try:
            code = container.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            container.process.kill()
            raise Failed(f"{name} takes longer than {limit:.0f} s") from error
        with log.open(encoding="utf-8") as file:
            file.seek(begin)
            output = file.read()
        if code != 0:
            raise Failed(f"{name} ended with {code}: {output.strip()[-600:]}")
        return output

    def start(self, name: str, image: str | None = None, command: list[str] | None = None) -> Container:
        """Starts a service; it may not be ready yet."""
        service = self.services[name]
        image = image or service["image"]
        spec = self._specification(name, service, self.images[image], command)
        file = self._state / f"{name}.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [
                    *("nsenter", f"--net=/run/netns/{name}", "unshare", "--mount", "--propagation", "private"),
                    *(sys.executable, str(HERE / "box.py"), str(file)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        container = Container(name, service, image, process, spec["environment"])
        with self._lock:
            self.containers[name] = container
        if self._restarts(service):
            threading.Thread(target=self._watch, args=[container], daemon=True).start()
        return container

    def stop(self, name: str) -> None:
        """Stops a service in order; it has the time that the file gives it."""
        container = self.containers.get(name)
        if container is None or container.process.poll() is not None:
            return
        container.stopping = True
        wanted = container.service.get("stop_signal") or STOP_SIGNALS.get(name, "SIGTERM")
        container.process.send_signal(signal.Signals[wanted])
        try:
            container.process.wait(seconds(container.service.get("stop_grace_period") or "10s"))
        except subprocess.TimeoutExpired as error:
            container.process.kill()
            container.process.wait()
            raise Failed(f"{name} did not stop in its time and was killed") from error

    def kill(self, name: str) -> None:
        """Ends a service as a crash does: first it does nothing any more, so that calls are in flight on it."""
        self.containers[name].process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        self.containers[name].process.kill()
        self.containers[name].process.wait()

    def replace(self, name: str, image: str, limit: float) -> None:
        """Stops a service and starts it with this image; returns when it is healthy."""
        self.stop(name)
        self.start(name, image)
        self.wait_until_healthy(name, limit)

    def healthy(self, name: str) -> bool:
        """The service's own health check, once, inside of its container."""
        container = self.containers.get(name)
        if container is None or not self._runs(name):
            return False
        kind, *words = self._check(container.service)["test"]
        if kind == "CMD-SHELL":
            words = ["/bin/sh", "-c", *words]
        return self.inside(name, words, seconds(self._check(container.service)["timeout"])).returncode == 0

    def inside(self, name: str, words: list[str], limit: float) -> subprocess.CompletedProcess[str]:
        """Runs a command in a container, as its user."""
        container = self.containers[name]
        user, group = container.service["user"].split(":")
        # By its path: the variables are the container's.
        enter = [shutil.which("nsenter") or "nsenter", "--target", str(container.process.pid)]
        enter += ["--mount", "--net", "--root", "--wd", "--setuid", user, "--setgid", group]
        try:
            return subprocess.run(
                [*enter, *words],
                env=container.environment,
                timeout=limit,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 124, "", f"no answer within {limit:.0f} s")

    def wait_until_healthy(self, name: str, limit: float | None = None) -> None:
        check = self._check(self.services[name])
        patience = seconds(check["start_period"]) + check["retries"] * seconds(check["interval"])
        end = time.monotonic() + (limit or patience)
        # More often than `interval`, so that nobody waits for nothing.
        while not self.healthy(name):
            if self.containers[name].process.poll() is not None and not self._comes_back(name):
                raise Failed(f"{name} has ended: {self.tail(name)}")
            if time.monotonic() > end:
                raise Failed(f"{name} is not healthy: {self.tail(name)}")
            time.sleep(0.3)

    def down(self) -> None:
        """Stops everything, whatever needs others first."""
        for name in reversed(in_order(self.services, list(self.containers))):
            self.stop(name)
        self.networks.close()

    def log(self, name: str) -> Path:
        return self._state / f"{name}.log"

    def tail(self, name: str, lines: int = 12) -> str:
        return "\n".join(self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _runs(self, name: str) -> bool:
        container = self.containers.get(name)
        return container is not None and container.process.poll() is None

    def _users(self, name: str) -> list[str]:
        return [other for other, service in self.services.items() if name in (service.get("depends_on") or {})]

    @staticmethod
    def _check(service: Service) -> dict[str, Any]:
        check = service.get("healthcheck") or {}
        return {} if check.get("disable") else check

    @staticmethod
    def _restarts(service: Service) -> dict[str, Any]:
        policy = (service.get("deploy") or {}).get("restart_policy") or {}
        return policy if policy.get("condition") == "on-failure" else {}

    def _comes_back(self, name: str) -> bool:
        container = self.containers[name]
        policy = self._restarts(container.service)
        return bool(policy) and container.restarts < policy["max_attempts"] and container.process.returncode != 0

    def _watch(self, container: Container) -> None:
        """Starts a service that failed again, as often as its policy says."""
        policy = self._restarts(container.service)
        if container.process.wait() == 0 or container.stopping or container.restarts >= policy["max_attempts"]:
            return
        time.sleep(seconds(policy["delay"]))
        with self._lock:
            if self.containers[container.name] is container and not container.stopping:
                again = self.start(container.name, container.image)
                again.restarts = container.restarts + 1

    def _specification(
        self, name: str, service: Service, image: Image, command: list[str] | None
    ) -> dict[str, Any]:
        user, group = (int(number) for number in service["user"].split(":"))
        root = self._state / "roots" / name
        root.mkdir(parents=True, exist_ok=True)
        volumes = [self._volume(volume, user, group) for volume in service.get("volumes") or []]
        for secret in service.get("secrets") or []:
            target = secret.get("target") or secret["source"]
            target = target if target.startswith("/") else f"/run/secrets/{target}"
            volumes.append({"source": self._secrets[secret["source"]]["file"], "target": target, "writable": False})
        passwd = "".join(f"{who}:x:{number}:{number}::/nonexistent:/sbin/nologin\n" for number, who in USERS.items())
        words = [*(service.get("entrypoint") or image.entrypoint), *(command or service.get("command") or [])]
        return {
            "root": str(root),
            "image": image.files,
            "files": {
                "/etc/hosts": self.networks.hosts(name, self.services),
                "/etc/passwd": passwd,
                "/etc/group": "".join(f"{who}:x:{number}:\n" for number, who in USERS.items()),
                "/etc/nsswitch.conf": "hosts: files\n",
            },
            "volumes": volumes,
            "tmpfs": service.get("tmpfs") or [],
            "shm_bytes": int(service.get("shm_size") or 64 << 20),
            "read_only": service.get("read_only", False),
            "no_capabilities": service.get("cap_drop") == ["ALL"],
            "no_new_privileges": "no-new-privileges:true" in (service.get("security_opt") or []),
            "open_files": ((service.get("ulimits") or {}).get("nofile") or {}).get("hard", 20000),
            "user": user,
            "group": group,
            "command": words,
            "environment": {"PATH": image.path, **(service.get("environment") or {})},
        }

    def _volume(self, volume: dict[str, Any], user: int, group: int) -> dict[str, Any]:
        if volume["type"] == "volume":
            folder = self._state / "volumes" / volume["source"]
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, user, group)
            return {"source": str(folder), "target": volume["target"], "writable": True}
        return {"source": volume["source"], "target": volume["target"], "writable": not volume.get("read_only", False)}
