"""Runs deploy.yml, release.yml and azure-pipelines.yml as their services would: jobs in order, environments behind approval,
outputs and artifacts from job to job, commands in bash. Knows what these files use and stops at anything else."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from bench import ROOT, SECONDS

if TYPE_CHECKING:
    from bench import Bench


def load(path: str) -> dict:
    try:
        import yaml
    except ImportError:
        raise AssertionError("this test needs PyYAML (it comes with yamllint)") from None
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


class Runner:
    """What both services do alike."""

    def __init__(self, bench: Bench, *, approve: bool, ends: dict[str, str] | None = None) -> None:
        self.bench = bench
        self.approve = approve
        self.log: list[str] = []
        self.results: dict[str, str] = {}
        # Steps of these jobs are cut short: {"staging": "cancelled"}.
        self.ends = ends or {}
        # What a job writes beside the sources is not for this repository.
        self.checkout = bench.folder / "checkout"
        self.checkout.mkdir(exist_ok=True)
        for entry in ROOT.iterdir():
            link = self.checkout / entry.name
            if not link.exists():
                link.symlink_to(entry)

    def bash(self, script: str, environment: dict[str, str], folder: str = ".") -> tuple[bool, str]:
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.checkout / folder,
            env=self.bench.environment(**environment),
            input="",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            start_new_session=True,
        )
        self.bench.output += ran.stdout + ran.stderr
        return ran.returncode == 0, ran.stdout

    def run(self) -> None:
        self.bench.start_recording()
        self.bench.output = ""
        self.run_all()
        self.bench.finish_recording()


class GitHub(Runner):
    FILE = ".github/workflows/deploy.yml"
    # Environments with reviewers.
    APPROVED = ("production", "release")
    VARIABLES = {
        "AZURE_TENANT_ID": "tenant",
        "AZURE_SUBSCRIPTION_ID": "subscription",
        "AZURE_BUILD_CLIENT_ID": "builder",
        "BUILD_REGISTRY": "retailmcpstaging1.azurecr.io",
        "AZURE_CLIENT_ID": "deployer",
        "SMOKE_SCOPE": "api://smoke/.default",
        "ENTRA_CLIENT_ID": "entra",
        "OPERATOR_ADDRESSES": "198.51.100.7",
        "ALERT_EMAIL": "operators@example.com",
    }
    EVENT = {
        "event_name": "push",
        "ref": "refs/heads/main",
        "sha": "5" * 40,
        "run_number": "42",
        "run_attempt": "1",
        "run_id": "7",
        "repository": "zava/retail-mcp",
        "repository_owner": "zava",
        "server_url": "https://github.com",
        "token": "token-of-the-job",
    }

    def run_all(self) -> None:
        self.jobs = load(self.FILE)["jobs"]
        self.outputs: dict[str, dict] = {}
        waiting = dict(self.jobs)
        while waiting:
            name = next(job for job, body in waiting.items() if not set(needed(body)) & set(waiting))
            body = waiting.pop(name)
            if any(self.results[need] != "success" for need in needed(body)):
                self.results[name] = "skipped"
            elif "if" in body and not self.holds(body):
                self.results[name] = "skipped"
            elif body.get("environment") in self.APPROVED and not self.approve:
                self.results[name] = "refused"
            else:
                results = set()
                for matrix in body.get("strategy", {}).get("matrix", {}).get("include", [{}]):
                    self.log.append(" ".join(["job", name, *list(matrix.values())[-1:]]))
                    results.add(self.job(name, body, matrix))
                self.results[name] = "success" if results == {"success"} else "failure"

    def holds(self, body: dict) -> bool:
        """Whether a job's condition does, of the only form there is: an output is some text."""
        left, right = re.fullmatch(r"(needs\.[\w.-]+) == '(\w+)'", body["if"]).groups()
        context = {"needs": {need: {"outputs": self.outputs.get(need, {})} for need in needed(body)}}
        return self.value(f"${{{{ {left} }}}}", context) == right

    def value(self, text: str, context: dict) -> str:
        """Text with ${{ }} filled in. A name that nobody set is empty, as on GitHub."""

        def found(match: re.Match) -> str:
            for choice in match[1].split("||"):
                choice = choice.strip()
                if choice.startswith("'"):
                    return choice.strip("'")
                at: object = context
                for part in choice.split("."):
                    at = at.get(part, "") if isinstance(at, dict) else ""
                if at:
                    return str(at)
            return ""

        return re.sub(r"\$\{\{\s*(.+?)\s*\}\}", found, str(text))

    def action(self, action: str, given: dict[str, str]) -> dict[str, str]:
        """What an action does here, which is little, and its outputs."""
        return {}

    def job(self, name: str, body: dict, matrix: dict) -> str:
        if "uses" in body:
            self.log.append(f"  call {body['uses']}")
            assert (ROOT / body["uses"].removeprefix("$/")).is_file()
            return "success"
        context = {
            "vars": self.VARIABLES,
            "github": self.EVENT,
            "steps": {},
            "matrix": matrix,
            "needs": {need: {"outputs": self.outputs.get(need, {})} for need in needed(body)},
        }
        shared = {key: self.value(text, context) for key, text in body.get("env", {}).items()}
        well = True
        cancelled = self.ends.get(name) == "cancelled"
        for step in body["steps"]:
            condition = step.get("if", "success()")
            if (condition == "success()" and not well) or (condition == "cancelled()" and not (cancelled and not well)):
                continue
            assert condition in ("success()", "cancelled()") or condition.startswith("always() && hashFiles("), (
                condition
            )
            if "uses" in step:
                given = {key: self.value(text, context) for key, text in step.get("with", {}).items()}
                empty = [key for key, text in given.items() if text == ""]
                assert not empty, f"{name}: {step['uses']} gets an empty {empty}"
                self.log.append(f"  {step['uses'].split('@')[0]}")
                outputs = self.action(step["uses"].split("@")[0], given)
                if "id" in step:
                    context["steps"][step["id"]] = {"outputs": outputs}
                continue
            ok, outputs = self.step(step, shared, context)
            well = well and ok
            if "id" in step:
                context["steps"][step["id"]] = {"outputs": outputs}
        self.outputs[name] = {key: self.value(text, context) for key, text in body.get("outputs", {}).items()}
        return "success" if well else "failure"

    def step(self, step: dict, shared: dict, context: dict) -> tuple[bool, dict]:
        file = self.bench.folder / "github-output"
        file.write_text("", encoding="utf-8")
        own = {key: self.value(text, context) for key, text in step.get("env", {}).items()}
        defaults = {
            "GITHUB_OUTPUT": str(file),
            "GITHUB_REPOSITORY": self.EVENT["repository"],
            "GITHUB_REPOSITORY_OWNER": self.EVENT["repository_owner"],
            "GITHUB_REF_NAME": self.EVENT["ref"].split("/")[-1],
            "GITHUB_ACTOR": "ada",
            "GITHUB_SHA": self.EVENT["sha"],
        }
        folder = step.get("working-directory", ".")
        ok, _ = self.bash(self.value(step["run"], context), {**defaults, **shared, **own}, folder)
        lines = file.read_text(encoding="utf-8").splitlines()
        return ok, dict(line.split("=", 1) for line in lines)


def needed(body: dict) -> list[str]:
    """`needs` of GitHub and `dependsOn` of Azure DevOps: one name or several."""
    names = body.get("needs", body.get("dependsOn", []))
    return [names] if isinstance(names, str) else names


class AzureDevOps(Runner):
    GROUPS = {
        "retail-mcp-build": {"BUILD_REGISTRY": "retailmcpstaging1.azurecr.io"},
        **{
            f"retail-mcp-{environment}": {
                "SMOKE_SCOPE": "api://smoke/.default",
                "ENTRA_CLIENT_ID": "entra",
                "OPERATOR_ADDRESSES": "198.51.100.7",
                "ALERT_EMAIL": "operators@example.com",
                "APPROVERS": "ada@example.com",
            }
            for environment in ["staging", "production"]
        },
    }
    PREDEFINED = {
        "Build.BuildId": "42",
        "System.StageAttempt": "1",
        "Build.Repository.Uri": "https://example.com/retail-mcp",
    }

    def run_all(self) -> None:
        self.outputs: dict[str, str] = {}
        before = None
        for stage in load("azure-pipelines.yml")["stages"]:
            name = stage["stage"]
            needs = needed(stage) if "dependsOn" in stage else [before] if before else []
            before = name
            if any(self.results[need] != "success" for need in needs):
                self.results[name] = "skipped"
                continue
            self.log.append(f"stage {name}")
            self.results[name] = self.stage(stage) if name != "Checks" else "success"

    def stage(self, stage: dict) -> str:
        shared = self.variables(stage.get("variables", []), stage)
        done: dict[str, str] = {}
        for job in stage["jobs"]:
            name = job.get("job") or job["deployment"]
            if any(done[need] != "success" for need in needed(job)):
                done[name] = "skipped"
                continue
            variables = {**shared, **self.variables(job.get("variables", []), stage)}
            self.log.append(f"  job {name}")
            done[name] = self.job(stage["stage"], name, job, variables)
        return "success" if set(done.values()) == {"success"} else "failure"

    def variables(self, listed: list | dict, stage: dict) -> dict[str, str]:
        found: dict[str, str] = {}
        entries = [{"name": key, "value": text} for key, text in listed.items()] if isinstance(listed, dict) else listed
        for entry in entries:
            if "group" in entry:
                found.update(self.GROUPS[entry["group"]])
            elif reference := re.fullmatch(r"\$\[ stageDependencies\.(.+) \]", entry["value"]):
                assert reference[1].split(".")[0] in needed(stage), (
                    f"{stage['stage']} does not depend on {reference[1]}"
                )
                found[entry["name"]] = self.outputs.get(reference[1], "")
            else:
                found[entry["name"]] = self.macros(entry["value"], {})
        return found

    def macros(self, text: str, variables: dict[str, str]) -> str:
        """Text with $(name) filled in; what nobody set stays, as on Azure DevOps."""
        known = {**self.PREDEFINED, **variables}
        return re.sub(r"\$\(([A-Za-z][\w.]*)\)", lambda match: known.get(match[1], match[0]), str(text))

    def job(self, stage: str, name: str, job: dict, variables: dict[str, str]) -> str:
        steps = job["steps"] if "steps" in job else job["strategy"]["runOnce"]["deploy"]["steps"]
        here = "steps" in job  # a deployment job checks nothing out by itself
        well = True
        for step in steps:
            condition = step.get("condition", "succeeded()")
            if (condition == "succeeded()" and not well) or (
                condition == "canceled()" and not (self.ends.get(stage) and not well)
            ):
                continue
            if "checkout" in step:
                here = step["checkout"] == "self"
            elif "bash" in step:
                own = {key: self.macros(text, variables) for key, text in step.get("env", {}).items()}
                well = self.bash(self.macros(step["bash"], variables), own)[0] and well
            elif "publish" in step:
                continue
            elif step["task"] == "ManualValidation@1":
                well = well and self.approve
            elif step["task"] == "AzureCLI@2":
                assert here, f"{stage}.{name} has no files: check out first"
                well = self.azure_cli(stage, name, step, variables) and well
            else:
                raise AssertionError(f"what is {step}?")
        return "success" if well else "failure"

    def azure_cli(self, stage: str, name: str, step: dict, variables: dict[str, str]) -> bool:
        inputs = step["inputs"]
        if inputs["scriptLocation"] == "scriptPath":
            script = f"{shlex.quote(inputs['scriptPath'])} {self.macros(inputs['arguments'], variables)}"
        else:
            script = self.macros(inputs["inlineScript"], variables)
        environment = {key.upper().replace(".", "_"): text for key, text in {**self.PREDEFINED, **variables}.items()}
        own = {key: self.macros(text, variables) for key, text in step.get("env", {}).items()}
        ok, printed = self.bash(script, {**environment, **own})
        for key, text in re.findall(r"^##vso\[task\.setvariable variable=(\w+);isOutput=true\](.*)$", printed, re.M):
            self.outputs[f"{stage}.{name}.outputs['{step['name']}.{key}']"] = text
        return ok
