"""The configuration keys of docs/configuration.md, against which all deployments are checked, and what they must set.

The lab's deployments set names that its server did not read (POSTGRES_HOST, POSTGRES_CONNECTION_STRING), and left out
what it needed, Redis among it. Ours refuses to start with an unknown `RETAIL_MCP__` variable: better found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from findings import Finding
from tree import Tree

PREFIX = "RETAIL_MCP__"
PAGE = "docs/configuration.md"
#: Not a key: where the image's own files are.
OTHERS = {"RETAIL_MCP_CACHE_DIR"}

LOGINS = ["DATABASE__QUERY_PASSWORD", "DATABASE__HEAD_OFFICE_PASSWORD", "DATABASE__SERVICE_PASSWORD"]
EVERYBODY = ["DATABASE__HOST", "DATABASE__NAME", "DATABASE__SSL_MODE", *LOGINS, "DATABASE__IDENTITY_KEY", "DATA_DIR"]
REDIS = ["CACHE__MODE", "CACHE__REDIS_URL", "CACHE__REDIS_PASSWORD"]
SERVER = [
    *REDIS,
    "AUTH__MODE",
    "EMBEDDINGS__PROVIDER",
    "SERVER__LISTEN",
    "SERVER__SHUTDOWN_GRACE",
    "DATABASE__POOL_MAX_CONNECTIONS",
]
PRODUCTION = [
    "AUTH__RESOURCE",
    "AUTH__ISSUERS__ENTRA__ISSUER",
    "AUTH__ISSUERS__ENTRA__AUDIENCES",
    "AUTH__IDENTITY_TABLE",
    "SERVER__ALLOWED_HOSTS",
    "SERVER__PROXIES",
    "DATABASE__SERVERS",
]
#: `migrate` lets the login roles have as many connections as all servers take, and asks these two how many that is.
ADMINISTRATION = ["DATABASE__ADMIN_USER", "DATABASE__ADMIN_PASSWORD"]
SIZES = ["DATABASE__SERVERS", "DATABASE__POOL_MAX_CONNECTIONS"]


class Keys:
    """What docs/configuration.md says."""

    def __init__(self, tree: Tree) -> None:
        page = tree.read(PAGE)
        names = set(re.findall(r"`(RETAIL_MCP__[A-Z0-9_<>]+)`", page))
        self._patterns = [re.compile(self._pattern(name)) for name in names]
        self._secrets = [re.compile(self._pattern(name)) for name in names if name + "_FILE" in names]
        self.aliases = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.M))

    @staticmethod
    def _pattern(name: str) -> str:
        return "^" + re.escape(name).replace("<NAME>", "[A-Z0-9]+(?:_[A-Z0-9]+)*") + "$"

    def known(self, variable: str) -> bool:
        return variable in OTHERS or any(pattern.match(variable) for pattern in self._patterns)

    def secret(self, variable: str) -> bool:
        """Whether its value may be given by a file. Where Redis is may have a password in it, and need not."""
        return not variable.endswith("__REDIS_URL") and any(pattern.match(variable) for pattern in self._secrets)

    def unknown(self, variables: Mapping[str, object], file: str, who: str) -> Iterator[Finding]:
        for name in variables:
            if not self.known(name):
                old = (
                    "is a variable of the reference server" if name in self.aliases else "is no variable of the server"
                )
                yield Finding(file, f"{who}: {name} {old}", f"use a name of {PAGE}")


def keys(tree: Tree) -> Keys:
    return tree.once("keys", [PAGE], lambda: Keys(tree))


def file_of(variable: str) -> str:
    """The secret file of a variable: `…__DATABASE__QUERY_PASSWORD_FILE` is in `query-password`."""
    return variable.removesuffix("_FILE").rsplit("__", 1)[1].lower().replace("_", "-")


def missing(
    variables: Mapping[str, object], file: str, who: str, command: str, *, production: bool
) -> Iterator[Finding]:
    """What a process of ours needs and does not get. Values that are expressions of a template count as set."""
    wanted = list(EVERYBODY)
    if command == "serve":
        wanted += SERVER + (PRODUCTION if production else [])
    else:
        wanted += ADMINISTRATION
    if command == "migrate" and production:
        wanted += SIZES
    for name in wanted:
        if not variables.get(PREFIX + name) and not variables.get(f"{PREFIX}{name}_FILE"):
            yield Finding(file, f"{who}: {PREFIX}{name} is not set", "set it, or its …_FILE if it is a secret")
    values = {"DATABASE__SSL_MODE": "verify-full", "DATABASE__NAME": "zava"}
    if command == "serve":
        values |= {"CACHE__MODE": "redis"} | ({"AUTH__MODE": "oidc"} if production else {})
    for name, value in values.items():
        there = variables.get(PREFIX + name)
        if there and there != value:
            yield Finding(file, f"{who}: {PREFIX}{name} is {there}", f"it must be {value}")


def connections(tree: Tree, servers: int, pool: int) -> int:
    """How many connections so many servers take: their pools, and those of the service login."""
    source = tree.read("crates/storage/src/service.rs")
    [own] = re.findall(r"const MAX_CONNECTIONS: usize = (\d+);", source)
    return servers * (pool + int(own))
