"""The renderings of deploy/kubernetes, and what processes get in them: variables and secrets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

from findings import CannotCheck, Finding, Skipped, check
from keys import keys, missing
from tree import Tree, documents

FOLDER = "deploy/kubernetes"
#: What is rendered: production, staging, and production with the Gateway API for its way in.
RENDERINGS = {"production": "overlays/production", "staging": "overlays/staging", "gateway": "tests/gateway"}
COMMANDS = {"retail-mcp": "serve", "retail-mcp-migrate": "migrate", "retail-mcp-embed": "embed"}
Documents = list[dict[str, Any]]


def render(tree: Tree, folder: str) -> str:
    """The output of `kubectl kustomize`, which needs no cluster."""
    if shutil.which("kubectl") is None:
        raise Skipped("kubectl is not on this machine, and nothing of deploy/kubernetes can be rendered", needed=True)

    def make() -> tuple[int, str, str]:
        ran = subprocess.run(
            ["kubectl", "kustomize", f"{FOLDER}/{folder}"], cwd=tree.root, capture_output=True, text=True, check=False
        )
        return ran.returncode, ran.stdout, ran.stderr

    code, text, said = tree.once(f"kustomize {folder}", [f"{FOLDER}/**/*"], make)
    if code:
        raise CannotCheck(f"{FOLDER}/{folder} cannot be rendered: {said.strip()}")
    return text


def renderings(tree: Tree) -> Iterator[tuple[str, str, Documents]]:
    """Name, folder and objects of each rendering."""
    for name, folder in RENDERINGS.items():
        text = render(tree, folder)
        objects = tree.once(f"objects {folder}", [f"{FOLDER}/**/*"], lambda text=text: documents(text))
        yield name, f"{FOLDER}/{folder}", objects


def of_kind(objects: Documents, *kinds: str) -> Documents:
    return [one for one in objects if one["kind"] in kinds]


def name(one: dict[str, Any]) -> str:
    return one["metadata"]["name"]


def label(one: dict[str, Any]) -> str:
    return f"{one['kind']} {name(one)}"


def templates(objects: Documents) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What starts pods, with its template of one."""
    found = []
    for one in of_kind(objects, "Deployment", "Job", "CronJob"):
        spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"]
        found.append((one, spec["template"]))
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector, as Kubernetes has it, takes an object with these labels."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], expression.get("values", [])
        if not {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[expression["operator"]]:
            return False
    return True


def variables(objects: Documents, container: dict[str, Any]) -> dict[str, str]:
    """The environment of a container. A ConfigMap that is not there is what `references` finds."""
    maps = {name(one): one["data"] for one in of_kind(objects, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps.get(source["configMapRef"]["name"], {})
    return found | {one["name"]: one.get("value", "") for one in container.get("env", [])}


def ours(tree: Tree) -> Iterator[tuple[str, Documents, dict[str, Any], dict[str, Any], dict[str, str]]]:
    """Each process of ours: folder, objects, what starts it, its pod's template, its variables."""
    for _, folder, objects in renderings(tree):
        for one, template in templates(objects):
            yield folder, objects, one, template, variables(objects, template["spec"]["containers"][0])


@check("kubernetes keys")
def only_known_keys(tree: Tree) -> Iterator[Finding]:
    """Servers do not start with a variable that they do not know; the lab's set names that its server did not read."""
    for folder, _, one, _, environment in ours(tree):
        yield from keys(tree).unknown(environment, folder, label(one))


@check("kubernetes required")
def required_keys(tree: Tree) -> Iterator[Finding]:
    """What servers, migration and embedding need is set, in production and staging alike."""
    for folder, _, one, _, environment in ours(tree):
        yield from missing(environment, folder, label(one), COMMANDS[name(one)], production=True)


@check("kubernetes secrets")
def secrets_are_files(tree: Tree) -> Iterator[Finding]:
    """Secrets are mounted files, each of a key that its Secret has, and each process gets its own alone.

    The lab's servers had passwords in their environment, and logged in as the database's administrator.
    """
    for folder, objects, one, template, environment in ours(tree):
        kept = {
            name(one): {item["secretKey"] for item in one["spec"]["data"]} for one in of_kind(objects, "ExternalSecret")
        }
        files: set[str] = set()
        [container] = template["spec"]["containers"]
        for volume in template["spec"]["volumes"]:
            mounts = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == volume["name"]]
            projected = volume.get("projected", {}).get("sources", [])
            sources = [source["secret"] for source in projected if "secret" in source]
            if "secret" in volume:
                sources.append({**volume["secret"], "name": volume["secret"]["secretName"]})
            for source in sources:
                for item in source["items"]:
                    if item["key"] not in kept.get(source["name"], ()):
                        what = (
                            f"{label(one)} mounts {item['key']} of the Secret {source['name']}, which has no such key"
                        )
                        yield Finding(folder, what, "make the names in components/external-secrets the same")
                    files |= {f"{mount}/{item['path']}" for mount in mounts}
                    if source["name"] == "retail-mcp-admin" and one["kind"] == "Deployment":
                        yield Finding(
                            folder, f"{label(one)} gets the administrator's password", "mount it in jobs alone"
                        )
            tokens = [source["serviceAccountToken"] for source in projected if "serviceAccountToken" in source]
            files |= {f"{mount}/{token['path']}" for mount in mounts for token in tokens}
        for variable, value in environment.items():
            if keys(tree).secret(variable):
                yield Finding(
                    folder, f"{label(one)}: {variable} is a secret in the environment", "name its file, by …_FILE"
                )
            # The migration shares the servers' ConfigMap, and asks no embedding service.
            shared = one["kind"] == "Job" and variable.endswith("__FEDERATED_TOKEN_FILE")
            if variable.endswith("_FILE") and value not in files and not shared:
                yield Finding(
                    folder, f"{label(one)}: {variable} is {value}, which no volume has", "mount it, or name another"
                )
