"""Which ways the NetworkPolicies leave open, compared with the table deploy/kubernetes/tests/network.yaml.

The lab's policies went by labels that no namespace has by itself, let everything out, closed Redis, metrics and traces,
and denied nothing by default. A policy that is wrong says nothing: only a connection, or this, shows it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from findings import Finding, check
from kubernetes import FOLDER, Documents, name, of_kind, renderings, selects
from tree import Tree

TABLE = f"{FOLDER}/tests/network.yaml"
Peer = dict[str, Any]


def _is_peer(rule: dict[str, Any], peer: Peer, namespace: str) -> bool:
    """Whether an entry of `from` or `to` of a policy in this namespace means the peer."""
    if "ipBlock" in rule or "address" in peer:
        if "ipBlock" not in rule or "address" not in peer:
            return False
        address = ipaddress.ip_address(peer["address"])
        left_out = any(address in ipaddress.ip_network(one) for one in rule["ipBlock"].get("except", []))
        return address in ipaddress.ip_network(rule["ipBlock"]["cidr"]) and not left_out
    if "namespaceSelector" in rule:
        # The one label that every namespace has by itself.
        if not selects(rule["namespaceSelector"], {"kubernetes.io/metadata.name": peer["namespace"]}):
            return False
    elif peer["namespace"] != namespace:
        return False
    return selects(rule.get("podSelector", {}), peer["labels"])


def _is_open(policies: Documents, end: Peer, other: Peer, direction: str, port: int, protocol: str) -> bool:
    """Whether the policies of one end let the connection pass. A pod that none selects is open."""
    if "address" in end:
        return True
    of_this_end = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == end["namespace"]
        and direction in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], end["labels"])
    ]
    for policy in of_this_end:
        for rule in policy["spec"].get(direction.lower()) or []:
            peers = rule.get("to" if direction == "Egress" else "from")
            if peers and not any(_is_peer(peer, other, policy["metadata"]["namespace"]) for peer in peers):
                continue
            ports = rule.get("ports")
            if not ports or any(
                one.get("protocol", "TCP") == protocol and one.get("port", port) == port for one in ports
            ):
                return True
    return not of_this_end


def _peer(table: dict[str, Any], who: str, rendering: str, namespace: str) -> Peer | None:
    """A pod, or the address that this rendering has; None where it has none."""
    peer = table["peers"][who]
    if "namespace" in peer:
        own = peer["namespace"] == "ours"
        return {"namespace": namespace if own else peer["namespace"], "labels": peer["labels"]}
    return {"address": peer[rendering]} if rendering in peer else None


@check("kubernetes network")
def ways(tree: Tree) -> Iterator[Finding]:
    """Exactly the ways of the table are open, in every rendering."""
    table = tree.yaml(TABLE)
    for rendering, folder, objects in renderings(tree):
        policies = of_kind(objects, "NetworkPolicy")
        [namespace] = of_kind(objects, "Namespace")
        for row in table["rows"]:
            if rendering not in row.get("only", [rendering]):
                continue
            source = _peer(table, row["from"], rendering, name(namespace))
            target = _peer(table, row["to"], rendering, name(namespace))
            if source is None or target is None:
                continue
            port, protocol = row["port"], row.get("protocol", "TCP")
            is_open = _is_open(policies, source, target, "Egress", port, protocol) and _is_open(
                policies, target, source, "Ingress", port, protocol
            )
            if is_open != row["allow"]:
                way = f"{row['from']} {'reaches' if is_open else 'does not reach'} {row['to']} at {protocol} {port}"
                yield Finding(folder, way, f"a NetworkPolicy of this rendering, or the row in {TABLE}")
