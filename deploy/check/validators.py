"""The real tools: each is run as people run it, and says what is wrong with a file for itself.

Those of requirements.txt come with this program; kubectl, nginx and promtool must be on the machine. Some say nothing
of what they do not know and end well: those are caught here.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate

from compose import FILES, run_compose
from findings import CannotCheck, Finding, Skipped, check
from kubernetes import FOLDER, RENDERINGS, label, of_kind, render, renderings
from tools import last_lines, run, tool
from tree import Tree

#: Kinds of operators' own, of which Kubernetes has no schema.
OPERATORS = {
    "BackendTrafficPolicy",
    "ClientTrafficPolicy",
    "ExternalSecret",
    "Gateway",
    "HTTPRoute",
    "PrometheusRule",
    "SecretStore",
    "ServiceMonitor",
}
RELEASES = ("1.37", "1.36", "1.35")
BICEP = "deploy/azure"


@check("image hadolint")
def hadolint(tree: Tree) -> Iterator[Finding]:
    """Stages that are not there, `latest`, two commands. The lab's image was not built before it was deployed."""
    ran = run(tree, tool("hadolint"), "--format", "json", "Dockerfile")
    for one in json.loads(ran.stdout or "[]"):
        yield Finding(f"Dockerfile:{one['line']}", f"{one['code']} {one['message']}", "see hadolint's page of the rule")
    if ran.returncode and not ran.stdout.strip("[]\n"):
        yield Finding("Dockerfile", last_lines(ran), "make it readable")


def trivy(tree: Tree, kind: str, files: dict[str, str], severity: str, *options: str) -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory(prefix="retail-mcp-trivy-") as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        # Its rules are in it: it is told to ask nobody for newer ones.
        quiet = ["--quiet", "--skip-check-update", "--skip-version-check", "--disable-telemetry", "--format", "json"]
        what = ["--misconfig-scanners", kind, "--severity", severity, *options, folder]
        ran = run(tree, tool("trivy"), "config", *quiet, *what)
    if ran.returncode:
        raise CannotCheck(f"trivy: {last_lines(ran)}")
    for result in json.loads(ran.stdout).get("Results", []):
        for one in result.get("Misconfigurations", []):
            yield result["Target"], f"{one['ID']} ({one['Severity']}) {one['Message']}", one["Resolution"]


@check("image trivy")
def image_policy(tree: Tree) -> Iterator[Finding]:
    """The program of the lab's workshop ran as root."""
    for _, what, fix in trivy(tree, "dockerfile", {"Dockerfile": tree.read("Dockerfile")}, "MEDIUM,HIGH,CRITICAL"):
        yield Finding("Dockerfile", what, fix)


@check("compose config")
def compose_config(tree: Tree) -> Iterator[Finding]:
    """Compose itself reads both files, production with production.env: networks, numbers, values that must be set."""
    for file in FILES:
        code, _, said = run_compose(tree, file)
        if code or "level=warning" in said:
            yield Finding(file, said.strip().splitlines()[-1], "what `docker compose config` wants")


@check("compose schema")
def compose_schema(tree: Tree) -> Iterator[Finding]:
    """Keys that the Compose specification does not have; the lab's files were for another version of it."""
    schema = ["--builtin-schema", "vendor.compose-spec"]
    yield from _schema(tree, schema, [*FILES, "deploy/compose/services.yaml"])


def _schema(tree: Tree, options: list[str], files: list[str]) -> Iterator[Finding]:
    ran = run(tree, tool("check-jsonschema"), *options, "--output-format", "json", *files)
    try:
        said = json.loads(ran.stdout)
    except json.JSONDecodeError:
        raise CannotCheck(f"check-jsonschema: {last_lines(ran)}") from None
    for one in said.get("errors", []):
        where = one.get("best_deep_match") or one
        yield Finding(one["filename"], f"{where['path']}: {where['message']}", "what the schema has")
    for one in said.get("parse_errors", []):
        yield Finding(one["filename"], one["message"], "make it readable")


@check("kubernetes kustomize")
def kustomize(tree: Tree) -> Iterator[Finding]:
    """All renderings can be made: a patch without its target is an error."""
    for folder in RENDERINGS.values():
        try:
            render(tree, folder)
        except CannotCheck as problem:
            yield Finding(f"{FOLDER}/{folder}", str(problem), "what kustomize says")


@check("kubernetes schemas")
def schemas(tree: Tree) -> Iterator[Finding]:
    """Schemas of three releases. The lab had a kind that Kubernetes does not have, and fields where none are.

    For a kind without a schema kubernetes-validate only warns: that is a failure here, but for the operators' kinds.
    """
    for _, folder, objects in renderings(tree):
        for release in RELEASES:
            for one in objects:
                try:
                    kubernetes_validate.validate(one, release, strict=True)
                except kubernetes_validate.ValidationError as problem:
                    where = ".".join(map(str, problem.path))
                    yield Finding(folder, f"{label(one)} ({release}): {where}: {problem.message}", "what the API has")
                except kubernetes_validate.SchemaNotFoundError as problem:
                    if one["kind"] not in OPERATORS:
                        yield Finding(folder, problem.message, "a kind and a version that Kubernetes has")


@check("kubernetes policy")
def policy(tree: Tree) -> Iterator[Finding]:
    """The restricted Pod Security Standard, which the namespace demands, and trivy's rules of all severities.

    The lab meant that, too, and wrote it into a kind that does not exist.
    """
    for rendering, folder, objects in renderings(tree):
        for one in of_kind(objects, "Namespace"):
            if one["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
                yield Finding(folder, f"{label(one)} does not demand the restricted standard", "its label `enforce`")
        severity, file = "LOW,MEDIUM,HIGH,CRITICAL", f"{rendering}.yaml"
        ignore = ["--ignorefile", f"{FOLDER}/.trivyignore"]
        for _, what, fix in trivy(tree, "kubernetes", {file: render(tree, RENDERINGS[rendering])}, severity, *ignore):
            yield Finding(folder, what, fix)


@check("pipelines actionlint")
def actionlint(tree: Tree) -> Iterator[Finding]:
    """Outputs, `needs` and runners that are not there; shellcheck of each script."""
    ran = run(tree, tool("actionlint"), "-no-color", "-oneline", *tree.paths(".github/workflows/*.yml"))
    for line in (ran.stdout + ran.stderr).splitlines():
        file, _, what = line.partition(": ")
        yield Finding(file, what or "actionlint cannot read it", "see actionlint's page of checks")


@check("pipelines zizmor")
def zizmor(tree: Tree) -> Iterator[Finding]:
    """Actions by tags, scripts that take in strangers' text, tokens that stay behind. The lab had all three."""
    ran = run(tree, tool("zizmor"), "--offline", "--quiet", "--no-progress", "--format", "plain", ".github/workflows")
    found = re.findall(r"^\w+\[([\w-]+)\]: (.*)\n\s*--> (.*)$", ran.stdout, re.M)
    for rule, what, place in found:
        yield Finding(place, f"{rule}: {what}", "see zizmor's page of audits")
    if ran.returncode and not found:
        yield Finding(".github/workflows", last_lines(ran), "make them readable")


@check("pipelines schema")
def pipeline_schema(tree: Tree) -> Iterator[Finding]:
    """Keys, tasks and inputs that GitHub and Azure DevOps do not have; the lab's had several."""
    workflows = tree.paths(".github/workflows/*.yml")
    yield from _schema(tree, ["--builtin-schema", "vendor.github-workflows"], workflows)
    # Its patterns are none of Unicode.
    azure = "--regex-variant nonunicode --builtin-schema vendor.azure-pipelines --data-transform azure-pipelines"
    yield from _schema(tree, azure.split(), ["azure-pipelines.yml"])


@check("scripts shellcheck")
def shellcheck(tree: Tree) -> Iterator[Finding]:
    """Words without quotes, variables that nobody sets."""
    scripts = [*tree.paths("deploy/**/*.sh"), ".ci/run"]
    # Each follows what it sources, from where it is.
    ran = run(tree, tool("shellcheck"), "--external-sources", "--source-path=SCRIPTDIR", "--format=json1", *scripts)
    for one in json.loads(ran.stdout)["comments"]:
        yield Finding(
            f"{one['file']}:{one['line']}", f"SC{one['code']} {one['message']}", "see shellcheck's page of it"
        )


@check("scripts tests")
def scripts_tests(tree: Tree) -> Iterator[Finding]:
    """Their own tests: the sequences of commands, on success and on each failure. See deploy/scripts/tests."""
    ran = run(tree, sys.executable, "deploy/scripts/tests/run.py")
    for failed in re.findall(r"^FAIL (.*)$", ran.stdout, re.M):
        yield Finding("deploy/scripts/tests", f"{failed} fails", f"deploy/scripts/tests/run.py --only {failed}")
    if ran.returncode and "FAIL " not in ran.stdout:
        yield Finding("deploy/scripts/tests", last_lines(ran), "deploy/scripts/tests/run.py")


@check("text yamllint")
def yamllint(tree: Tree) -> Iterator[Finding]:
    """A key that is there twice: kustomize and Azure DevOps keep the last, and say nothing."""
    files = tree.paths("deploy/**/*.yaml", "deploy/**/*.yml", ".github/**/*.yml", "*.yaml", "*.yml")
    ran = run(
        tree, tool("yamllint"), "-f", "parsable", "-d", "{extends: relaxed, rules: {line-length: disable}}", *files
    )
    for line in ran.stdout.splitlines():
        file, what = line.split(": ", 1)
        yield Finding(file, what, "what yamllint says")


@check("azure bicep")
def bicep(tree: Tree) -> Iterator[Finding]:
    """Syntax, names, and types of all resources, by Microsoft's own type files: deploy/azure/check/bicep_check.py.

    The lab's templates named parameters, modules and a storage type that were not there.
    """
    there = os.environ.get("RETAIL_BICEP_TYPES")
    types = Path(there) if there else tree.home.parent / "shared/deploy/bicep-types"
    if there and not types.is_dir():
        raise CannotCheck(f"{there}, which RETAIL_BICEP_TYPES names, is no folder")
    if not types.is_dir():
        raise Skipped(
            "RETAIL_BICEP_TYPES names no folder of type files of github.com/Azure/bicep-types-az", needed=False
        )
    folder = tree.root / BICEP
    files = [str(Path(path).relative_to(BICEP)) for path in tree.paths(f"{BICEP}/*.bicep", f"{BICEP}/*.bicepparam")]
    command = ["check/bicep_check.py", "--types", str(types.resolve()), "--types", "check/types-extra"]
    ran = run(tree, sys.executable, *command, *files, "app.parameters.json", folder=folder)
    if ran.returncode > 1:
        raise CannotCheck(f"bicep_check.py: {last_lines(ran)}")
    if ran.returncode:
        for line in ran.stderr.splitlines():
            place, _, what = line.partition(": ")
            yield Finding(f"{BICEP}/{place}", what, "what the types have")
