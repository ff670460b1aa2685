"""What comes before an environment has its first server: data and access by admin.sh, and the first deployment."""

from __future__ import annotations

import base64
import json

from bench import Bench
from deploy_cases import SCOPE
from world import IMAGE, answer, app, empty, job, said, signed_in, traffic, well

STAGING = ["deploy.sh", "staging", "--image", IMAGE, "--suffix", "r1", "--settle", "1"]
ADMIN = ["admin.sh", "staging", "--"]
LOG = "^az rest .*query.json"
#: A token of Entra, whose claims say who the smoke test is.
CLAIMS = {"iss": "https://login.microsoftonline.com/tenant/v2.0", "oid": "object-id?of>smoke", "roles": ["retail.read"]}
TOKEN = f"header.{base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip('=')}.signature"


def starts(bench: Bench) -> list[dict]:
    """The containers that the job was started with, in place of its own."""
    lines = [line for line in bench.lines() if "job start" in line and "--yaml" in line]
    return [json.loads(line.split("  # ")[1])["containers"][0] for line in lines]


def test_admin(bench: Bench) -> None:
    late = answer(LOG, said(), times=1)
    part = answer(LOG, said("id 1"), times=1)
    whole = answer(LOG, said("id 1", "id 2"))
    bench.world([late, part, whole, *job("staging"), *well()])
    bench.run(*ADMIN, "identity", "list", "--json")
    bench.expect_calls()
    assert bench.stdout == "id 1\nid 2\n", bench.stdout


def test_admin_keeps_the_container(bench: Bench) -> None:
    # What a start is given takes the place of all that the job has: image, variables, references to secrets.
    bench.world([answer(LOG, said("added")), *job("staging"), *well()])
    words = ["identity", "add", "--value", "a b", "--store", "Zava Retail Seattle", "--note", "it's \"us\""]
    bench.run(*ADMIN, *words)
    [container] = starts(bench)
    assert container["args"] == words, container
    assert container["image"] == IMAGE and container["resources"] == {"cpu": 0.5, "memory": "1Gi"}, container
    assert {"name": "RETAIL_MCP__DATABASE__ADMIN_PASSWORD", "secretRef": "admin-password"} in container["env"]
    # And nothing that a start does not know.
    assert set(container) == {"name", "image", "args", "env", "resources"}, container


def test_admin_failed(bench: Bench) -> None:
    failed = answer("^az containerapp job execution show ", "Failed\n")
    bench.world([failed, answer(LOG, said("error: no store is called")), *job("staging"), *well()])
    output = bench.run(*ADMIN, "identity", "add", "--store", "tokyo", code=1)
    # What it said is why.
    assert bench.stdout == "error: no store is called\n" and "ended as Failed" in output, output


def test_admin_without_a_log(bench: Bench) -> None:
    bench.world([answer(LOG, said()), *job("staging"), *well()])
    output = bench.run(*ADMIN, "embed")
    assert "has not come to the workspace yet" in output and bench.stdout == "", output


def test_admin_without_a_job(bench: Bench) -> None:
    bench.world([answer("^az containerapp job show ", code=3, err="not found\n"), *signed_in()])
    output = bench.run(*ADMIN, "embed", code=1)
    assert "deploy.sh makes it" in output, output
    bench.expect_nothing_changed()


def test_admin_dry_run(bench: Bench) -> None:
    bench.world([*job("staging"), *well()])
    output = bench.run("admin.sh", "staging", "--dry-run", "--", "seed", "--if-empty")
    bench.expect_nothing_changed()
    assert "would run: az containerapp job start" in output, output


def test_admin_wrong_usage(bench: Bench) -> None:
    bench.world([])
    for command in [[], ["staging"], ["staging", "--"], ["staging", "seed"], ["staging", "--scale", "--"]]:
        bench.run("admin.sh", *command, code=2)
    assert not bench.calls


def test_first_deploy(bench: Bench) -> None:
    # From nothing to a server that passed, in one go.
    bench.world([answer(LOG, said("done")), *empty("staging")])
    add = "identity add --issuer https://login.example --claim oid --value 7 --store seattle"
    bench.run(*STAGING, "--first", "seed --if-empty --scale tiny", "--first", add, **SCOPE)
    bench.expect_calls()
    given = [container["args"] for container in starts(bench)]
    assert given == [["seed", "--if-empty", "--scale", "tiny"], add.split()], given
    order = [at for at, line in enumerate(bench.lines()) if "deployment group create" in line or "--yaml" in line]
    made = [at for at, line in enumerate(bench.lines()) if "deployment group create" in line]
    assert len(made) == 2 and order[0] == made[0] and order[-1] == made[-1], "data come between jobs and servers"


def test_first_deploy_waits_for_data(bench: Bench) -> None:
    # As a pipeline does it: the first run says what is missing, the second goes on.
    bench.world([answer("^az account get-access-token ", TOKEN), *empty("staging")])
    output = bench.run(*STAGING, code=3, **SCOPE)
    bench.expect_calls()
    assert not [line for line in bench.lines() if "smoke-python" in line or " delete " in line], bench.lines()
    add = f"identity add --issuer {CLAIMS['iss']} --claim oid --value {CLAIMS['oid']} --store seattle\n"
    for command in ["seed --if-empty\n", add, "embed\n"]:
        assert f"  deploy/scripts/admin.sh staging -- {command}" in output, output
    bench.world([answer("^az account get-access-token ", TOKEN), *empty("staging")], keep_state=True)
    output = bench.run(*STAGING, **SCOPE)
    assert "staging runs registry.example.com/retail-mcp@" in output, output


def test_failed_first_smoke(bench: Bench) -> None:
    failed = answer("^smoke-python ", "FAIL auto: sees a store\n", code=1)
    bench.world([failed, *empty("staging")])
    bench.run(*STAGING, code=3, **SCOPE)
    bench.world([failed, *empty("staging")], keep_state=True)
    output = bench.run(*STAGING, code=1, **SCOPE)
    # The servers did not pass, and had all of the traffic: they go, and nothing else does.
    bench.expect_calls()
    gone = [line for line in bench.lines() if " delete " in line]
    name = "--name retail-mcp-staging --resource-group rg-retail-mcp-staging"
    assert gone == [f"az containerapp delete {name} --yes --output none"], gone
    for word in ["retail-mcp-staging is gone again", "database", "remain", "-- identity add --issuer ISSUER"]:
        assert word in output, output


def test_failed_first_template(bench: Bench) -> None:
    # It failed before there was an app: there is nothing to take away.
    failed = answer("^az deployment group create .*weight\":100}\\]' --output", code=1)
    bench.world([failed, answer(LOG, said("done")), *empty("staging")])
    output = bench.run(*STAGING, "--first", "seed", code=1, **SCOPE)
    assert not [line for line in bench.lines() if " delete " in line] and "remain" in output, output


def test_failed_first_with_another_revision(bench: Bench) -> None:
    # Somebody else deployed meanwhile: not ours to take away.
    others = answer("^az containerapp revision list .*--all ", "retail-mcp-staging--r1\nretail-mcp-staging--r0\n")
    bench.world([others, answer("^smoke-python ", code=1), answer(LOG, said("done")), *empty("staging")])
    output = bench.run(*STAGING, "--first", "seed", code=1, **SCOPE)
    assert not [line for line in bench.lines() if " delete " in line], bench.lines()
    assert "has all of the traffic" in output, output


def test_failed_first_seed(bench: Bench) -> None:
    # No servers on a database without its data.
    failed = answer("^az containerapp job execution show ", "Failed\n", **{"if": ["migrated"]})
    once = answer("^az containerapp job execution show ", "Succeeded\n", set=["migrated"])
    bench.world([failed, once, answer(LOG, said("no")), *empty("staging")])
    bench.run(*STAGING, "--first", "seed", code=1, **SCOPE)
    assert len([line for line in bench.lines() if "deployment group create" in line]) == 1, bench.lines()


def test_first_deploy_dry_run(bench: Bench) -> None:
    bench.world(empty("staging"))
    output = bench.run(*STAGING, "--first", "seed --if-empty", "--dry-run", **SCOPE)
    bench.expect_nothing_changed()
    assert "admin.sh staging -- seed --if-empty" in output, output


def unlabelled(environment: str, *others: dict, region: str = "") -> dict:
    """As azd leaves an app, and as `--revision-weight latest=100` does."""
    found = app(environment, [*others, {"latestRevision": True, "weight": 100}], region)
    name = f"retail-mcp-{environment}{region}"
    found["properties"] |= {"latestRevisionName": f"{name}--azd-9", "latestReadyRevisionName": f"{name}--azd-8"}
    return found


def azd(*apps: dict) -> list[dict]:
    names = [one["name"] for one in apps]
    listing = "^az containerapp revision list --name"
    active = [answer(f"{listing} {name} ", f"{name}--azd-7\n{name}--azd-8\n") for name in names]
    return [answer("^az containerapp list ", list(apps)), *active, *well()]


def changes(bench: Bench) -> list[str]:
    """What was done to revisions and traffic, in order, and the splits that the template got."""
    words = ["revision label", "revision deactivate", "traffic set"]
    done = [line for line in bench.lines() if any(word in line for word in words) or "group create" in line]
    group = " --resource-group rg-retail-mcp-production"
    return [line.removesuffix(" --output none").replace(group, "") for line in done]


def test_deploy_after_azd(bench: Bench) -> None:
    bench.world(azd(unlabelled("production")))
    bench.run("deploy.sh", "production", *STAGING[2:], **SCOPE)
    done = changes(bench)
    name = "--name retail-mcp-production"
    assert done[:3] == [
        # The latest that is ready has the traffic, not one that never became so.
        f"az containerapp revision label add {name} --revision retail-mcp-production--azd-8 --label blue --yes",
        f"az containerapp ingress traffic set {name} --label-weight blue=100",
        # azd leaves what it made before running.
        f"az containerapp revision deactivate {name} --revision retail-mcp-production--azd-7",
    ], done
    split = [{"revisionName": "retail-mcp-production--azd-8", "label": "blue", "weight": 100}]
    split.append({"revisionName": "retail-mcp-production--r1", "label": "green", "weight": 0})
    assert f"traffic={json.dumps(split, separators=(',', ':'))}" in done[3], done
    assert done[-1].endswith("blue=0 green=100"), done


def test_deploy_after_a_lost_region(bench: Bench) -> None:
    # Its label is that of the first region: weights are set by label in both.
    first = app("production", traffic("green", "retail-mcp-production--azd-8", "blue", "retail-mcp-production--azd-7"))
    old = {"revisionName": "retail-mcp-production-secondary--azd-7", "label": "green", "weight": 0}
    bench.world(azd(first, unlabelled("production", old, region="-secondary")))
    bench.run("deploy.sh", "production", *STAGING[2:], **SCOPE)
    added = [line for line in changes(bench) if "label add" in line]
    name = "retail-mcp-production-secondary"
    wanted = f"az containerapp revision label add --name {name} --revision {name}--azd-8 --label green --yes"
    assert added == [wanted], added
    assert changes(bench)[-1].endswith("--label-weight green=0 blue=100"), changes(bench)


def test_rollback_after_azd(bench: Bench) -> None:
    bench.world(azd(unlabelled("production")))
    bench.run("rollback.sh", "production", "--to", "blue")
    assert len([line for line in changes(bench) if "label add" in line]) == 1, changes(bench)
    assert changes(bench)[-1].endswith("--label-weight blue=100"), changes(bench)
    # What azd left running has no label, so there is nothing to go to by itself.
    output = bench.run("rollback.sh", "production", code=1)
    assert "there is no other revision" in output, output


def test_dry_run_after_azd(bench: Bench) -> None:
    bench.world(azd(unlabelled("production")))
    output = bench.run("deploy.sh", "production", *STAGING[2:], "--dry-run", **SCOPE)
    bench.expect_nothing_changed()
    assert "--label blue" in output and "blue=0 green=100" in output, output
