"""setup-production.sh: an environment from nothing, a second time, and what keeps it from beginning."""

from __future__ import annotations

import json
import re

from bench import CHANGES, Bench
from world import SUBSCRIPTION, answer

ACCOUNT = {"tenant": "00000000-0000-0000-0000-00000000000t", "subscription": SUBSCRIPTION, "name": "Zava retail"}
GIVEN = {
    "ENTRA_CLIENT_ID": "00000000-0000-0000-0000-00000000000e",
    "OPERATOR_ADDRESSES": "198.51.100.7",
    "OPERATOR_OBJECT_ID": "00000000-0000-0000-0000-00000000000f",
    "ALERT_EMAIL": "operators@example.com",
}
PEOPLE = {"ada": 41, "grace": 42}
COMMAND = [
    "setup-production.sh",
    "production",
    "--location",
    "swedencentral",
    "--repository",
    "zava/retail-mcp",
    "--reviewers",
    "ada,grace",
]

# What deploy/azure/scripts/prepare.sh says each time: what there has to be. Azure changes nothing that is there already.
DECLARES = (
    "az provider register ",
    "az group create --name rg-retail-mcp-production ",
    "az deployment group create --resource-group rg-retail-mcp-production --name foundation-alone ",
)


def once(flag: str, question: str, yes: object, no: object, command: str, out: object = "") -> list[dict]:
    """Azure answers `no` to the question until the command was given."""
    return [answer(question, yes, **{"if": [flag]}), answer(question, no), answer(command, out, set=[flag])]


def reviewed(*people: int) -> dict:
    """What GitHub says of an environment that these approve, and whose policy names what may enter."""
    reviewers = [{"type": "User", "reviewer": {"login": "somebody", "id": number}} for number in people]
    rules = [{"type": "required_reviewers", "prevent_self_review": True, "reviewers": reviewers}] if people else []
    policy = {"protected_branches": False, "custom_branch_policies": True}
    return {
        "name": "some",
        "protection_rules": [*rules, {"type": "branch_policy"}],
        "deployment_branch_policy": policy,
    }


def github(name: str, kind: str, pattern: str) -> list[dict]:
    """An environment of GitHub's: not there, until the script makes it, and then its pattern."""
    path = f"repos/zava/retail-mcp/environments/{name}"
    policies = [{"id": 1, "name": pattern, "type": kind}]
    return [
        answer(f"^gh api {path}$", reviewed(*PEOPLE.values()), **{"if": [f"{name} made"]}),
        answer(f"^gh api {path}$", {"message": "Not Found"}, err="gh: Not Found (HTTP 404)\n", code=1),
        answer(f"^gh api --method PUT {path} ", set=[f"{name} made"]),
        answer(f"^gh api '?{path}/deployment-branch-policies", {"branch_policies": policies}, **{"if": [f"{name} open"]}),
        answer(f"^gh api '?{path}/deployment-branch-policies", {"branch_policies": []}),
        answer(f"^gh api --method POST {path}/deployment-branch-policies ", set=[f"{name} open"]),
    ]


def azure() -> list[dict]:
    identity = {"clientId": "client-of-deploy", "principalId": "principal-of-deploy"}
    roles = ["Contributor", "Role Based Access Control Administrator", "AcrPull", "Reader"]
    secrets = ["admin", "query", "head-office", "service", "redis"]
    answers = [
        answer("^az account show --output none$"),
        answer("^az account show --query ", ACCOUNT),
        answer("^az ad signed-in-user show ", GIVEN["OPERATOR_OBJECT_ID"]),
        answer("^az provider (register|show) ", "Registered\n"),
        *once("group", "^az group (exists|show) ", "true\n", "false\n", "^az group create "),
        answer("^az deployment group create .*--name foundation-alone", "rmcp-prod-vault\n", set=["foundation"]),
        answer("^az deployment group (show|what-if) ", "what-if: + everything\n"),
        answer(
            "^az keyvault secret list ",
            "".join(f"{name}-password\n" for name in secrets) + "identity-key\nredis-password-secondary\n",
            **{"if": ["secrets"]},
        ),
        answer("^az keyvault secret list ", ""),
        answer("^az keyvault secret set .*--name redis-password-secondary ", set=["secrets"]),
        answer("^az keyvault secret set "),
        *once(
            "identity",
            "^az identity list .*retail-mcp-production-deploy",
            identity,
            "null\n",
            "^az identity create ",
            identity,
        ),
        *once(
            "github",
            "^az identity federated-credential list .*actions.githubusercontent",
            "1\n",
            "0\n",
            "^az identity federated-credential create .*actions.githubusercontent",
        ),
        answer(
            "^az acr list --resource-group rg-retail-mcp-staging",
            {"id": "/registries/staging", "server": "retailmcpstaging1.azurecr.io"},
        ),
        answer("^gh auth status"),
        *[answer(f"^gh api users/{login} ", f"{number}\n") for login, number in PEOPLE.items()],
        *github("production", "branch", "main"),
        *github("release", "tag", "v*"),
    ]
    for role in roles:
        answers += once(
            role,
            f"^az role assignment list .*roleDefinitionName=='\"'\"'{role}'",
            "1\n",
            "0\n",
            f"^az role assignment create .*--role '?{role}'? ",
        )
    values = {
        "AZURE_TENANT_ID": ACCOUNT["tenant"],
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "BUILD_REGISTRY": "retailmcpstaging1.azurecr.io",
        "AZURE_CLIENT_ID": "client-of-deploy",
        "SMOKE_SCOPE": f"api://{GIVEN['ENTRA_CLIENT_ID']}/.default",
        **GIVEN,
    }
    listed = [{"name": name, "value": value} for name, value in values.items()]
    last = answer("^gh variable set OPERATOR_OBJECT_ID ", set=["variables"])
    return [
        *answers,
        answer("^gh variable list ", listed, **{"if": ["variables"]}),
        answer("^gh variable list ", []),
        last,
        answer("^gh variable set "),
    ]


def test_setup(bench: Bench) -> None:
    bench.world(azure())
    bench.run(*COMMAND, **GIVEN)
    bench.expect_calls()
    secrets = [line for line in bench.lines() if "keyvault secret set" in line]
    assert len(secrets) == 7 and all("# mode 600, " in line for line in secrets), secrets
    assert any("--name identity-key" in line and "64 characters of hex" in line for line in secrets), secrets
    assert not [line for line in bench.lines() if "--value" in line]
    rules = [line for line in bench.lines() if "--method PUT" in line]
    assert len(rules) == 2 and all(
        '"reviewers": [{"type": "User", "id": 41}, {"type": "User", "id": 42}]' in rule for rule in rules
    ), rules
    administrator = [line for line in bench.lines() if "--role 'Role Based Access Control Administrator'" in line]
    assert "--condition-version 2.0" in administrator[0] and "GuidEquals" in administrator[0], administrator


def test_setup_twice(bench: Bench) -> None:
    bench.world(azure())
    bench.run(*COMMAND, **GIVEN)
    bench.run(*COMMAND, **GIVEN)
    bench.expect_calls()
    changed = [line for line in bench.lines() if CHANGES.search(line) and not line.startswith(DECLARES)]
    assert not changed, "the second run changed:\n" + "\n".join(changed)


ISSUER = "https://login.microsoftonline.com/tenant/v2.0"
BUILD = ["--azure-devops-build", ISSUER, "sc://zava/retail/retail-mcp-build"]


def staging() -> list[dict]:
    """What staging has besides: the identity that pushes images, which nobody may use yet."""
    identity = {"clientId": "client-of-build", "principalId": "principal-of-build"}
    answers = json.loads(json.dumps(azure()).replace("retail-mcp-production", "retail-mcp-staging"))
    return [
        answer("^az identity list .*retail-mcp-build", identity),
        answer("^az identity federated-credential (list|create) "),
        answer("^az role assignment (list|create) "),
        *github("staging", "branch", "main"),
        *answers,
    ]


def test_setup_lets_azure_devops_in(bench: Bench) -> None:
    bench.world([answer("^az identity federated-credential list ", "0\n"), *staging()])
    deploy = ["--azure-devops", ISSUER, "sc://zava/retail/retail-mcp-staging"]
    bench.run(COMMAND[0], "staging", *COMMAND[2:-2], *deploy, *BUILD, **GIVEN)
    made = [line for line in bench.lines() if "federated-credential create" in line]
    said = [re.search(r"--identity-name (\S+) --name (\S+) --issuer (\S+) --subject (\S+)", line).groups() for line in made]
    github_issuer = "https://token.actions.githubusercontent.com"
    assert said == [
        ("retail-mcp-staging-deploy", "github-staging", github_issuer, "repo:zava/retail-mcp:environment:staging"),
        ("retail-mcp-staging-deploy", "azure-devops-staging", ISSUER, "sc://zava/retail/retail-mcp-staging"),
        ("retail-mcp-build", "github-main", github_issuer, "repo:zava/retail-mcp:ref:refs/heads/main"),
        ("retail-mcp-build", "azure-devops", ISSUER, "sc://zava/retail/retail-mcp-build"),
    ], said
    # Each is there.
    bench.world([answer("^az identity federated-credential list ", "1\n"), *staging()])
    bench.run(COMMAND[0], "staging", *COMMAND[2:-2], *deploy, *BUILD, **GIVEN)
    assert not [line for line in bench.lines() if "federated-credential create" in line]


def test_production_builds_nothing(bench: Bench) -> None:
    bench.world(azure())
    output = bench.run(*COMMAND, *BUILD, code=2, **GIVEN)
    assert not bench.calls and "goes with staging" in output, output


def test_setup_without_sign_in(bench: Bench) -> None:
    bench.world([answer("^az account show", code=1, err="Please run 'az login'\n")])
    output = bench.run(*COMMAND, code=1, **GIVEN)
    assert bench.lines() == ["az account show --output none"], bench.lines()
    assert "az login" in output


def test_setup_without_sign_in_to_github(bench: Bench) -> None:
    bench.world([answer("^gh auth status", code=1), *azure()])
    bench.run(*COMMAND, code=1, **GIVEN)
    bench.expect_nothing_changed()


def test_setup_without_tools(bench: Bench) -> None:
    bench.without("gh")
    bench.world([])
    output = bench.run(*COMMAND, code=1, **GIVEN)
    assert "missing on this machine: gh" in output and not bench.calls, output


def test_setup_without_variables(bench: Bench) -> None:
    for name in ["ENTRA_CLIENT_ID", "OPERATOR_ADDRESSES", "ALERT_EMAIL"]:
        bench.world(azure())
        output = bench.run(*COMMAND, code=1, **{**GIVEN, name: ""})
        assert name in output, output
        bench.expect_nothing_changed()


def test_production_without_reviewers_is_refused(bench: Bench) -> None:
    bench.world(azure())
    bench.run(*COMMAND[:-2], code=2, **GIVEN)
    assert not bench.calls


def test_setup_dry_run(bench: Bench) -> None:
    bench.world(azure())
    output = bench.run(*COMMAND, "--dry-run", **GIVEN)
    bench.expect_nothing_changed()
    assert "prepare.sh production swedencentral" in output, output
    assert "would make the GitHub environment release (reviewers, tags v*)" in output, output
    # Where all is there, it says what is missing, and the template's what-if.
    bench.world([answer("^az group exists ", "true\n"), *azure()])
    output = bench.run(*COMMAND, "--dry-run", **GIVEN)
    bench.expect_nothing_changed()
    assert "what-if: + everything" in output and "would make the identity" in output, output
