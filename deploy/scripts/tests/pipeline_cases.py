"""The pipelines themselves: what they run, in which order, and what they do not when somebody says no."""

from __future__ import annotations

from bench import Bench
from pipelines import AzureDevOps, GitHub
from world import answer, deployed, requests, rows

DIGEST = "sha256:" + "c0ffee00" * 8
REVIEWED = {"protection_rules": [{"type": "required_reviewers", "reviewers": [{"type": "User"}]}]}


def world(*special: dict) -> list[dict]:
    registries = [
        answer(f"^az acr list --resource-group rg-retail-mcp-{environment} ", f"retailmcp{environment}1.azurecr.io\n")
        for environment in ["staging", "production"]
    ]
    return [
        *special,
        *registries,
        answer("^az acr login --name retailmcpstaging1$"),
        answer("^az acr show --name retailmcpstaging1 ", "/registries/staging\n"),
        answer("^az acr import "),
        answer("^docker (buildx|run) "),
        answer("^gh attestation verify "),
        answer("^gh api repos/zava/retail-mcp/environments/production$", REVIEWED),
        *deployed("staging"),
        *deployed("production"),
    ]


def commands(bench: Bench, environment: str) -> list[str]:
    """What was asked of an environment, with the same names of revisions for both services."""
    lines = [line.replace("--a42-1", "--r42-1").replace("a42-1", "r42-1") for line in bench.lines()]
    return [line for line in lines if f"retail-mcp-{environment}" in line]


def test_github_deploy(bench: Bench) -> None:
    bench.world(world())
    runner = GitHub(bench, approve=True)
    runner.run()
    assert set(runner.results.values()) == {"success"}, f"{runner.results}\n{bench.output}"
    bench.expect_calls()
    assert runner.log == [
        "job checks",
        "  call $/.github/workflows/ci.yml",
        "job build",
        "  actions/checkout",
        "  azure/login",
        "  github/codeql-action/upload-sarif",
        "  actions/attest",
        "  actions/attest",
        "job staging",
        "  actions/checkout",
        "  azure/login",
        "job production",
        "  actions/checkout",
        "  azure/login",
    ], runner.log
    assert len([line for line in bench.lines() if line.startswith("docker buildx build")]) == 1, (
        "the image is built once"
    )
    deployments = [line for line in bench.lines() if "az deployment group create" in line]
    assert len(deployments) == 2 and all(f"imageDigest={DIGEST}" in line for line in deployments), deployments


def test_github_approval_refused(bench: Bench) -> None:
    bench.world(world())
    runner = GitHub(bench, approve=False)
    runner.run()
    assert runner.results == {"checks": "success", "build": "success", "staging": "success", "production": "refused"}, (
        runner.results
    )
    bench.expect_calls()
    assert not commands(bench, "production")


def test_github_environment_without_reviewers(bench: Bench) -> None:
    # GitHub lets everybody into an environment that nobody protected.
    bench.world(world(answer("^gh api repos/zava/retail-mcp/environments/production$", {"protection_rules": []})))
    runner = GitHub(bench, approve=True)
    runner.run()
    assert runner.results["production"] == "failure"
    assert not commands(bench, "production")


def test_github_staging_failed(bench: Bench) -> None:
    bench.world(world(answer("^smoke-python .*retail-mcp-staging", code=1)))
    runner = GitHub(bench, approve=True)
    runner.run()
    assert runner.results["staging"] == "failure" and runner.results["production"] == "skipped", runner.results
    assert [line for line in bench.lines() if line.startswith("smoke-python")], bench.output
    assert not commands(bench, "production")


def test_github_vulnerable_image(bench: Bench) -> None:
    bench.world(world(answer("^docker run .*--exit-code 1", "CVE-2026-0001 HIGH\n", code=1)))
    runner = GitHub(bench, approve=True)
    runner.run()
    assert runner.results["build"] == "failure" and runner.results["staging"] == "skipped", runner.results


def test_github_unproven_image(bench: Bench) -> None:
    bench.world(world(answer("^gh attestation verify ", code=1)))
    runner = GitHub(bench, approve=True)
    runner.run()
    assert runner.results["staging"] == "failure", runner.results
    assert [line for line in bench.lines() if line.startswith("gh attestation verify")], bench.output
    assert not commands(bench, "staging")


def test_github_cancelled(bench: Bench) -> None:
    # The job is cut while deploy.sh watches; its own clean-up does not come to an end.
    split = [
        {"revisionName": "retail-mcp-production--r41", "label": "blue", "weight": 90},
        {"revisionName": "retail-mcp-production--r42-1", "label": "green", "weight": 10},
    ]
    from world import app

    after = answer(
        "^az containerapp list --resource-group rg-retail-mcp-production ",
        [app("production", split)],
        **{"if": ["cut"]},
    )
    alert = answer("^az rest .*", rows(("RetailMcpFaults", "x")), **{"if": ["10"]})
    ten = answer("^az containerapp ingress traffic set --name retail-mcp-production .*green=10 ", set=["10"])
    cut = answer(
        "^az containerapp ingress traffic set --name retail-mcp-production .*blue=100 green=0",
        code=1,
        times=1,
        set=["cut"],
    )
    bench.world(world(after, alert, ten, cut))
    runner = GitHub(bench, approve=True, ends={"production": "cancelled"})
    runner.run()
    assert runner.results["production"] == "failure"
    weights = [line.split("--label-weight ")[1] for line in commands(bench, "production") if "traffic set" in line]
    assert weights == [
        "blue=90 green=10 --output none",
        "blue=100 green=0 --output none",
        "blue=100 green=0 --output none",
    ], weights


def test_azure_devops_deploy(bench: Bench) -> None:
    bench.world(world())
    runner = AzureDevOps(bench, approve=True)
    runner.run()
    assert set(runner.results.values()) == {"success"}, f"{runner.results}\n{bench.output}"
    bench.expect_calls()
    assert runner.log == [
        "stage Checks",
        "stage Build",
        "  job Image",
        "stage Staging",
        "  job Deploy",
        "stage Production",
        "  job Approvers",
        "  job Approval",
        "  job Deploy",
    ], runner.log


def test_azure_devops_approval_refused(bench: Bench) -> None:
    bench.world(world())
    runner = AzureDevOps(bench, approve=False)
    runner.run()
    assert runner.results["Staging"] == "success" and runner.results["Production"] == "failure", runner.results
    bench.expect_calls()
    assert not commands(bench, "production")


def test_azure_devops_without_approvers(bench: Bench) -> None:
    # Whoever may start the pipeline would approve it: the runner, as the task, asks nobody.
    for approvers in [None, "", " , "]:
        bench.world(world())
        runner = AzureDevOps(bench, approve=True)
        groups = {name: dict(group) for name, group in AzureDevOps.GROUPS.items()}
        groups["retail-mcp-production"]["APPROVERS"] = approvers
        if approvers is None:
            del groups["retail-mcp-production"]["APPROVERS"]
        runner.GROUPS = groups
        runner.run()
        assert runner.results["Staging"] == "success" and runner.results["Production"] == "failure", runner.results
        assert "APPROVERS is not set" in bench.output and not commands(bench, "production"), bench.output
        assert "  job Approval" not in runner.log, runner.log


def test_azure_devops_staging_failed(bench: Bench) -> None:
    bench.world(world(answer("^smoke-python .*retail-mcp-staging", code=1)))
    runner = AzureDevOps(bench, approve=True)
    runner.run()
    assert runner.results["Staging"] == "failure" and runner.results["Production"] == "skipped", runner.results
    assert not commands(bench, "production")


def test_both_services_do_the_same(bench: Bench) -> None:
    done = {}
    for service in [GitHub, AzureDevOps]:
        bench.world(world(answer("^az monitor metrics list ", requests(_2xx=120))))
        service(bench, approve=True).run()
        done[service] = [commands(bench, environment) for environment in ["staging", "production"]]
    assert done[GitHub] == done[AzureDevOps] and all(len(part) > 20 for part in done[GitHub])
