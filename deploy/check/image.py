"""The Dockerfile and what is sent to its builder.

The lab's image was built of whatever was newest, had tests, data and secrets in it, started a module that did not
exist, and its health check passed always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from findings import Finding, check
from tree import Tree

FILE, CONTEXT = "Dockerfile", ".dockerignore"
TARGETS = ("slim", "local-model")
USER = "10001:10001"
#: What the program is made of.
CRATES = [
    "auth",
    "cache",
    "domain",
    "embedded-postgres",
    "embeddings",
    "mcp-protocol",
    "sample-data",
    "server",
    "sql-guard",
    "storage",
    "telemetry",
    "wheels",
]
#: Must not get to the builder.
PRIVATE = [
    "deploy/compose/secrets/admin-password",
    ".git/config",
    ".env",
    "retail-mcp.toml",
    "docs/edge.md",
    "target/debug/x",
    "crates/auth/tests/it/main.rs",
    "crates/testkit/src/issuer/test_rsa_1.pem",
    "compose.yaml",
    "Dockerfile",
]


def stages(tree: Tree) -> dict[str, str]:
    """The text of each stage by its name, in order."""
    parts = re.split(r"^FROM ", tree.read(FILE), flags=re.M)[1:]
    return {part.split()[2]: part for part in parts}


@check("image build")
def build(tree: Tree) -> Iterator[Finding]:
    """The same commit makes the same image, with any builder: the program, its libraries, and nothing to build with."""
    text = tree.read(FILE)
    for pattern, what in {
        r"(?i)^#\s*syntax\s*=": "a syntax line, for which builders ask a registry",
        r"<<": "a here-document, which not all builders know",
        r"^ADD ": "ADD, which unpacks and fetches",
    }.items():
        if re.search(pattern, text, re.M):
            yield Finding(FILE, f"has {what}", "leave it out")
    for command in re.findall(r"cargo (?:auditable build|install)[^\n]*", text):
        if "--locked" not in command:
            yield Finding(FILE, f"`{command}` may take other versions", "--locked")
    for line in (
        "FROM scratch AS image",
        *(f"FROM image AS {target}" for target in TARGETS),
        'ENTRYPOINT ["/usr/local/bin/retail-mcp"]',
        'CMD ["serve"]',
        "COPY --from=build-slim /build/target/release/retail-mcp /rootfs/usr/local/bin/retail-mcp",
        "COPY --from=build-local-model /build/target/release/retail-mcp /rootfs/usr/local/bin/retail-mcp",
    ):
        if line not in text.splitlines():
            yield Finding(
                FILE, f"`{line}` is not there", "the image has the program, where it is started, and no tools"
            )
    if list(stages(tree))[-1] != "slim":
        yield Finding(FILE, "a build without --target does not make slim", "let slim be the last stage")
    for field in ("package", "version", "sha256"):
        if not re.search(rf'^    {field}: "(.*)",$', tree.read("crates/wheels/src/model.rs"), re.M):
            yield Finding(
                "crates/wheels/src/model.rs", f"has no {field} that the Dockerfile can read", f"a line `{field}:`"
            )


@check("image pinned")
def pinned(tree: Tree) -> Iterator[Finding]:
    """The base by version and digest; the lab's was whatever the tag named that day."""
    base = re.search(r"^ARG RUST_IMAGE=(\S+)", tree.read(FILE), re.M)
    if not base or not re.search(r":[^@:]+@sha256:[0-9a-f]{64}$", base[1]):
        yield Finding(FILE, "the base image has no version with a digest", "RUST_IMAGE=NAME:VERSION@sha256:…")


@check("image user")
def user(tree: Tree) -> Iterator[Finding]:
    """One user by number, who owns nothing of the image: the one that Kubernetes and Compose name.

    The lab's user had a number that Kubernetes did not, and owned the program.
    """
    for target in TARGETS:
        users = re.findall(r"^USER (\S+)", stages(tree)[target], re.M)
        if users != [USER]:
            yield Finding(FILE, f"{target} runs as {users or 'root'}", f"USER {USER}")
    if f"retail:x:{USER}:" not in tree.read(FILE):
        yield Finding(FILE, f"/etc/passwd has no user retail with {USER}", "the line that writes /rootfs/etc/passwd")
    if re.search(r"--chown|\bchown\b", tree.read(FILE)):
        yield Finding(FILE, "gives files to its user", "leave them root's")


@check("image healthcheck")
def healthcheck(tree: Tree) -> Iterator[Finding]:
    """It asks the server whether it is ready. The lab's printed `passed` whatever was the case."""
    for target in TARGETS:
        if not re.search(
            r'^HEALTHCHECK .*\\\n\s+CMD \["/usr/local/bin/retail-mcp", "healthcheck"\]', stages(tree)[target], re.M
        ):
            yield Finding(FILE, f"{target} is not asked by its own program", "retail-mcp healthcheck")


def _pattern(line: str) -> re.Pattern[str]:
    """A line of .dockerignore."""
    parts = re.split(r"(\*\*|\*)", line.rstrip("/"))
    return re.compile(
        "^" + "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts) + "(/.*)?$"
    )


@check("image context")
def context(tree: Tree) -> Iterator[Finding]:
    """The builder gets what the program is built from, and nothing else: no secrets, tests, history or data."""
    lines = [line.strip() for line in tree.read(CONTEXT).splitlines() if line.strip() and not line.startswith("#")]
    rules = [(line.startswith("!"), _pattern(line.removeprefix("!"))) for line in lines]

    def is_sent(path: str) -> bool:
        return ([True] + [let_in for let_in, pattern in rules if pattern.match(path)])[-1]

    if lines[:1] != ["*"]:
        yield Finding(CONTEXT, "does not leave out everything first", "begin with *")
    for path in PRIVATE:
        if is_sent(path):
            yield Finding(CONTEXT, f"sends {path} to the builder", "let in what is needed alone")
    for path, source in included(tree):
        if not is_sent(path):
            yield Finding(CONTEXT, f"does not send {path}, which {source} has in it", f"!{path}")


def included(tree: Tree) -> list[tuple[str, str]]:
    """Files that the program's code has in it by include_str! and include_bytes!, and where. Not those of its tests."""

    def make() -> list[tuple[str, str]]:
        found = []
        for crate in CRATES:
            for source in sorted((tree.home / "crates" / crate / "src").rglob("*.rs")):
                text = source.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
                for path in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', text):
                    there = (source.parent / path).resolve().relative_to(tree.home.resolve())
                    found.append((there.as_posix(), source.name))
        return found

    return tree.once("included", [], make)
