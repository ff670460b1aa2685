"""What must agree between the scripts, the pipelines and the rest of the repository."""

from __future__ import annotations

import json
import re
import subprocess

from bench import ROOT, SCRIPTS, Bench

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PIPELINES = [*WORKFLOWS, ROOT / "azure-pipelines.yml"]


def test_scripts(bench: Bench) -> None:
    for script in sorted(SCRIPTS.glob("*.sh")):
        text = script.read_text(encoding="utf-8")
        subprocess.run(["bash", "-n", script], check=True)
        if script.name == "common.sh":
            continue
        assert text.startswith("#!/usr/bin/env bash\n# "), f"{script.name} says not at once what it does"
        assert "\nset -euo pipefail\n" in text, f"{script.name} goes on after an error"
        assert script.stat().st_mode & 0o111, f"{script.name} is not executable"
        assert re.search(r"--help[) ]", text), f"{script.name} has no --help"


def test_what_changes_something_has_a_dry_run(bench: Bench) -> None:
    changes = re.compile(
        r"\baz [a-z -]+ (create|update|set|add|delete|import|activate|deactivate|start)\b"
        r"|\bgh (api --method|variable set|release create)|imagetools create|push=true|mcp-publisher publish"
    )
    said = re.search(r"The others have no such option(.+?)\n\n", (SCRIPTS / "README.md").read_text(encoding="utf-8"), re.S)
    without = set(re.findall(r"`([\w-]+\.sh)`", said[1]))
    assert len(without) >= 3, without
    for script in SCRIPTS.glob("*.sh"):
        text = script.read_text(encoding="utf-8")
        has = "--dry-run)" in text
        assert script.name == "common.sh" or has or not changes.search(text), f"{script.name} has no --dry-run"
        assert not (has and script.name in without), f"{script.name} has --dry-run; README.md says it has not"


def test_every_script_is_used(bench: Bench) -> None:
    texts = {
        path: path.read_text(encoding="utf-8") for path in [*PIPELINES, *SCRIPTS.glob("*.sh"), SCRIPTS / "README.md"]
    }
    for script in SCRIPTS.glob("*.sh"):
        users = [path.name for path, text in texts.items() if script.name in text and path != script]
        assert users, f"nothing uses {script.name}"


def test_scripts_that_pipelines_call_exist(bench: Bench) -> None:
    for path in PIPELINES:
        for name in re.findall(r"deploy/scripts/([\w.-]+)", path.read_text(encoding="utf-8")):
            assert (SCRIPTS / name).is_file(), f"{path.name} calls {name}"


def test_actions_are_those_of_the_table(bench: Bench) -> None:
    table = dict(
        re.findall(r"^#   (\S+/\S+) +([0-9a-f]{40}) +v[\d.]+$", (ROOT / ".github/workflows/ci.yml").read_text(), re.M)
    )
    assert len(table) >= 5
    used = set()
    for path in WORKFLOWS:
        for action, reference in re.findall(r"uses: ([^@\s]+)@(\S+)", path.read_text(encoding="utf-8")):
            name = "/".join(action.split("/")[:2])
            assert table.get(name) == reference, f"{path.name}: {action}@{reference} is not in the table of ci.yml"
            used.add(name)
    assert used == set(table), f"in the table, and not used: {set(table) - used}"


def test_services_are_the_same_everywhere(bench: Bench) -> None:
    found = {path.name: set(re.findall(r"image: (\S+:\S+)", path.read_text(encoding="utf-8"))) for path in PIPELINES}
    assert found["ci.yml"] == found["azure-pipelines.yml"] != set(), found
    assert all(re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", image) for image in found["ci.yml"]), found


def test_the_template_gets_its_variables(bench: Bench) -> None:
    # GitHub hands on what it is told to; Azure DevOps hands on all.
    jobs = re.split(
        r"^  (staging|production):$", (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8"), flags=re.M
    )
    for environment, text in zip(jobs[1::2], jobs[2::2], strict=True):
        parameters = (ROOT / f"deploy/azure/main.{environment}.bicepparam").read_text(encoding="utf-8")
        for name in set(re.findall(r"readEnvironmentVariable\('([A-Z_]+)'", parameters)):
            assert f"      {name}: ${{{{ vars.{name} }}}}\n" in text, f"deploy.yml gives {environment} no {name}"


def test_server_json(bench: Bench) -> None:
    entry = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    keys = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert f'version = "{entry["version"]}"' in cargo, "server.json and Cargo.toml have different versions"
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"]) and 1 <= len(entry["description"]) <= 100, (
        entry
    )
    assert set(entry) == {"$schema", "name", "title", "description", "version", "repository", "packages"}, set(entry)
    for package in entry["packages"]:
        assert package["registryType"] == "oci" and "version" not in package, "an image has its version in its name"
        assert package["transport"] == {"type": "stdio"} and package["packageArguments"][0]["value"] == "stdio", package
        for variable in package["environmentVariables"]:
            assert f"`{variable['name']}`" in keys, f"{variable['name']} is no variable of the server"
            secret = re.search("PASSWORD|KEY|SECRET", variable["name"]) is not None
            assert variable.get("isSecret", False) == secret, f"is {variable['name']} a secret?"


def test_no_long_lived_secret(bench: Bench) -> None:
    for path in PIPELINES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bsecrets\.|AZURE_CREDENTIALS|client-secret|creds:", text), (
            f"{path.name} uses a stored secret"
        )


def test_broken_samples_fit(bench: Bench) -> None:
    from pipelines import load

    samples = load("deploy/scripts/tests/broken.yaml")
    assert len(samples) >= 10 and len({sample["name"] for sample in samples}) == len(samples)
    for sample in samples:
        assert set(sample) == {"name", "file", "find", "replace", "caught_by"}, sample
        assert re.fullmatch(r"actionlint|zizmor|schema|rule:[a-z-]+", sample["caught_by"]), sample["name"]
        text = (ROOT / sample["file"]).read_text(encoding="utf-8")
        assert text.count(sample["find"]) == 1, (
            f"{sample['name']}: its text stands {text.count(sample['find'])} times in {sample['file']}"
        )
