"""deploy.sh, rollback.sh, promote.sh and what they call."""

from __future__ import annotations

import signal

import world
from bench import Bench
from world import IMAGE, answer, deployed, requests, revision, rows, signed_in, traffic

PRODUCTION = ["deploy.sh", "production", "--image", IMAGE, "--suffix", "r42", "--settle", "1"]
SCOPE = {
    "SMOKE_SCOPE": "api://smoke-test/.default",
    "ENTRA_CLIENT_ID": "client",
    "ALERT_EMAIL": "operators@example.com",
}


def apps(entries: list[dict]) -> dict:
    return answer("^az containerapp list ", [world.app("production", entries)])


def shifted(bench: Bench) -> list[str]:
    """The weights that were set, in order."""
    return [
        line.split("--label-weight ")[1].split(" --output")[0]
        for line in bench.lines()
        if "ingress traffic set" in line
    ]


def undone(bench: Bench) -> None:
    """Blue has everything again, and the new revision neither label nor servers."""
    assert shifted(bench)[-1] == "blue=100 green=0", shifted(bench)
    ended = [line for line in bench.lines() if "revision deactivate" in line and line.count("--r42")]
    assert len(ended) == 1, bench.lines()
    assert any("revision label remove" in line and "--label green" in line for line in bench.lines()), bench.lines()


def test_good_deploy(bench: Bench) -> None:
    bench.world(deployed("production"))
    bench.run(*PRODUCTION, **SCOPE)
    bench.expect_calls()
    assert shifted(bench) == ["blue=90 green=10", "blue=50 green=50", "blue=0 green=100"]


def test_failed_smoke(bench: Bench) -> None:
    bench.world(deployed("production", answer("^smoke-python ", "FAIL auto: sees a store\n", code=1)))
    bench.run(*PRODUCTION, code=1, **SCOPE)
    bench.expect_calls()
    undone(bench)
    assert shifted(bench) == ["blue=100 green=0"], "traffic went to a revision that failed the smoke test"


def test_failed_metrics_at_50(bench: Bench) -> None:
    look = "^az rest --method post --url https://api.loganalytics.io"
    bench.world(
        deployed(
            "production",
            answer(look, rows(), times=1),
            answer(look, rows(("RetailMcpFaults", "retail-mcp-production--r42-abc"))),
        )
    )
    output = bench.run(*PRODUCTION, code=1, **SCOPE)
    bench.expect_calls()
    undone(bench)
    assert shifted(bench) == ["blue=90 green=10", "blue=50 green=50", "blue=100 green=0"]
    assert "RetailMcpFaults retail-mcp-production--r42-abc" in output, output


def test_failed_smoke_at_100(bench: Bench) -> None:
    bench.world(deployed("production", answer("^smoke-python ", times=1), answer("^smoke-python ", code=1)))
    bench.run(*PRODUCTION, code=1, **SCOPE)
    undone(bench)
    assert len(shifted(bench)) == 4


def test_two_regions(bench: Bench) -> None:
    bench.world(deployed("production", regions=("", "-secondary")))
    bench.run(*PRODUCTION, **SCOPE)
    bench.expect_calls()
    sets = [line.split()[6] for line in bench.lines() if "ingress traffic set" in line]
    assert sets == ["retail-mcp-production", "retail-mcp-production-secondary"] * 3, sets


def test_failed_smoke_in_two_regions(bench: Bench) -> None:
    bench.world(deployed("production", answer("^smoke-python ", code=1), regions=("", "-secondary")))
    bench.run(*PRODUCTION, code=1, **SCOPE)
    for word in [
        "--name retail-mcp-production-secondary --resource-group rg-retail-mcp-production --label-weight blue=100 green=0",
        "--revision retail-mcp-production-secondary--r42 --output none",
    ]:
        assert any(word in line for line in bench.lines()), word


def test_image_of_another_registry(bench: Bench) -> None:
    digest = IMAGE.split("@")[1]
    elsewhere = [answer("^az acr list ", "retailmcpproduction1.azurecr.io\n"), answer("^az acr import ")]
    # Azure's own registry, by its id; any other, by its name. Neither needs a password.
    ids = answer("^az acr show --name retailmcpstaging1 ", "/subscriptions/s/registries/retailmcpstaging1\n")
    bench.world(deployed("production", ids, *elsewhere))
    command = ["deploy.sh", "production", "--suffix", "r42", "--settle", "1", "--image"]
    bench.run(*command, f"retailmcpstaging1.azurecr.io/retail-mcp@{digest}", **SCOPE)
    imports = [line for line in bench.lines() if " acr import " in line]
    assert imports == [
        "az acr import --name retailmcpproduction1 --registry /subscriptions/s/registries/retailmcpstaging1 "
        f"--source retail-mcp@{digest} --image retail-mcp:r42 --force --output none"
    ], imports
    updated = [line for line in bench.lines() if "job update" in line]
    assert f"--image retailmcpproduction1.azurecr.io/retail-mcp@{digest}" in updated[0], updated
    bench.world(deployed("production", *elsewhere))
    bench.run(*command, f"ghcr.io/zava/retail-mcp@{digest}", **SCOPE)
    imports = [line for line in bench.lines() if " acr import " in line]
    assert f"--source ghcr.io/zava/retail-mcp@{digest} --image retail-mcp:r42" in imports[0], imports


def test_the_question_asks_for_the_alerts_of_azure(bench: Bench) -> None:
    from bench import ROOT

    text = (ROOT / "deploy/azure/alerts.yaml").read_text(encoding="utf-8")
    wanted = {
        item.split("\n", 1)[0].strip()
        for item in text.split("- name: ")[1:]
        if "perServer: true" in item and ("severity: 0" in item or "severity: 1" in item)
    }
    bench.world(deployed("production"))
    bench.run(*PRODUCTION, **SCOPE)
    question = (bench.folder / "question.kql").read_text(encoding="utf-8")
    asked = {part.split('"')[0] for part in question.split('alert = "')[1:]}
    assert asked == wanted | {"Silent"} and len(wanted) >= 8, (asked, wanted)
    # Nothing is asked of other servers than the revision's.
    assert question.count("AppMetrics") == 1, question


def test_ingress_errors(bench: Bench) -> None:
    bench.world(deployed("production", answer("^az monitor metrics list ", requests(_2xx=30, _5xx=9))))
    output = bench.run(*PRODUCTION, code=1, **SCOPE)
    undone(bench)
    assert "IngressErrors" in output, output
    assert shifted(bench)[:1] == ["blue=90 green=10"]


def test_few_errors_are_no_alert(bench: Bench) -> None:
    # One failed request of two says nothing.
    bench.world(deployed("production", answer("^az monitor metrics list ", requests(_2xx=1, _5xx=1))))
    bench.run(*PRODUCTION, **SCOPE)


def test_silent_servers(bench: Bench) -> None:
    bench.world(deployed("production", answer("^az rest ", rows(("Silent", "retail-mcp-production--r42")))))
    bench.run(*PRODUCTION[:-1], "3", code=1, **SCOPE)
    undone(bench)
    # Metrics come late: only the last of the three looks counts.
    assert len([line for line in bench.lines() if line.startswith("sleep 60")]) == 3


def test_blind_at_the_last_look(bench: Bench) -> None:
    bench.world(deployed("production", answer("^az rest ", code=1, err="429\n")))
    bench.run(*PRODUCTION[:-1], "2", code=1, **SCOPE)
    undone(bench)


def test_one_failed_look_is_no_alert(bench: Bench) -> None:
    bench.world(deployed("production", answer("^az rest ", code=1, err="429\n", times=1)))
    bench.run(*PRODUCTION[:-1], "2", **SCOPE)


def test_failed_migration(bench: Bench) -> None:
    bench.world(deployed("production", answer("^az containerapp job execution show ", "Failed\n")))
    bench.run(*PRODUCTION, code=1, **SCOPE)
    bench.expect_calls()
    assert not shifted(bench)
    assert not [line for line in bench.lines() if "deployment group create" in line], (
        "a revision was made on a database it does not fit"
    )


def test_never_healthy(bench: Bench) -> None:
    never = answer("^az containerapp revision show .* --output json", revision("Unhealthy", "Degraded"))
    bench.world(deployed("production", never))
    bench.run(*PRODUCTION, code=1, **SCOPE)
    undone(bench)


def test_stopped_at_10(bench: Bench) -> None:
    # Whoever stops it while it watches, by Ctrl-C or with its terminal, must not leave the traffic split.
    bench.world(deployed("production", answer("^sleep 60$", kill=signal.SIGTERM), answer("^sleep ")))
    bench.run(*PRODUCTION, code=143, **SCOPE)
    undone(bench)
    assert shifted(bench) == ["blue=90 green=10", "blue=100 green=0"]


def test_rollback_after_a_cancelled_job(bench: Bench) -> None:
    split = traffic("blue", "retail-mcp-production--r41", "green", "retail-mcp-production--r42")
    split[0]["weight"], split[1]["weight"] = 50, 50
    bench.world([apps(split), *world.well()])
    bench.run("rollback.sh", "production", "--from", "retail-mcp-production--r42")
    assert shifted(bench) == ["blue=100 green=0"], shifted(bench)
    # Where deploy.sh had the time to clean up, and where it never came so far, there is nothing to do.
    for entries in [
        traffic("blue", "retail-mcp-production--r41"),
        traffic("blue", "x", "green", "retail-mcp-production--r42"),
    ]:
        bench.world([apps(entries), *world.well()])
        bench.run("rollback.sh", "production", "--from", "retail-mcp-production--r42")
        bench.expect_nothing_changed()


def test_split_traffic_is_refused(bench: Bench) -> None:
    entries = traffic("blue", "retail-mcp-production--r41", "green", "retail-mcp-production--r40")
    entries[0]["weight"], entries[1]["weight"] = 50, 50
    bench.world([answer("^az containerapp list ", [world.app("production", entries)]), *world.well()])
    output = bench.run(*PRODUCTION, code=1, **SCOPE)
    bench.expect_nothing_changed()
    assert "rollback.sh production --to" in output, output


def test_same_revision_again(bench: Bench) -> None:
    entries = traffic("blue", "retail-mcp-production--r42")
    bench.world([answer("^az containerapp list ", [world.app("production", entries)]), *world.well()])
    bench.run(*PRODUCTION, **SCOPE)
    bench.expect_nothing_changed()


def test_deploy_without_sign_in(bench: Bench) -> None:
    bench.world([answer("^az account show", code=1, err="Please run 'az login'\n")])
    output = bench.run(*PRODUCTION, code=1, **SCOPE)
    assert bench.lines() == ["az account show --output none"], bench.lines()
    assert "az login" in output


def test_deploy_without_tools(bench: Bench) -> None:
    bench.without("jq")
    bench.world([])
    output = bench.run(*PRODUCTION, code=1, **SCOPE)
    assert "missing on this machine: jq" in output, output
    assert not bench.calls


def test_deploy_dry_run(bench: Bench) -> None:
    bench.world(deployed("production"))
    output = bench.run(*PRODUCTION, "--dry-run", **SCOPE)
    bench.expect_nothing_changed()
    for word in ["migrate.sh", "deployment group create", "blue=90 green=10", "blue=0 green=100"]:
        assert word in output, f"the plan does not say {word}:\n{output}"


def test_a_tag_is_refused(bench: Bench) -> None:
    bench.world([])
    for image in [
        "registry.example.com/retail-mcp:1.0",
        "registry.example.com/retail-mcp:latest",
        "retail-mcp@sha256:abc",
        "",
    ]:
        output = bench.run("deploy.sh", "staging", "--image", image, code=2)
        assert "the image must be REGISTRY/retail-mcp@sha256:" in output or "--image needs a value" in output, output
    assert not bench.calls


def test_wrong_usage(bench: Bench) -> None:
    bench.world([])
    for command in [
        ["deploy.sh"],
        ["deploy.sh", "development", "--image", IMAGE],
        ["deploy.sh", "staging", "production", "--image", IMAGE],
        ["deploy.sh", "staging", "--image"],
        ["deploy.sh", "staging", "--image", IMAGE, "--suffix", "A--b"],
        ["deploy.sh", "staging", "--image", IMAGE, "--settle", "0"],
        ["deploy.sh", "staging", "--image", IMAGE, "--first"],
        ["migrate.sh"],
        ["rollback.sh", "staging", "--to", "red"],
        ["watch.sh", "staging", "--revision", "x"],
        ["wait-healthy.sh", "staging"],
        ["smoke.sh", "--url", "https://example.com/"],
        ["promote.sh"],
    ]:
        bench.run(*command, code=2)
    assert not bench.calls


def test_github_renews_the_sign_in(bench: Bench) -> None:
    # A deployment takes longer than GitHub's token is good for.
    token = "request-token-of-the-job"
    job = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example/?version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
        "AZURE_CLIENT_ID": "client",
        "AZURE_TENANT_ID": "tenant",
    }
    bench.world(
        [answer("^curl .*--config -$", {"value": "proof-of-the-job"}), answer("^az login "), *deployed("production")]
    )
    bench.run(*PRODUCTION, **SCOPE, **job)
    signed = [line for line in bench.lines() if line.startswith("az login")]
    assert len(signed) >= 6 and set(signed) == {
        "az login --service-principal --username client --tenant tenant --federated-token @$WORK/proof --output none"
    }, signed
    assert token not in str(bench.calls) and "proof-of-the-job" not in str(bench.calls), "a token was on a command line"


def test_missing_parameter(bench: Bench) -> None:
    bench.world(deployed("production"))
    output = bench.run(*PRODUCTION, code=1, SMOKE_SCOPE="x", ENTRA_CLIENT_ID="", ALERT_EMAIL="a@example.com")
    assert "ENTRA_CLIENT_ID" in output and not bench.calls, output


def test_rollback(bench: Bench) -> None:
    now = traffic("green", "retail-mcp-production--r42", "blue", "retail-mcp-production--r41")
    bench.world([apps(now), *world.well()])
    bench.run("rollback.sh", "production")
    bench.expect_calls()
    assert shifted(bench) == ["blue=100 green=0"]


def test_rollback_to_a_stopped_revision(bench: Bench) -> None:
    now = traffic("green", "retail-mcp-production--r42", "blue", "retail-mcp-production--r41")
    stopped = answer("^az containerapp revision show .* --query properties.active", "false\n")
    bench.world([apps(now), stopped, *world.well()])
    bench.run("rollback.sh", "production")
    order = [line for line in bench.lines() if "activate" in line or "traffic set" in line]
    assert len(order) == 2 and "revision activate" in order[0], order


def test_rollback_to_nothing(bench: Bench) -> None:
    # After a failed deployment its revision has no label: there is nothing to go to.
    bench.world([apps(traffic("blue", "retail-mcp-production--r41")), *signed_in()])
    bench.run("rollback.sh", "production", code=1)
    bench.expect_nothing_changed()


def promote(bench: Bench, reply: str | None, code: int) -> str:
    bench.world([*deployed("staging"), *deployed("production")])
    scopes = {
        **SCOPE,
        "SMOKE_SCOPE_STAGING": "api://staging/.default",
        "SMOKE_SCOPE_PRODUCTION": "api://production/.default",
    }
    return bench.run(
        "promote.sh", "--image", IMAGE, "--suffix", "r42", "--settle", "1", stdin=reply, code=code, **scopes
    )


def test_approval_given(bench: Bench) -> None:
    promote(bench, "production\n", 0)
    made = [line for line in bench.lines() if "deployment group create" in line]
    assert len(made) == 2 and "rg-retail-mcp-staging" in made[0] and "rg-retail-mcp-production" in made[1], made
    digests = {word for line in made for word in line.split() if word.startswith("imageDigest=")}
    assert len(digests) == 1, f"not the same digest: {digests}"


def test_approval_refused(bench: Bench) -> None:
    output = promote(bench, "no\n", 3)
    bench.expect_calls()
    assert "not approved" in output and "staging runs" in output, output
    assert not [line for line in bench.lines() if "production" in line]


def test_no_terminal_is_no_approval(bench: Bench) -> None:
    promote(bench, None, 3)
    assert not [line for line in bench.lines() if "production" in line]


def test_staging_failed(bench: Bench) -> None:
    bench.world([answer("^smoke-python ", code=1), *deployed("staging"), *deployed("production")])
    scopes = {
        **SCOPE,
        "SMOKE_SCOPE_STAGING": "api://staging/.default",
        "SMOKE_SCOPE_PRODUCTION": "api://production/.default",
    }
    bench.run("promote.sh", "--image", IMAGE, "--suffix", "r42", stdin="production\n", code=1, **scopes)
    assert not [line for line in bench.lines() if "production" in line], "production was reached past a failed staging"


def environment_rules(*kinds: str) -> dict:
    return {"protection_rules": [{"type": kind, "reviewers": [{"type": "User"}]} for kind in kinds]}


def test_environment_with_reviewers(bench: Bench) -> None:
    bench.world([answer("^gh api ", environment_rules("branch_policy", "required_reviewers"))])
    bench.run("require-approval.sh", "production", GITHUB_REPOSITORY="zava/retail-mcp")
    assert bench.lines() == ["gh api repos/zava/retail-mcp/environments/production"], bench.lines()


def test_environment_without_reviewers(bench: Bench) -> None:
    bench.world([answer("^gh api ", {"protection_rules": [{"type": "branch_policy"}]})])
    bench.run("require-approval.sh", "production", GITHUB_REPOSITORY="zava/retail-mcp", code=1)


def test_help(bench: Bench) -> None:
    from bench import SCRIPTS

    bench.world([])
    for script in sorted(SCRIPTS.glob("*.sh")):
        if script.name != "common.sh":
            output = bench.run(script.name, "--help")
            assert script.name in output and output.count("\n") >= 3, f"{script.name} --help says: {output}"
    assert not bench.calls
