"""The environments of GitHub: who approves, and from where they may be entered."""

from __future__ import annotations

from bench import Bench
from setup_cases import COMMAND, GIVEN, azure, reviewed
from world import answer

PATH = "repos/zava/retail-mcp/environments/production"
ADA, GRACE, TEAM = ({"type": "User", "id": 41}, {"type": "User", "id": 42}, {"type": "Team", "id": 7})


def stands(environment: dict, *policies: tuple[str, str]) -> list[dict]:
    """An environment that is there, as it is, whatever is said to it."""
    listed = [{"id": number, "name": name, "type": kind} for number, (kind, name) in enumerate(policies)]
    tags = {"branch_policies": [{"id": 9, "name": "v*", "type": "tag"}]}
    return [
        answer(f"^gh api {PATH}$", environment),
        answer(f"^gh api '?{PATH}/deployment-branch-policies", {"branch_policies": listed}),
        # Of the other one nothing is wrong.
        answer("^gh api repos/zava/retail-mcp/environments/release$", reviewed(41, 42)),
        answer("^gh api '?repos/.*/release/deployment-branch-policies", tags),
        *azure(),
    ]


def changes(bench: Bench) -> list[str]:
    return [line for line in bench.lines() if line.startswith("gh api --method")]


def put(*reviewers: dict, wait: int = 0, themselves: bool = False) -> str:
    """How GitHub is told all of an environment."""
    said = ", ".join(f'{{"type": "{one["type"]}", "id": {one["id"]}}}' for one in reviewers)
    return (
        f'gh api --method PUT {PATH} --input -  # {{"wait_timer": {wait}, "reviewers": [{said}], '
        f'"prevent_self_review": {str(not themselves).lower()}, "deployment_branch_policy": '
        '{"protected_branches": false, "custom_branch_policies": true}}'
    )


POST = f"gh api --method POST {PATH}/deployment-branch-policies -f name=main -f type=branch"


def test_environments_absent(bench: Bench) -> None:
    bench.world(azure())
    bench.run(*COMMAND, **GIVEN)
    release = "repos/zava/retail-mcp/environments/release"
    assert changes(bench) == [
        put(ADA, GRACE),
        POST,
        put(ADA, GRACE).replace(PATH, release),
        f"gh api --method POST {release}/deployment-branch-policies -f 'name=v*' -f type=tag",
    ], changes(bench)


def test_environment_without_policy(bench: Bench) -> None:
    # Each branch may enter, and Azure believes what is inside. Null is what GitHub has for no policy.
    for policy in [None, {"protected_branches": True, "custom_branch_policies": False}]:
        bench.world(stands({**reviewed(41, 42), "deployment_branch_policy": policy}))
        output = bench.run(*COMMAND, **GIVEN)
        assert changes(bench) == [put(ADA, GRACE), POST], changes(bench)
        assert "production lacks: who may enter\n" in output, output


def test_environment_without_pattern(bench: Bench) -> None:
    # What a run leaves that ended between the two. A tag of that name is no branch.
    for policies in [[], [("tag", "main")]]:
        bench.world(stands(reviewed(41, 42), *policies))
        bench.run(*COMMAND, **GIVEN)
        assert changes(bench) == [POST], changes(bench)


def test_environment_without_reviewers_gets_them(bench: Bench) -> None:
    bench.world(stands(reviewed(), ("branch", "main")))
    bench.run(*COMMAND, **GIVEN)
    assert changes(bench) == [put(ADA, GRACE)], changes(bench)


def test_environment_keeps_what_it_has(bench: Bench) -> None:
    # A team approves, also its own, half an hour later: GitHub would forget what is not said again.
    environment = reviewed()
    team = {"type": "Team", "reviewer": {"id": 7}}
    environment["protection_rules"] += [
        {"type": "wait_timer", "wait_timer": 30},
        {"type": "required_reviewers", "prevent_self_review": False, "reviewers": [team]},
    ]
    bench.world(stands(environment, ("branch", "main")))
    bench.run(*COMMAND, **GIVEN)
    assert changes(bench) == [put(TEAM, ADA, GRACE, wait=30, themselves=True)], changes(bench)


def test_environment_all_right(bench: Bench) -> None:
    bench.world(stands(reviewed(42, 41, 43), ("branch", "main")))
    output = bench.run(*COMMAND, **GIVEN)
    assert not changes(bench) and "lacks" not in output and "is open" not in output, output


def test_environment_open_to_others(bench: Bench) -> None:
    # Not ours to take away, and not to be kept quiet.
    bench.world(stands(reviewed(41, 42), ("branch", "main"), ("branch", "hotfix/*")))
    output = bench.run(*COMMAND, **GIVEN)
    assert not changes(bench) and "production is also open to branch hotfix/*" in output, output


def test_environments_dry_run(bench: Bench) -> None:
    there = answer("^az group exists ", "true\n")
    bench.world([there, *azure()])
    output = bench.run(*COMMAND, "--dry-run", **GIVEN)
    bench.expect_nothing_changed()
    for name, pattern in [("production", "branch main"), ("release", "tag v*")]:
        assert f"environment {name} lacks: itself, reviewers, who may enter\n" in output, output
        assert f"environment {name} is open to no {pattern}\n" in output, output
    bench.world([there, *stands(reviewed(41))])
    output = bench.run(*COMMAND, "--dry-run", **GIVEN)
    bench.expect_nothing_changed()
    assert "lacks: reviewers\n" in output and "production is open to no branch main\n" in output, output


def test_environment_that_cannot_be_read(bench: Bench) -> None:
    # To take this for an environment that is not there would set what is there anew.
    bench.world([answer(f"^gh api {PATH}$", err="gh: Bad gateway (HTTP 502)\n", code=1), *azure()])
    output = bench.run(*COMMAND, code=1, **GIVEN)
    assert not changes(bench) and "HTTP 502" in output, output


def test_release_needs_reviewers(bench: Bench) -> None:
    for said, code in [(reviewed(41), 0), (reviewed(), 1), ({}, 1)]:
        bench.world([answer("^gh api ", said)])
        bench.run("require-approval.sh", "release", GITHUB_REPOSITORY="zava/retail-mcp", code=code)
        assert bench.lines() == ["gh api repos/zava/retail-mcp/environments/release"], bench.lines()
    bench.run("require-approval.sh", "elsewhere", GITHUB_REPOSITORY="zava/retail-mcp", code=2)
