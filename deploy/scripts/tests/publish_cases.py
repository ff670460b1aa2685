"""A release: what is made public, when, and for whom."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from bench import HERE, Bench
from pipelines import GitHub
from release_cases import DIGEST, repository
from setup_cases import reviewed
from world import answer

IMAGE = "ghcr.io/zava/retail-mcp"
# Each is seen by others than us.
PUBLIC = ("docker buildx imagetools create", "gh release create", "mcp-publisher publish")


class Release(GitHub):
    """release.yml, in a repository whose version is that of the tag. The programs are there; the registry's is a stub."""

    FILE = ".github/workflows/release.yml"

    def __init__(self, bench: Bench, version: str, *, approve: bool = True) -> None:
        super().__init__(bench, approve=approve)
        self.EVENT = {**GitHub.EVENT, "ref": f"refs/tags/v{version}"}
        bench.without("git")
        (bench.path / "git").symlink_to(HERE / "stub.py")
        entry = {"name": "io.github.example/retail-mcp", "repository": {"url": "https://github.com/example/retail-mcp"}}
        entry |= {"version": version, "packages": [{"identifier": f"ghcr.io/example/retail-mcp:{version}"}]}
        self.checkout = repository(
            bench,
            Cargo_toml=f'[workspace.package]\nversion = "{version}"\n',
            server_json=json.dumps(entry),
            CHANGELOG_md=f"## {version}\n",
        ).parents[1]
        # Its own test has the registry's program, and the sum of it.
        publish = self.checkout / "deploy/scripts/publish-server.sh"
        publish.write_text("#!/usr/bin/env bash\nmcp-publisher publish\n", encoding="utf-8")
        self.artifacts = bench.folder / "artifacts"
        program = self.artifacts / "program-x" / "retail-mcp.tar.gz"
        program.parent.mkdir(parents=True)
        program.write_text("a program", encoding="utf-8")
        digest = hashlib.sha256(program.read_bytes()).hexdigest()
        program.with_suffix(".sha256").write_text(f"{digest}  {program.name}\n", encoding="utf-8")

    def job(self, name: str, body: dict, matrix: dict) -> str:
        for made in ("digests", "sboms", "release"):
            shutil.rmtree(self.checkout / made, ignore_errors=True)
        # It builds for an hour, and on other machines.
        return "success" if name == "programs" else super().job(name, body, matrix)

    def action(self, action: str, given: dict[str, str]) -> dict[str, str]:
        if action == "actions/upload-artifact":
            shutil.copytree(self.checkout / Path(given["path"]).parent, self.artifacts / given["name"])
        elif action == "actions/download-artifact":
            found = list(self.artifacts.glob(given["pattern"]))
            assert found, f"no artifact is called {given['pattern']}"
            for folder in found:
                shutil.copytree(folder, self.checkout / given["path"], dirs_exist_ok=True)
        elif action == "actions/attest":
            for key in ("sbom-path", "subject-checksums"):
                assert key not in given or (self.checkout / given[key]).is_file(), f"{given[key]} is not there"
            return {"bundle-path": "Cargo.toml"}
        return {}


def world(*special: dict) -> list[dict]:
    return [
        *special,
        answer("^git "),
        answer("^docker buildx imagetools inspect ", DIGEST + "\n"),
        answer("^docker "),
        answer("^gh api repos/zava/retail-mcp/environments/release$", reviewed(41)),
        answer("^gh release create "),
        answer("^mcp-publisher publish"),
    ]


def published(bench: Bench) -> list[str]:
    return [line for line in bench.lines() if line.startswith(PUBLIC)]


def test_release(bench: Bench) -> None:
    bench.world(world())
    runner = Release(bench, "1.2.3")
    runner.run()
    assert set(runner.results.values()) == {"success"}, f"{runner.results}\n{bench.output}"
    bench.expect_calls()
    lines = bench.lines()
    assert [line.split(" --")[0] for line in published(bench)] == [
        "docker buildx imagetools create",
        "gh release create v1.2.3 " + " ".join(f"release/{name}" for name in RELEASED),
        "mcp-publisher publish",
    ], published(bench)
    assert f"--tag {IMAGE}:1.2.3 " in published(bench)[0] and "--prerelease" not in published(bench)[1], lines
    # Each processor's image is looked at, by its digest, before there is a tag.
    tagged = lines.index(published(bench)[0])
    for processor in ["amd64", "arm64"]:
        looks = [line for line in lines[:tagged] if f"--exit-code 1 --platform linux/{processor} {IMAGE}@sha256:" in line]
        assert len(looks) == 1, lines


RELEASED = [
    "SHA256SUMS",
    "SHA256SUMS.sigstore.json",
    "retail-mcp-image-amd64.cdx.json",
    "retail-mcp-image-arm64.cdx.json",
    "retail-mcp.tar.gz",
    "server.json",
]


def test_release_of_a_candidate(bench: Bench) -> None:
    bench.world(world())
    runner = Release(bench, "1.2.3-rc1")
    runner.run()
    assert runner.results["publish"] == "success" and runner.results["mcp-registry"] == "skipped", bench.output
    created = published(bench)[-1]
    assert created.startswith("gh release create v1.2.3-rc1 ") and " --prerelease " in created, published(bench)


def test_release_with_a_flaw(bench: Bench) -> None:
    # On the second processor alone.
    bench.world(world(answer("^docker run .*--exit-code 1 .*linux/arm64", code=1)))
    runner = Release(bench, "1.2.3")
    runner.run()
    assert runner.results["images"] == "failure" and runner.results["publish"] == "skipped", runner.results
    assert not published(bench), published(bench)


def test_release_refused(bench: Bench) -> None:
    bench.world(world())
    runner = Release(bench, "1.2.3", approve=False)
    runner.run()
    assert runner.results["publish"] == "refused" and runner.results["mcp-registry"] == "skipped", runner.results
    assert not published(bench), published(bench)


def test_release_that_nobody_approves(bench: Bench) -> None:
    # GitHub has made the environment just now, and let the job in.
    bench.world(world(answer("^gh api .*/environments/release$", reviewed())))
    runner = Release(bench, "1.2.3")
    runner.run()
    assert runner.results["publish"] == "failure" and runner.results["mcp-registry"] == "skipped", runner.results
    assert not published(bench), published(bench)
