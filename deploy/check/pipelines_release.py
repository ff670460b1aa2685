"""Rules for what a build brings along, and for what the world sees of a release."""

from __future__ import annotations

import re
from collections.abc import Iterator

from findings import Finding, check
from pipelines import AZURE, RELEASE, jobs, names, runs, stages
from tree import Tree


def scripts(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """The commands of each job of both services: file, name, text."""
    for path, name, job, _ in jobs(tree):
        yield path, name, runs(job)
    for stage, _, _, beside in stages(tree):
        for name, job in beside.items():
            yield AZURE, f"{stage}.{name}", "\n".join(str(step.get("bash", "")) for step in job.get("steps", []))


@check("pipelines build-only")
def build_only(tree: Tree) -> Iterator[Finding]:
    """What builds and tests nothing brings no Redis and no pooler: on a Mac there are none, and no release was made."""
    for path, name, text in scripts(tree):
        tests = re.search(r"cargo (test|nextest|llvm-cov|xtask ci)\b", text) is not None
        for all_of_it in re.findall(r"cargo xtask setup\b(?! --build)", text):
            if not tests:
                yield Finding(path, f"{name} tests nothing and wants `{all_of_it}`", "cargo xtask setup --build")
        if tests and "cargo xtask setup --build" in text:
            yield Finding(path, f"{name} tests without what the tests need", "cargo xtask setup")


@check("pipelines scanned-first")
def scanned_first(tree: Tree) -> Iterator[Finding]:
    """The world gets a tag: what has one was looked at before, on each processor. It once was public first."""
    beside = {name: job for path, name, job, _ in jobs(tree) if path == RELEASE}
    builds = {name for name, job in beside.items() if "build-image.sh" in runs(job)}
    for name in builds:
        looks = [step for step in beside[name]["steps"] if "scan-image.sh" in step.get("run", "")]
        if "--digest-only" not in runs(beside[name]):
            yield Finding(RELEASE, f"{name} pushes a tag before anybody looks", "build-image.sh --digest-only")
        if not looks or {"if", "continue-on-error"} & looks[0].keys() or "--platform" not in looks[0]["run"]:
            yield Finding(RELEASE, f"{name} does not look at what it built", "scan-image.sh --image --platform")
    for name, job in beside.items():
        if "join-images.sh" in runs(job) and not builds <= set(names(job.get("needs"))):
            yield Finding(RELEASE, f"{name} makes a tag of what nobody looked at", f"needs: {sorted(builds)}")


@check("pipelines prerelease")
def prerelease(tree: Tree) -> Iterator[Finding]:
    """v1.2.3-rc1 is for those who ask for it: not GitHub's latest, and not what clients take from the registry."""
    said = "needs.version.outputs.prerelease"
    for path, name, job, _ in jobs(tree):
        creates = [step for step in job["steps"] if "gh release create" in step.get("run", "")]
        if any(
            "--prerelease" not in step["run"] or said not in str(step.get("env", {}).get("PRERELEASE"))
            for step in creates
        ):
            yield Finding(path, f"{name} makes each release the latest", "gh release create --prerelease")
        if "publish-server.sh" in runs(job) and job.get("if") != f"{said} == 'false'":
            yield Finding(path, f"{name} gives clients a pre-release", f"if: {said} == 'false'")
