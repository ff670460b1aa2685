"""Numbers of the manifests that must be good, and fit each other and the server's own limits."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from findings import Finding, check
from keys import PREFIX, connections
from kubernetes import FOLDER, Documents, label, name, of_kind, renderings, selects, templates
from tree import Tree, seconds

UNITS = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
PORTS = {"port", "containerPort", "hostPort", "nodePort", "targetPort"}
#: After `server.shutdown_grace`: answers that are cut, metrics, the audit log.
FLUSH = 1 + 3 + 10


def quantity(text: Any) -> float | None:
    """What a quantity such as `512Mi` or `500m` is; None for what is none."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", str(text))
    return float(parts[1]) * UNITS[parts[2]] if parts and parts[2] in UNITS else None


@check("kubernetes values")
def values(tree: Tree) -> Iterator[Finding]:
    """What an API server refuses, and the schemas let pass: the first to see it would be the cluster."""
    for _, folder, objects in renderings(tree):
        for what, fix in (*_workloads(objects), *_ports(objects)):
            yield Finding(folder, what, fix)


def _workloads(objects: Documents) -> Iterator[tuple[str, str]]:
    for one in of_kind(objects, "Deployment"):
        if not selects(one["spec"]["selector"], one["spec"]["template"]["metadata"]["labels"]):
            yield f"{label(one)} does not select its own pods", "the labels of its template"
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        if scaler["spec"]["minReplicas"] > scaler["spec"]["maxReplicas"]:
            yield f"{label(scaler)}: the least is more than the most", "minReplicas, maxReplicas"
    for budget in of_kind(objects, "PodDisruptionBudget"):
        if len({"minAvailable", "maxUnavailable"} & budget["spec"].keys()) != 1:
            yield f"{label(budget)} has two limits, or none", "minAvailable or maxUnavailable"
    for one, template in templates(objects):
        for container in template["spec"]["containers"]:
            amounts = container["resources"]
            for resource in amounts["requests"] | amounts["limits"]:
                asked, most = (quantity(amounts[kind].get(resource, 0)) for kind in ("requests", "limits"))
                if asked is None or most is None:
                    yield f"{label(one)}: its {resource} is no quantity", f"a unit of {sorted(UNITS)}"
                elif resource in amounts["limits"] and asked > most:
                    yield f"{label(one)} asks for more {resource} than it may have", "requests and limits"
        for volume in template["spec"]["volumes"]:
            if "emptyDir" in volume and quantity(volume["emptyDir"].get("sizeLimit", 0)) is None:
                yield f"{label(one)}: the size of {volume['name']} is no quantity", f"a unit of {sorted(UNITS)}"


def _ports(objects: Documents) -> Iterator[tuple[str, str]]:
    def walk(value: Any) -> Iterator[tuple[str, Any]]:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield str(key), inner
            if isinstance(inner, dict | list):
                yield from walk(inner)

    for one in objects:
        for key, value in walk(one.get("spec", {})):
            if key in PORTS and isinstance(value, int) and not 1 <= value <= 65535:
                yield f"{label(one)}: {value} is no port", "1 to 65535"
            if key == "protocol" and value not in ("TCP", "UDP", "SCTP", "HTTPS"):
                yield f"{label(one)}: {value} is no protocol", "TCP, UDP or SCTP"


@check("kubernetes limits")
def limits(tree: Tree) -> Iterator[Finding]:
    """Connections, times and sizes fit each other and the server's keys."""
    for rendering, folder, objects in renderings(tree):
        [settings] = [one["data"] for one in of_kind(objects, "ConfigMap")]
        for what, fix in (*_roll_out(objects, settings), *_way_in(objects, settings), *_addresses(objects, settings)):
            yield Finding(folder, what, fix)
        if rendering == "production":
            servers, pool = (int(settings[f"{PREFIX}DATABASE__{key}"]) for key in ("SERVERS", "POOL_MAX_CONNECTIONS"))
            needed = connections(tree, servers, pool)
            # PostgreSQL keeps some for itself, and a migration and people need some.
            said = re.search(r"`max_connections`\s+of\s+at\s+least\s+(\d+)", tree.read(f"{FOLDER}/README.md"))
            if not said or int(said[1]) < needed + 20:
                what = f"does not tell operators that {needed} connections are needed, and 20 besides"
                yield Finding(f"{FOLDER}/README.md", what, f"`max_connections` of at least {needed + 20}")


def _roll_out(objects: Documents, settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The lab's autoscaler could start more servers than the database had connections for."""
    [deployment], [scaler] = of_kind(objects, "Deployment"), of_kind(objects, "HorizontalPodAutoscaler")
    pods = deployment["spec"]["template"]["spec"]
    rolling = deployment["spec"]["strategy"]["rollingUpdate"]
    most = scaler["spec"]["maxReplicas"] + rolling["maxSurge"] + 1
    if int(settings[f"{PREFIX}DATABASE__SERVERS"]) < most:
        yield f"there may be {most} servers with connections at once", "servers.withConnections in settings.yaml"
    if rolling["maxUnavailable"] != 0:
        yield "a roll-out takes a server away before there is another", "maxUnavailable: 0"
    drain = pods["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = seconds(settings[f"{PREFIX}SERVER__SHUTDOWN_GRACE"])
    if drain + grace + FLUSH > pods["terminationGracePeriodSeconds"]:
        yield (
            f"a server needs {drain + grace + FLUSH:g} s to stop, and is killed before",
            "terminationGracePeriodSeconds",
        )
    if drain + grace + 1 > deployment["spec"]["minReadySeconds"]:
        yield "more than one of the old servers may be stopping at a time", "minReadySeconds"


def _way_in(objects: Documents, settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The ingress lets pass what the server takes, and waits for its answer."""
    longest = seconds(settings[f"{PREFIX}SERVER__REQUEST_TIMEOUT"])
    for way in of_kind(objects, "Ingress"):
        notes = way["metadata"]["annotations"]
        [(number, unit)] = re.findall(r"^(\d+)([km]?)$", notes["nginx.org/client-max-body-size"])
        if int(number) * {"": 1, "k": 2**10, "m": 2**20}[unit] != int(settings[f"{PREFIX}SERVER__MAX_BODY_BYTES"]):
            yield f"{label(way)} lets pass other bodies than the server", "client-max-body-size"
        for kind in ("read", "send"):
            if seconds(notes[f"nginx.org/proxy-{kind}-timeout"]) <= longest:
                yield f"{label(way)} gives up before the server answers", f"proxy-{kind}-timeout"
    for route in of_kind(objects, "HTTPRoute"):
        if any(seconds(rule["timeouts"]["request"]) <= longest for rule in route["spec"]["rules"]):
            yield f"{label(route)} gives up before the server answers", "timeouts.request"
    for policy in of_kind(objects, "BackendTrafficPolicy"):
        idle = seconds(policy["spec"]["timeout"]["http"]["connectionIdleTimeout"])
        if idle >= seconds(settings[f"{PREFIX}SERVER__IDLE_TIMEOUT"]):
            yield f"{label(policy)} uses connections that the server may have closed", "connectionIdleTimeout"


def _addresses(objects: Documents, settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Who is an operator, and the ports that network and settings must have alike."""
    operators, proxies = (
        [ipaddress.ip_network(one) for one in settings[PREFIX + key].split(",")]
        for key in ("TELEMETRY__OPERATORS", "SERVER__PROXIES")
    )
    if any(operator.overlaps(proxy) for operator in operators for proxy in proxies):
        yield (
            "an address is a proxy's and an operator's: whoever calls would read metrics",
            "operators in settings.yaml",
        )
    if any(operator.prefixlen == 0 for operator in operators):
        yield "everybody is an operator", "operators in settings.yaml"
    ports = {
        name(policy): str(policy["spec"]["egress"][0]["ports"][0]["port"])
        for policy in of_kind(objects, "NetworkPolicy")
        if policy["spec"].get("egress")
    }
    for policy, port in {
        "retail-mcp-to-postgresql": settings[f"{PREFIX}DATABASE__PORT"],
        "retail-mcp-to-redis": settings[f"{PREFIX}CACHE__REDIS_URL"].rsplit(":", 1)[1],
        "retail-mcp-to-collector": settings[f"{PREFIX}TELEMETRY__OTLP__ENDPOINT"].rsplit(":", 1)[1],
    }.items():
        if ports.get(policy) != port:
            yield (
                f"NetworkPolicy {policy} is of port {ports.get(policy)}, and servers use {port}",
                "the port in settings.yaml",
            )
