"""Rules for .github/workflows and azure-pipelines.yml that no linter knows.

In the lab the tag of the image did not get from one job to the next, production waited for a staging that never ran on
the same event, blue and green were two apps, and nobody approved and nothing rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from findings import Finding, check
from tree import Tree

DEPLOY, RELEASE, AZURE = ".github/workflows/deploy.yml", ".github/workflows/release.yml", "azure-pipelines.yml"
ENVIRONMENTS = ("staging", "production")
#: The jobs of GitHub's that a person lets in, and the environments by which.
GATES = ((DEPLOY, "production", "production"), (RELEASE, "publish", "release"))
Job = dict[str, Any]


def names(value: Any) -> list[str]:
    """`needs` and `dependsOn`: nothing, one name, or several."""
    return [value] if isinstance(value, str) else list(value or [])


def workflows(tree: Tree) -> dict[str, Any]:
    return {path: tree.yaml(path) for path in tree.paths(".github/workflows/*.yml")}


def jobs(tree: Tree) -> Iterator[tuple[str, str, Job, dict[str, Job]]]:
    """Each job of GitHub's that has steps, with those beside it."""
    for path, workflow in workflows(tree).items():
        for name, job in workflow["jobs"].items():
            if "uses" not in job:
                yield path, name, job, workflow["jobs"]


def stages(tree: Tree) -> Iterator[tuple[str, dict[str, Any], list[str], dict[str, Job]]]:
    """Each stage of Azure DevOps: its name, itself, what it waits for, its jobs."""
    before: list[str] = []
    for stage in tree.yaml(AZURE)["stages"]:
        # Without dependsOn it waits for the one above.
        waits = names(stage["dependsOn"]) if "dependsOn" in stage else before
        before = [stage["stage"]]
        yield stage["stage"], stage, waits, {job.get("job") or job["deployment"]: job for job in stage["jobs"]}


def deployments(tree: Tree) -> Iterator[tuple[str, dict[str, Any], Job, list[dict[str, Any]]]]:
    """Each deployment of Azure DevOps: the stage's name, the stage, the job, its steps."""
    for name, stage, _, beside in stages(tree):
        for job in beside.values():
            if "deployment" in job:
                yield name, stage, job, job["strategy"]["runOnce"]["deploy"]["steps"]


def runs(job: Job) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


@check("pipelines permissions")
def permissions(tree: Tree) -> Iterator[Finding]:
    """Each job says its rights; what says none has none. The lab's had the repository's default."""
    for path, workflow in workflows(tree).items():
        if workflow.get("permissions") != {}:
            yield Finding(path, "the workflow has rights for all of its jobs", "permissions: {}")
        for name, job in workflow["jobs"].items():
            if "permissions" not in job:
                yield Finding(path, f"{name} does not say its rights", "permissions")


@check("pipelines no-stored-secret")
def no_stored_secret(tree: Tree) -> Iterator[Finding]:
    """Azure is signed in to by OIDC. The lab had a credential that lives for years."""
    for path in workflows(tree):
        if found := re.search(r"\bsecrets\.|AZURE_CREDENTIALS|\bcreds:|client-secret|password:", tree.read(path)):
            yield Finding(path, f"has `{found[0]}`, a stored secret", "azure/login with client-id, by OIDC")


@check("pipelines outputs")
def outputs(tree: Tree) -> Iterator[Finding]:
    """What a job reads of another is written there. The lab's tag was in GITHUB_ENV, which ends with the job."""
    for path, name, job, beside in jobs(tree):
        text = yaml.safe_dump(job)
        if re.search(r">>\s*\"?\$\{?GITHUB_ENV", runs(job)):
            yield Finding(path, f"{name} writes to GITHUB_ENV, which ends with the job", "$GITHUB_OUTPUT, and outputs")
        for other, output in re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", text):
            if other not in names(job.get("needs")) or output not in beside[other].get("outputs", {}):
                yield Finding(
                    path, f"{name} reads {output} of {other}, which it does not get", "needs, and outputs there"
                )
        steps = {step["id"]: step for step in job["steps"] if "id" in step}
        for step, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", text):
            script = steps.get(step, {}).get("run", "")
            written = "GITHUB_OUTPUT" in script and re.search(rf"\b{output}=", script)
            if step not in steps or ("run" in steps[step] and not written):
                yield Finding(path, f"{name}: step {step} writes no {output}", "echo it to $GITHUB_OUTPUT")
    all_jobs = {stage: beside for stage, _, _, beside in stages(tree)}
    for stage, whole, waits, beside in stages(tree):
        text = yaml.safe_dump([list(beside.values()), whole.get("variables")])
        for other, job, step, output in set(
            re.findall(r"stageDependencies\.(\w+)\.(\w+)\.outputs\['(\w+)\.(\w+)'\]", text)
        ):
            steps = all_jobs.get(other, {}).get(job, {}).get("steps", [])
            written = [one for one in steps if one.get("name") == step]
            if other not in waits or f"setvariable variable={output};isOutput=true" not in yaml.safe_dump(written):
                yield Finding(
                    AZURE, f"{stage} reads {output} of {other}.{job}.{step}, which it does not get", "dependsOn"
                )


@check("pipelines no-latest")
def no_latest(tree: Tree) -> Iterator[Finding]:
    """Images by digest, and none called latest: the lab pushed both, and deployed the wrong one."""
    for path in [*workflows(tree), AZURE]:
        if re.search(r":latest\b", tree.read(path)):
            yield Finding(path, "names `latest`", "a tag of the commit, or a digest")
        for image in re.findall(r"^\s*image: (\S+)$", tree.read(path), re.M):
            if not image.startswith("$") and not re.search(r"@sha256:[0-9a-f]{64}$", image):
                yield Finding(path, f"{image} may be another tomorrow", "a digest")


@check("pipelines timeout")
def timeout(tree: Tree) -> Iterator[Finding]:
    """A job that hangs ends."""
    for path, name, job, _ in jobs(tree):
        if "timeout-minutes" not in job:
            yield Finding(path, f"{name} has no time limit", "timeout-minutes")
    for stage, _, _, beside in stages(tree):
        for name, job in beside.items():
            if "timeoutInMinutes" not in job:
                yield Finding(AZURE, f"{stage}.{name} has no time limit", "timeoutInMinutes")


@check("pipelines concurrency")
def concurrency(tree: Tree) -> Iterator[Finding]:
    """One deployment of an environment at a time, and none is cut short by the next. The lab's ran into each other."""
    for path, name, job, _ in jobs(tree):
        said = job.get("concurrency")
        alone = isinstance(said, dict) and said.get("cancel-in-progress") is False
        if job.get("environment") in ENVIRONMENTS and not alone:
            yield Finding(path, f"{name} may run twice, or be cut short", "concurrency, cancel-in-progress: false")
    for path, workflow in workflows(tree).items():
        if "concurrency" not in workflow and not any("concurrency" in job for job in workflow["jobs"].values()):
            yield Finding(path, "may run twice at once", "concurrency")
    for name, stage, _, _ in deployments(tree):
        if stage.get("lockBehavior") != "sequential":
            yield Finding(AZURE, f"{name} may run twice at once", "lockBehavior: sequential")


def _of_both(tree: Tree, github: Callable[[str, Job], Iterator[str]], fix: str) -> Iterator[Finding]:
    beside = tree.yaml(DEPLOY)["jobs"]
    for name in ENVIRONMENTS:
        for what in github(name, beside[name]):
            yield Finding(DEPLOY, f"{name} {what}", fix)


@check("pipelines production-after-staging")
def production_after_staging(tree: Tree) -> Iterator[Finding]:
    """Production waits for staging, and nothing else decides. The lab's could never run: staging was always skipped."""
    beside = tree.yaml(DEPLOY)["jobs"]
    if "staging" not in names(beside["production"].get("needs")):
        yield Finding(DEPLOY, "production does not wait for staging", "needs: [build, staging]")
    yield from _of_both(tree, lambda _, job: iter(["has a condition"] if "if" in job else []), "leave `if` out")
    for stage, whole, waits, _ in stages(tree):
        if stage == "Production" and ("Staging" not in waits or "condition" in whole):
            yield Finding(
                AZURE, "Production does not wait for Staging, or has a condition", "dependsOn: [Build, Staging]"
            )


@check("pipelines same-digest")
def same_digest(tree: Tree) -> Iterator[Finding]:
    """Production gets the bytes that staging has run. The lab deployed a tag, and it was empty."""

    def github(name: str, job: Job) -> Iterator[str]:
        if job.get("env", {}).get("IMAGE") != "${{ needs.build.outputs.image }}":
            yield "does not take the image that was built"
        if runs(job).count(f'deploy.sh {name} --image "$IMAGE"') != 1 or "build-image.sh" in runs(job):
            yield "does not deploy that image alone"

    yield from _of_both(tree, github, "IMAGE: ${{ needs.build.outputs.image }}, and deploy.sh with it")
    for stage, _, job, steps in deployments(tree):
        arguments = [step.get("inputs", {}).get("arguments", "") for step in steps]
        taken = job.get("variables", {}).get("image") == "$[ stageDependencies.Build.Image.outputs['build.image'] ]"
        if not taken or not any(one.startswith(f"{job['environment']} --image $(image) ") for one in arguments):
            yield Finding(
                AZURE, f"{stage} does not deploy the image that was built", "image: $[ stageDependencies.Build… ]"
            )


@check("pipelines rollback")
def rollback(tree: Tree) -> Iterator[Finding]:
    """A deployment that is cancelled gives the traffic back; deploy.sh does so where it fails. The lab had nothing."""

    def github(name: str, job: Job) -> Iterator[str]:
        command = f'rollback.sh {name} --from "retail-mcp-{name}--$SUFFIX"'
        if not any(step.get("if") == "cancelled()" and command in step.get("run", "") for step in job["steps"]):
            yield "leaves the traffic as it is when it is cancelled"

    yield from _of_both(tree, github, "a step `if: cancelled()` with rollback.sh")
    for stage, _, job, steps in deployments(tree):
        wanted = f"{job['environment']} --from retail-mcp-{job['environment']}--$(suffix)"
        if not any(
            step.get("condition") == "canceled()"
            and step["inputs"]["scriptPath"].endswith("rollback.sh")
            and step["inputs"]["arguments"] == wanted
            for step in steps
        ):
            yield Finding(
                AZURE, f"{stage} leaves the traffic as it is when it is cancelled", "a step canceled(), rollback.sh"
            )


@check("pipelines provenance")
def provenance(tree: Tree) -> Iterator[Finding]:
    """Each deployment verifies who built its image, before it deploys."""

    def github(_: str, job: Job) -> Iterator[str]:
        text = runs(job)
        if "verify-image.sh" not in text or text.index("verify-image.sh") > text.index("deploy.sh"):
            yield "does not verify the image"

    yield from _of_both(tree, github, "verify-image.sh before deploy.sh")


@check("pipelines approval")
def approval(tree: Tree) -> Iterator[Finding]:
    """Somebody approves production and a release, and who does not answer has not. In the lab nobody was asked.

    GitHub makes an environment that is not there, open to everybody: the job looks before it does anything.
    """
    for path, name, environment in GATES:
        job = tree.yaml(path)["jobs"][name]
        if job.get("environment") != environment:
            yield Finding(path, f"{name} is not in its environment, which has reviewers", f"environment: {environment}")
        steps = [step for step in job["steps"] if not step.get("uses", "").startswith("actions/checkout@")]
        if steps[0].get("run") != f"deploy/scripts/require-approval.sh {environment}" or "if" in steps[0]:
            yield Finding(path, f"{name} does not look whether somebody approved", "require-approval.sh, first")
        if job.get("permissions", {}).get("actions") != "read":
            yield Finding(path, f"{name} may not see its environment", "actions: read")
    for stage, _, _, beside in stages(tree):
        if stage != "Production":
            continue
        job = beside.get("Approval", {})
        task = (job.get("steps") or [{}])[0]
        inputs = task.get("inputs", {})
        looked = yaml.safe_dump([beside.get(name, {}).get("steps") for name in names(job.get("dependsOn"))])
        if inputs.get("approvers") != "$(APPROVERS)" or "APPROVERS: $(APPROVERS)" not in looked or "exit 1" not in looked:
            yield Finding(AZURE, "Approval takes everybody where nobody is named", "dependsOn: Approvers, which looks")
        by_others = inputs.get("allowApproversToApproveTheirOwnRuns") is False and inputs.get("onTimeout") == "reject"
        if job.get("pool") != "server" or task.get("task") != "ManualValidation@1" or not by_others:
            yield Finding(AZURE, "Approval does not ask somebody else, or takes silence for yes", "ManualValidation@1")
        for name, other in beside.items():
            if "deployment" in other and "Approval" not in names(other.get("dependsOn")):
                yield Finding(AZURE, f"Production.{name} does not wait for Approval", "dependsOn: Approval")


@check("pipelines depends-on")
def depends_on(tree: Tree) -> Iterator[Finding]:
    """Stages and jobs that are waited for are there: the schema does not look."""
    there = [stage for stage, _, _, _ in stages(tree)]
    for stage, _, waits, beside in stages(tree):
        for other in waits:
            if other not in there:
                yield Finding(AZURE, f"{stage} waits for {other}, which is not there", f"one of {there}")
        for name, job in beside.items():
            for other in names(job.get("dependsOn")):
                if other not in beside:
                    yield Finding(
                        AZURE, f"{stage}.{name} waits for {other}, which is not there", f"one of {list(beside)}"
                    )


@check("pipelines checkout")
def checkout(tree: Tree) -> Iterator[Finding]:
    """A deployment of Azure DevOps does not check out by itself: the lab's had no template to deploy."""
    for stage, _, _, steps in deployments(tree):
        if not steps or steps[0].get("checkout") != "self":
            yield Finding(AZURE, f"{stage} has no repository", "checkout: self, first")


@check("pipelines bicep")
def bicep(tree: Tree) -> Iterator[Finding]:
    """Both services build the templates with Microsoft's compiler: our own reader knows less. Nobody built the lab's."""
    command = "deploy/scripts/build-bicep.sh"
    github = [name for _, name, job, _ in jobs(tree) if command in runs(job) and "if" not in job]
    if not github:
        yield Finding(".github/workflows/ci.yml", "nothing builds the templates", f"a job with {command}")
    checks = [job for stage, _, _, beside in stages(tree) if stage == "Checks" for job in beside.values()]
    if not any(command in step.get("bash", "") for job in checks for step in job["steps"]):
        yield Finding(AZURE, "Checks does not build the templates", f"a job with {command}")
    if not re.search(r"^version=v\d+\.\d+\.\d+$", tree.read(command), re.M):
        yield Finding(command, "takes whatever compiler is newest", "version=vX.Y.Z")
