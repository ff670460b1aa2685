"""The networks of a project: a bridge for each, and for each container a network namespace with its own addresses."""

from __future__ import annotations

import ipaddress
import subprocess
from pathlib import Path
from typing import Any

from project import Service


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Networks:
    """All of them are in the namespace that this process is alone in: nothing leads to the machine's own network."""

    def __init__(self, networks: dict[str, Any], first: int) -> None:
        """`first`: where addresses of networks that ask for none begin, so that projects do not share any."""
        self._bridges: dict[str, str] = {}
        self._subnets: dict[str, ipaddress.IPv4Network] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._links = 0
        self._first = first
        for number, (name, network) in enumerate(sorted(networks.items())):
            self._bridges[name] = f"br{first}x{number}"
            config = (network.get("ipam") or {}).get("config") or []
            subnet = config[0]["subnet"] if config else f"10.214.{first}.{number * 16}/28"
            self._subnets[name] = ipaddress.ip_network(subnet)
            ip("link", "add", "name", self._bridges[name], "type", "bridge")
            ip("link", "set", self._bridges[name], "up")

    def attach(self, container: str, service: Service) -> None:
        """Gives a container its namespace and its place in each of its networks; once."""
        if any(name == container for name, _ in self._addresses):
            return
        ip("netns", "add", container)
        ip("-n", container, "link", "set", "lo", "up")
        for number, (network, options) in enumerate(sorted((service.get("networks") or {}).items())):
            address = (options or {}).get("ipv4_address") or self._free(network)
            self._addresses[container, network] = address
            outer = f"v{self._first}x{self._links}"
            self._links += 1
            ip("link", "add", outer, "type", "veth", "peer", "name", f"eth{number}", "netns", container)
            ip("link", "set", outer, "master", self._bridges[network], "up")
            ip("-n", container, "addr", "add", f"{address}/{self._subnets[network].prefixlen}", "dev", f"eth{number}")
            ip("-n", container, "link", "set", f"eth{number}", "up")

    def open_to_host(self, network: str) -> None:
        """Lets who is in no container reach a network, as published ports do."""
        ip("addr", "add", f"{self._free(network)}/{self._subnets[network].prefixlen}", "dev", self._bridges[network])

    def address(self, container: str, network: str) -> str:
        return self._addresses[container, network]

    def hosts(self, container: str, services: dict[str, Service]) -> str:
        """The names that a container knows: those who share a network with it, and what `extra_hosts` says."""
        lines = ["127.0.0.1 localhost"]
        mine = {network for name, network in self._addresses if name == container}
        for (other, network), address in self._addresses.items():
            if network in mine and other in services:
                aliases = ((services[other].get("networks") or {}).get(network) or {}).get("aliases") or []
                lines.append(" ".join([address, other, *aliases]))
        for entry in services.get(container, {}).get("extra_hosts") or []:
            name, address = entry.split("=")
            lines.append(f"{address} {name}")
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        """Removes them all, so that another project may use the names."""
        for container in {name for name, _ in self._addresses if Path("/run/netns", name).exists()}:
            ip("netns", "delete", container)
        for bridge in self._bridges.values():
            ip("link", "delete", bridge)

    def _free(self, network: str) -> str:
        # From the end: fixed addresses are at the beginning.
        taken = {address for (_, name), address in self._addresses.items() if name == network}
        hosts = reversed(list(self._subnets[network].hosts()))
        address = next(str(host) for host in hosts if str(host) not in taken)
        self._addresses[f"host of {address}", network] = address
        return address
