#!/usr/bin/env python3
"""Asks a real API server whether it takes the manifests, and whether it refuses them broken on purpose.

    run.py --kubeconfig FILE   a cluster, by this file's current context
    run.py --binaries FOLDER   etcd and kube-apiserver of this folder or of PATH, started on loopback for this alone

All is a dry run but a namespace with service accounts, under a name of its own, which is deleted afterwards; who runs
it must be allowed to make both. Each rendering is asked for, and a pod of each of its templates, since the namespace's
Pod Security Standard is enforced on pods alone. Then production is broken in the ways of ../broken.yaml that are for
`schemas` and `values`. Operators' kinds that the server does not know are left out, and named. Before Kubernetes 1.30 a
server gets what it has in place of what it has not (OLDER); a newer one gets all as it is.

Needs kubectl and deploy/check/requirements.txt; --binaries needs openssl besides. Prints `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "deploy/check"))

from kubernetes import RENDERINGS, Documents, name, of_kind, render, templates  # noqa: E402
from prove import copy  # noqa: E402
from tree import Tree, documents  # noqa: E402
from validators import OPERATORS  # noqa: E402

BROKEN = "deploy/kubernetes/tests/broken.yaml"
#: Before this release of 1.x: of this kind, the version that was there instead, or a field that was not there yet.
OLDER = [
    (21, "CronJob", "apiVersion", "batch/v1beta1"),
    (21, "PodDisruptionBudget", "apiVersion", "policy/v1beta1"),
    (23, "HorizontalPodAutoscaler", "apiVersion", "autoscaling/v2beta2"),
    (27, "PodDisruptionBudget", "spec.unhealthyPodEvictionPolicy", None),
    (27, "Deployment", "spec.template.spec.topologySpreadConstraints.*.matchLabelKeys", None),
    (30, "Deployment", "spec.template.spec.containers.*.lifecycle.preStop", None),
]


class Server:
    """An API server, by kubectl."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.version = json.loads(self.kubectl("get", "--raw", "/version").stdout)
        self.minor = int(self.version["minor"].rstrip("+"))
        self.versions = set(self.kubectl("api-versions").stdout.split())
        self.groups = {one.split("/")[0] for one in self.versions}
        self.namespace = f"retail-mcp-check-{secrets.token_hex(4)}"

    def kubectl(self, *words: str, text: str = "", may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), "--request-timeout=60s", *words]
        ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if ran.returncode and not may_fail:
            sys.exit(f"kubectl {' '.join(words)}: {ran.stderr.strip()}")
        return ran

    @contextmanager
    def room(self, objects: Documents) -> Iterator[None]:
        """The namespace and the service accounts, without which nothing in it can be tried."""
        [space] = of_kind(objects, "Namespace")
        space = {**space, "metadata": {**space["metadata"], "name": self.namespace}}
        self.kubectl("create", "-f", "-", text=json.dumps(space))
        try:
            accounts = self.placed(of_kind(objects, "ServiceAccount"))
            self.kubectl("apply", "-f", "-", text=listed(accounts))
            yield
        finally:
            self.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def placed(self, objects: Documents) -> Documents:
        """The objects, in the namespace of this run."""
        return [
            {**one, "metadata": {**one["metadata"], "namespace": self.namespace}} if one["kind"] != "Namespace" else one
            for one in objects
        ]

    def refusal(self, objects: Documents) -> str:
        """What the server says against these objects; nothing where it takes them all."""
        words = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"]
        ran = self.kubectl(*words, text=listed(self.placed(objects)), may_fail=True)
        taken = ran.stdout.count("(server dry run)")
        if ran.returncode == 0 and taken != len(objects):
            return f"{taken} of {len(objects)} objects were tried: {ran.stderr.strip()}"
        return "" if ran.returncode == 0 else ran.stderr.strip()


def listed(objects: Documents) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def without(value: Any, path: list[str]) -> bool:
    """Takes a field away; `*` is each of a list. Whether it was there."""
    key, *rest = path
    if key == "*":
        return any([without(one, rest) for one in value])  # Of all of them, so it is a list.
    if key not in value:
        return False
    if rest:
        return without(value[key], rest)
    del value[key]
    return True


def older(objects: Documents, minor: int) -> list[str]:
    """Makes the objects what a server of 1.`minor` has, and says what was changed."""
    said = []
    for since, kind, path, instead in OLDER:
        for one in of_kind(objects, kind) if minor < since else []:
            if instead is None and without(one, path.split(".")):
                said.append(f"{kind} without {path}, which is of 1.{since}")
            elif instead and one["apiVersion"] != instead:
                said.append(f"{kind} as {instead}: {one['apiVersion']} is of 1.{since}")
                one["apiVersion"] = instead
    return said


def pods(objects: Documents) -> Documents:
    """A pod of each template."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": f"{one['kind'].lower()}-{name(one)}"},
            "spec": template["spec"],
        }
        for one, template in templates(objects)
    ]


def counted(objects: Documents) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in Counter(one["kind"] for one in objects).items())


def asked(tree: Tree, folder: str, server: Server) -> tuple[Documents, Documents, list[str]]:
    """What of a rendering the server can be asked for, what is left out, and what was changed."""
    objects = documents(render(tree, folder))
    unknown = [
        one for one in objects if one["kind"] in OPERATORS and one["apiVersion"].split("/")[0] not in server.groups
    ]
    rest = [one for one in objects if one not in unknown]
    changed = older(rest, server.minor)
    return rest + pods(rest), unknown, changed


def check(server: Server) -> tuple[int, int]:
    passed = failed = 0

    def result(good: bool, what: str) -> None:
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'} {what}", flush=True)

    good = Tree(ROOT)
    with server.room(documents(render(good, RENDERINGS["production"]))):
        changes: dict[str, None] = {}
        for rendering, folder in RENDERINGS.items():
            objects, left_out, changed = asked(good, folder, server)
            changes |= dict.fromkeys(changed)
            against = server.refusal(objects)
            result(not against, f"{rendering}: {against or f'{len(objects)} objects: {counted(objects)}'}")
            if left_out:
                print(f"     left out: {counted(left_out)}")
        for change in changes:
            print(f"     made older: {change}")
        with tempfile.TemporaryDirectory(prefix="retail-mcp-apiserver-") as folder:
            tree = copy(ROOT, Path(folder))
            for entry in tree.yaml(BROKEN):
                if entry["caught_by"] not in ("schemas", "rule:values"):
                    continue
                version = entry["replace"].removeprefix("apiVersion: ")
                if version in server.versions:
                    print(f"skip {entry['name']}: this server has {version}")
                    continue
                path = tree.root / entry["file"]
                whole = path.read_text(encoding="utf-8")
                assert whole.count(entry["find"]) == 1, entry["name"]
                path.write_text(whole.replace(entry["find"], entry["replace"]), encoding="utf-8")
                try:
                    objects, _, _ = asked(tree, RENDERINGS["production"], server)
                    against = server.refusal(objects)
                finally:
                    path.write_text(whole, encoding="utf-8")
                said = against.replace("\n", " ") or "is accepted"
                result(bool(against), f"{entry['name']}: {said}")
        # A server that was gone meanwhile would have refused everything.
        against = server.refusal(asked(good, RENDERINGS["production"], server)[0])
        result(not against, f"production once more: {against or 'as before'}")
    return passed, failed


@contextmanager
def started(binaries: Path) -> Iterator[Path]:
    """etcd and kube-apiserver on loopback; gives the kubeconfig."""

    def program(called: str) -> str:
        found = which(called, path=str(binaries)) or which(called)
        return found or sys.exit(f"{called} is neither in {binaries} nor on PATH")

    def port() -> int:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            return one.getsockname()[1]

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="retail-mcp-apiserver-")))

        def start(*command: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("wb"))
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        token = secrets.token_hex(32)
        (folder / "tokens.csv").write_text(f"{token},check,check,system:masters\n", encoding="utf-8")
        subprocess.run(["openssl", "genrsa", "-out", "accounts.key"], cwd=folder, capture_output=True, check=True)
        store, peers, secure = (f"http://127.0.0.1:{port()}", f"http://127.0.0.1:{port()}", port())
        listen = f"--listen-client-urls={store} --advertise-client-urls={store} --listen-peer-urls={peers}"
        start(program("etcd"), "--data-dir=etcd", *listen.split())
        server = start(
            program("kube-apiserver"),
            f"--etcd-servers={store}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure}",
            "--cert-dir=certificates",
            "--service-account-issuer=https://localhost",
            "--service-account-key-file=accounts.key",
            "--service-account-signing-key-file=accounts.key",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
        )
        cluster = {"server": f"https://127.0.0.1:{secure}", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "check", "cluster": cluster}],
            "users": [{"name": "check", "user": {"token": token}}],
            "contexts": [{"name": "check", "context": {"cluster": "check", "user": "check"}}],
            "current-context": "check",
        }
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        ready = ["kubectl", "--kubeconfig", str(kubeconfig), "get", "--raw", "/readyz"]
        end = time.monotonic() + 120
        while subprocess.run(ready, capture_output=True, check=False).returncode:
            if server.poll() is not None or time.monotonic() > end:
                log = (folder / "kube-apiserver.log").read_text(encoding="utf-8", errors="replace")
                sys.exit(f"kube-apiserver does not become ready:\n{log[-2000:]}")
            time.sleep(0.5)
        yield kubeconfig


def run() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    one = arguments.add_mutually_exclusive_group(required=True)
    one.add_argument("--kubeconfig", type=Path, metavar="FILE")
    one.add_argument("--binaries", type=Path, metavar="FOLDER")
    options = arguments.parse_args()
    with ExitStack() as stack:
        kubeconfig = options.kubeconfig or stack.enter_context(started(options.binaries.resolve()))
        server = Server(kubeconfig)
        print(f"Kubernetes {server.version['gitVersion']}")
        passed, failed = check(server)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run())
