"""Answers the commands of Docker that deploy/compose/roll.sh gives, and no others, by what the engine does."""

from __future__ import annotations

import json
import socketserver
import subprocess
import threading
from pathlib import Path

from engine import Engine, Failed
from project import Project, seconds


class Control:
    """Listens at a socket for `docker.py`."""

    def __init__(self, engine: Engine, project: Project, socket: Path) -> None:
        self._engine = engine
        #: Services, each time that one was to be replaced.
        self.replaced: list[str] = []
        self._project = project
        control = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                question = json.loads(self.rfile.readline())
                answer = control.answer(question["arguments"], question["image"])
                self.wfile.write(json.dumps(dict(zip(["code", "output", "complaint"], answer, strict=True))).encode())

        self._server = socketserver.UnixStreamServer(str(socket), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, arguments: list[str], image: str | None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        try:
            return 0, self._do(arguments, image), ""
        except Failed as error:
            return 1, "", f"{error}\n"

    def _do(self, arguments: list[str], image: str | None) -> str:
        match arguments:
            case ["inspect", "--format", "{{.Image}}", container]:
                return f"{self._engine.containers[container].image}\n"
            case ["compose", *rest]:
                return self._compose(self._without_files(rest), image)
        raise Failed(f"roll.sh gives a command that nobody here knows: docker {' '.join(arguments)}")

    def _compose(self, arguments: list[str], image: str | None) -> str:
        engine = self._engine
        match arguments:
            case ["config"]:
                return subprocess.run(self._project.command("config"), check=True, capture_output=True, text=True).stdout
            case ["run", "--rm", service]:
                return engine.run(service, image=image)
            case ["ps", "--all", "--quiet", service]:
                return f"{service}\n" if service in engine.containers else ""
            case ["logs", "--tail", lines, service]:
                return engine.tail(service, int(lines)) + "\n"
            case ["up", "--detach", "--no-deps", "--force-recreate", "--wait", "--wait-timeout", limit, service]:
                self.replaced.append(service)
                engine.replace(service, image or engine.services[service]["image"], seconds(f"{limit}s"))
                return ""
        raise Failed(f"roll.sh gives a command that nobody here knows: docker compose {' '.join(arguments)}")

    @staticmethod
    def _without_files(arguments: list[str]) -> list[str]:
        while arguments and arguments[0] in ("--file", "--env-file"):
            arguments = arguments[2:]
        return arguments
