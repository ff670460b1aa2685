"""What is said of compose.prod.yaml alone: three servers, their networks, and what each may take."""

from __future__ import annotations

import copy
import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from compose import PRODUCTION, SERVICES, VALUES, command, configuration, environment, ours, services
from findings import Finding, check
from keys import PREFIX, connections
from tree import Tree

#: The lab's: processors and memory at most, and for certain.
SIZES = (2, "2147483648", 0.5, "536870912")
RESTART = {"condition": "on-failure", "delay": "5s", "max_attempts": 3}
UPDATE = {"parallelism": 1, "delay": "10s", "failure_action": "rollback"}
POSTGRESQL = "deploy/compose/postgres/postgresql.conf"


def servers(tree: Tree) -> list[str]:
    return sorted(name for file, name, _, told in ours(tree) if file == PRODUCTION and told == "serve")


@check("compose limits")
def limits(tree: Tree) -> Iterator[Finding]:
    """Memory is limited for all; servers have the lab's limits, restarts and updates, which were for Swarm alone."""
    for file, name, service in services(tree):
        resources = service.get("deploy", {}).get("resources", {})
        most, sure = resources.get("limits", {}), resources.get("reservations", {})
        if file == PRODUCTION and not most.get("memory"):
            yield Finding(file, f"{name} may take all memory", "deploy.resources.limits.memory")
        if file == PRODUCTION and command(service) == "serve":
            if (most.get("cpus"), most.get("memory"), sure.get("cpus"), sure.get("memory")) != SIZES:
                yield Finding(file, f"{name} has other limits than the lab's: {most}, {sure}", f"they are {SIZES}")
            if service["deploy"].get("restart_policy") != RESTART:
                yield Finding(file, f"{name} is restarted otherwise", f"restart_policy: {RESTART}")
    # deploy/compose/roll.sh reads these.
    if configuration(tree, PRODUCTION).get("x-update-config") != UPDATE:
        yield Finding(PRODUCTION, "updates go otherwise", f"x-update-config: {UPDATE}")


@check("compose replicas")
def replicas(tree: Tree) -> Iterator[Finding]:
    """Three servers that differ in their address alone. The lab's three wanted the same port of the machine."""
    there = configuration(tree, PRODUCTION)["services"]
    names = servers(tree)
    if len(names) != 3:
        yield Finding(PRODUCTION, f"there are {len(names)} servers", "three")
    alike = [copy.deepcopy(there[name]) for name in names]
    for name, service in zip(names, alike, strict=True):
        service["networks"]["app"].pop("ipv4_address")
        if service != alike[0]:
            yield Finding(PRODUCTION, f"{name} is not as {names[0]}", "say it in x-server")


@check("compose networks")
def networks(tree: Tree) -> Iterator[Finding]:
    """Database and Redis are in networks without a way out, and addresses that others name are there."""
    all_of = configuration(tree, PRODUCTION)
    there, nets = all_of["services"], all_of["networks"]
    for net in ("app", "data", "cache", "telemetry"):
        if not nets[net].get("internal"):
            yield Finding(PRODUCTION, f"the network {net} has a way out", "internal: true")
    for name, allowed in {"postgres": {"data"}, "redis": {"cache"}}.items():
        if set(there[name]["networks"]) != allowed:
            yield Finding(PRODUCTION, f"{name} is in {list(there[name]['networks'])}", f"in {allowed} alone")
    if {"data", "cache"} & set(there["proxy"]["networks"]):
        yield Finding(PRODUCTION, "the proxy reaches the database or Redis", "keep it in app and public")
    yield from _addresses(there, nets)
    yield from _who_names_whom(tree, there)


def _addresses(there: dict[str, Any], nets: dict[str, Any]) -> Iterator[Finding]:
    taken = set()
    for name, service in there.items():
        for net, options in service["networks"].items():
            address = (options or {}).get("ipv4_address")
            if address is None:
                continue
            plan = nets[net]["ipam"]["config"][0]
            subnet, dynamic = (ipaddress.ip_network(plan[key]) for key in ("subnet", "ip_range"))
            one = ipaddress.ip_address(address)
            # The first of a network is the machine's.
            if one not in subnet or one in dynamic or (net, address) in taken or one == subnet[1]:
                yield Finding(PRODUCTION, f"{name}: {address} cannot be had in {net}", "another one of its subnet")
            taken.add((net, address))


def _who_names_whom(tree: Tree, there: dict[str, Any]) -> Iterator[Finding]:
    hosts = dict(re.split("[=:]", line, maxsplit=1) for line in there["proxy"]["extra_hosts"])
    upstreams = re.findall(r"^server (\S+) ", tree.read("deploy/reverse-proxy/upstreams.conf"), re.M)
    if upstreams != [f"{name}:8000" for name in servers(tree)]:
        yield Finding(
            "deploy/reverse-proxy/upstreams.conf", f"has {upstreams}", "the servers of compose.prod.yaml, in order"
        )
    proxy = there["proxy"]["networks"]["app"]["ipv4_address"]
    prometheus = there["prometheus"]["networks"]["telemetry"]["ipv4_address"]
    for name in servers(tree):
        variables, own = environment(there[name]), there[name]["networks"]["app"]["ipv4_address"]
        if hosts.get(name) != own:
            yield Finding(
                PRODUCTION, f"the proxy looks for {name} at {hosts.get(name)}, and it is at {own}", "extra_hosts"
            )
        if variables.get(f"{PREFIX}SERVER__PROXIES") != proxy:
            yield Finding(PRODUCTION, f"{name} believes another proxy than {proxy}", f"{PREFIX}SERVER__PROXIES")
        if prometheus not in variables.get(f"{PREFIX}TELEMETRY__OPERATORS", "").split(","):
            yield Finding(PRODUCTION, f"{name} refuses Prometheus at {prometheus}", f"{PREFIX}TELEMETRY__OPERATORS")


@check("compose connections")
def enough_connections(tree: Tree) -> Iterator[Finding]:
    """All servers fit the database, and the migration is told of as many as there are, so that roles may have them."""
    [most] = map(int, re.findall(r"^max_connections = (\d+)", tree.read(POSTGRESQL), re.M))
    told = [f"{PREFIX}DATABASE__{key}" for key in ("SERVERS", "POOL_MAX_CONNECTIONS")]
    there, names = configuration(tree, PRODUCTION)["services"], servers(tree)
    for name in names:
        variables = environment(there[name])
        if variables.get(told[0]) != str(len(names)):
            yield Finding(PRODUCTION, f"{name} is told of {variables.get(told[0])} servers", f"{told[0]}: {len(names)}")
        needed = connections(tree, len(names), int(variables[told[1]]))
        # For a migration, people and PostgreSQL itself.
        if needed + 20 > most:
            yield Finding(POSTGRESQL, f"servers take {needed} connections, and there are {most}", "max_connections")
        if [variables.get(one) for one in told] != [environment(there["migrate"]).get(one) for one in told]:
            yield Finding(PRODUCTION, f"migrate is told of other sizes than {name}", " and ".join(told))


@check("compose values")
def values(tree: Tree) -> Iterator[Finding]:
    """production.env names each variable that compose.prod.yaml asks for, and no other."""
    there = set(re.findall(r"^#?([A-Z_]+)=", tree.read(VALUES), re.M))
    used = set(re.findall(r"\$\{([A-Z_]+)", tree.read(PRODUCTION) + tree.read(SERVICES))) | {"COMPOSE_PROFILES"}
    for name in sorted(used - there):
        yield Finding(VALUES, f"does not have {name}", f"name it: {PRODUCTION} asks for it")
    for name in sorted(there - used):
        yield Finding(VALUES, f"has {name}, which nothing asks for", "leave it out")
