"""Images, programs and the registry of servers."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

from bench import ROOT, SCRIPTS, Bench
from world import IMAGE, answer

DIGEST = "sha256:" + "c0ffee00" * 8


def test_build_and_push(bench: Bench) -> None:
    bench.world([answer("^docker buildx inspect ", code=1), answer("^docker ")])
    bench.run("build-image.sh", "--tag", "registry.example.com/retail-mcp:main-1", "--push")
    bench.expect_calls()
    assert bench.stdout == f"registry.example.com/retail-mcp@{DIGEST}\n", bench.stdout


def test_build_without_a_tag(bench: Bench) -> None:
    bench.world([answer("^docker ")])
    bench.run(
        "build-image.sh",
        "--tag",
        "ghcr.io/zava/retail-mcp:1.2.3",
        "--platform",
        "linux/arm64",
        "--push",
        "--digest-only",
    )
    built = bench.lines()[-1]
    assert "push-by-digest=true" in built and "--platform linux/arm64" in built and ":1.2.3" not in built, built
    assert bench.stdout == f"ghcr.io/zava/retail-mcp@{DIGEST}\n", bench.stdout


def test_build_for_a_scan(bench: Bench) -> None:
    bench.world([answer("^docker ")])
    bench.run(
        "build-image.sh",
        "--tag",
        "registry.example.com/retail-mcp:ci",
        "--target",
        "local-model",
        "--archive",
        "image.tar",
    )
    assert "type=oci,name=registry.example.com/retail-mcp:ci,dest=image.tar" in bench.lines()[-1], bench.lines()
    assert "push" not in bench.lines()[-1] and not bench.stdout


def test_latest_is_refused(bench: Bench) -> None:
    bench.world([])
    for tag in ["registry.example.com/retail-mcp:latest", "registry.example.com/retail-mcp", "retail-mcp:1"]:
        bench.run("build-image.sh", "--tag", tag, "--push", code=2)
    assert not bench.calls


def test_scan(bench: Bench) -> None:
    bench.world([answer("^docker ")])
    archive = bench.folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(ROOT / "LICENSE", "oci-layout")
    bench.run("scan-image.sh", "--archive", archive, "--sarif", bench.folder / "sarif", "--sbom", bench.folder / "sbom")
    bench.expect_calls()
    assert (bench.folder / "sarif").is_file() and (bench.folder / "sbom").is_file()


def test_serious_flaw(bench: Bench) -> None:
    bench.world([answer("^docker run .*--exit-code 1", code=1), answer("^docker ")])
    bench.run(
        "scan-image.sh", "--image", IMAGE, "--sarif", bench.folder / "sarif", "--sbom", bench.folder / "sbom", code=1
    )
    assert (bench.folder / "sarif").is_file(), "the findings are for code scanning all the same"


def test_scan_of_another_processor(bench: Bench) -> None:
    bench.world([answer("^docker ")])
    to = ["--sarif", bench.folder / "sarif", "--sbom", bench.folder / "sbom"]
    bench.run("scan-image.sh", "--image", IMAGE, "--platform", "linux/arm64", *to)
    assert len(bench.lines()) == 3 and all(line.endswith(f" --platform linux/arm64 {IMAGE}") for line in bench.lines()), (
        bench.lines()
    )
    bench.run("scan-image.sh", "--archive", "image.tar", "--platform", "linux/arm64", *to, code=2)


def test_join_images(bench: Bench) -> None:
    inspected = answer("^docker buildx imagetools inspect ", DIGEST + "\n")
    bench.world([inspected, answer("^docker buildx imagetools create ")])
    files = []
    for name in ["amd64", "arm64"]:
        files.append(bench.folder / name)
        files[-1].write_text(
            f"ghcr.io/zava/retail-mcp@sha256:{hashlib.sha256(name.encode()).hexdigest()}\n", encoding="utf-8"
        )
    bench.run("join-images.sh", "--tag", "ghcr.io/zava/retail-mcp:1.2.3", *files)
    bench.expect_calls()
    assert bench.stdout == f"{DIGEST}\n"
    bench.run("join-images.sh", "--tag", "ghcr.io/zava/retail-mcp:1.2.3", files[0], code=2)
    output = bench.run("join-images.sh", "--tag", "ghcr.io/zava/retail-mcp:1.2.3", "--dry-run", *files)
    assert not bench.calls and not bench.stdout, "a tag is public at once"
    assert "would run: docker buildx imagetools create --tag ghcr.io/zava/retail-mcp:1.2.3 ghcr.io/" in output, output


def test_install_rust(bench: Bench) -> None:
    bench.world([answer("^(rustup|cargo) ")])
    bench.run("install-rust.sh", "--component", "clippy", "--tool", "cargo-deny", "--tool", "cargo-auditable")
    version = next(
        line.split('"')[1] for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("rust-version")
    )
    assert bench.lines() == [
        f"rustup toolchain install {version} --profile minimal --component clippy",
        f"rustup default {version}",
        "cargo install --locked cargo-deny@0.20.2 cargo-auditable@0.7.7",
    ], bench.lines()
    bench.run("install-rust.sh", "--tool", "cargo-unknown", code=2)


def test_package(bench: Bench) -> None:
    bench.world([])
    program, sbom = bench.folder / "program", bench.folder / "sbom.json"
    # As the real one: pages into a folder, scripts to standard output.
    program.write_text(
        '#!/bin/sh\nif [ "$1" = manual ]; then echo .TH >"$2/retail-mcp.1"; else echo "$1 $2"; fi\n', encoding="utf-8"
    )
    program.chmod(0o755)
    sbom.write_text("{}", encoding="utf-8")
    to = bench.folder / "packed"
    bench.run(
        "package-release.sh", "--program", program, "--version", "1.2.3", "--target", "x", "--sbom", sbom, "--to", to
    )
    with tarfile.open(to / "retail-mcp-1.2.3-x.tar.gz") as tar:
        names = sorted(member.name for member in tar if member.isfile())
        assert tar.getmember("retail-mcp-1.2.3-x/retail-mcp").mode & 0o777 == 0o755
    assert names == [
        f"retail-mcp-1.2.3-x/{name}"
        for name in [
            *("CHANGELOG.md", "LICENSE", "README.md", "retail-mcp", "retail-mcp.cdx.json"),
            *("share/bash-completion/completions/retail-mcp", "share/fish/vendor_completions.d/retail-mcp.fish"),
            *("share/man/man1/retail-mcp.1", "share/zsh/site-functions/_retail-mcp"),
        ]
    ], names
    sums = dict(reversed(line.split()) for line in (to / "retail-mcp-1.2.3-x.sha256").read_text().splitlines())
    assert sums == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in to.iterdir()
        if not path.name.endswith(".sha256")
    }, sums


def repository(bench: Bench, **texts: str) -> Path:
    """A copy of the scripts in a repository of its own."""
    folder = bench.folder / "repository"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "deploy/scripts").mkdir(parents=True)
    for script in SCRIPTS.glob("*.sh"):
        shutil.copy(script, folder / "deploy/scripts")
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder / "deploy/scripts"


def test_release_check(bench: Bench) -> None:
    bench.world([])
    good = {
        "Cargo_toml": '[workspace.package]\nversion = "1.2.3"\n[workspace.dependencies]\nversion = "9.9.9"\n',
        "server_json": json.dumps(
            {"version": "1.2.3", "packages": [{"identifier": "ghcr.io/example/retail-mcp:1.2.3"}]}
        ),
        "CHANGELOG_md": "# Changelog\n\n## 1.2.3\n\n- All.\n",
    }
    bench.run(repository(bench, **good) / "release-check.sh", "v1.2.3")
    assert bench.stdout == "1.2.3\n"
    for name, wrong in [
        ("Cargo_toml", good["Cargo_toml"].replace("1.2.3", "1.2.2")),
        ("server_json", good["server_json"].replace('"version": "1.2.3"', '"version": "1.2.2"')),
        ("server_json", good["server_json"].replace("retail-mcp:1.2.3", "retail-mcp:1.2.2")),
        ("CHANGELOG_md", "# Changelog\n\n## Unreleased\n\n- See 1.2.3.\n"),
    ]:
        bench.run(repository(bench, **{**good, name: wrong}) / "release-check.sh", "v1.2.3", code=1)
    bench.run(repository(bench, **good) / "release-check.sh", "1.2.3", code=2)


def test_server_json(bench: Bench) -> None:
    bench.world([])
    bench.run("server-json.sh", "--owner", "Zava", "--digest", DIGEST)
    entry = json.loads(bench.stdout)
    assert (
        entry["name"] == "io.github.Zava/retail-mcp"
        and entry["repository"]["url"] == "https://github.com/Zava/retail-mcp"
    ), entry
    assert [package["identifier"] for package in entry["packages"]] == [f"ghcr.io/zava/retail-mcp@{DIGEST}"], entry[
        "packages"
    ]


def test_publisher_of_another_sum(bench: Bench) -> None:
    bench.world([answer("^curl ")])
    output = bench.run("publish-server.sh", "--owner", "zava", "--digest", DIGEST, code=1)
    assert "FAILED" in output or "did NOT match" in output, output
    assert len(bench.calls) == 1, "an unknown program was run"
