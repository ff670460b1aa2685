"""What the manifests name must be there: objects, ports, hosts, metrics.

No schema and not even an API server looks at these. The lab had an autoscaler without its Deployment, by a metric that
nothing exported, and no other manifest at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from findings import Finding, check
from keys import PREFIX
from kubernetes import FOLDER, Documents, label, name, of_kind, renderings, selects, templates, variables
from tree import Tree

ADAPTER = f"{FOLDER}/cluster/prometheus-adapter.values.yaml"
RULES = "deploy/observability/prometheus/retail-mcp.rules.yaml"


@check("kubernetes references")
def references(tree: Tree) -> Iterator[Finding]:
    """Objects, ports and metrics that are named by others are there."""
    for _, folder, objects in renderings(tree):
        for what, fix in (
            *_of_pods(objects),
            *_of_the_service(objects),
            *_of_the_autoscaler(objects),
            *_of_the_monitor(objects),
            *_of_the_way_in(objects),
        ):
            yield Finding(folder, what, fix)


def _of_pods(objects: Documents) -> Iterator[tuple[str, str]]:
    maps = {name(one) for one in of_kind(objects, "ConfigMap")}
    accounts = {name(one) for one in of_kind(objects, "ServiceAccount")}
    for one, template in templates(objects):
        spec = template["spec"]
        if spec.get("serviceAccountName") not in accounts:
            yield f"{label(one)} runs as a service account that is not there", f"one of {sorted(accounts)}"
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        in_memory = {volume["name"] for volume in spec.get("volumes", []) if "emptyDir" in volume}
        for container in spec["containers"]:
            if not any(
                mount["name"] in in_memory and mount["mountPath"] == "/tmp" for mount in container["volumeMounts"]
            ):
                yield f"{label(one)} has no folder to write, and a root that it cannot", "an emptyDir at /tmp"
            for mount in container["volumeMounts"]:
                if mount["name"] not in volumes:
                    yield f"{label(one)} mounts {mount['name']}, which is no volume of it", f"one of {sorted(volumes)}"
            for source in container.get("envFrom", []):
                if source["configMapRef"]["name"] not in maps:
                    yield f"{label(one)} reads a ConfigMap that is not there", f"one of {sorted(maps)}"
            environment = variables(objects, container)
            ports = {port["name"]: str(port["containerPort"]) for port in container.get("ports", [])}
            if one["kind"] != "Deployment":
                continue
            if environment.get(f"{PREFIX}SERVER__LISTEN", "").rsplit(":", 1)[-1] not in ports.values():
                yield (
                    f"{label(one)} has no port that the server listens on",
                    f"{PREFIX}SERVER__LISTEN and containerPort",
                )
            for probe, path in {
                "startupProbe": "/startup",
                "livenessProbe": "/health",
                "readinessProbe": "/ready",
            }.items():
                ask = container.get(probe, {}).get("httpGet", {})
                if ask.get("path") != path or ask.get("port") not in ports:
                    yield f"{label(one)}: its {probe} asks {ask or 'nothing'}", f"{path} at the port http"
    images = {container["image"] for _, template in templates(objects) for container in template["spec"]["containers"]}
    if len(images) != 1:
        yield f"not all run the same image: {sorted(images)}", "name it in the overlay's `images` alone"


def _of_the_service(objects: Documents) -> Iterator[tuple[str, str]]:
    for service in of_kind(objects, "Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        hit = [template for one, template in templates(objects) if selects(selector, template["metadata"]["labels"])]
        if len(hit) != 1:
            yield f"{label(service)} selects {len(hit)} kinds of pods", "the labels of the Deployment's template"
        there = {port[key] for one in hit for port in one["spec"]["containers"][0].get("ports", []) for key in port}
        for port in service["spec"]["ports"]:
            if hit and port["targetPort"] not in there:
                yield (
                    f"{label(service)} leads to port {port['targetPort']}, which its pods do not have",
                    f"one of {there}",
                )
    for budget in of_kind(objects, "PodDisruptionBudget"):
        if not any(
            selects(budget["spec"]["selector"], template["metadata"]["labels"]) for _, template in templates(objects)
        ):
            yield f"{label(budget)} selects no pods", "the labels of the Deployment's template"


def _of_the_autoscaler(objects: Documents) -> Iterator[tuple[str, str]]:
    rules = [
        rule for one in of_kind(objects, "PrometheusRule") for group in one["spec"]["groups"] for rule in group["rules"]
    ]
    recorded = {rule.get("record") for rule in rules}
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) not in [(one["kind"], name(one)) for one, _ in templates(objects)]:
            yield f"{label(scaler)} scales {target['kind']} {target['name']}, which is not there", "name the Deployment"
        for metric in scaler["spec"]["metrics"]:
            if metric["type"] == "Pods" and metric["pods"]["metric"]["name"] not in recorded:
                named = metric["pods"]["metric"]["name"]
                yield f"{label(scaler)} goes by {named}, which nothing exports", "a record of the PrometheusRule"


def _of_the_monitor(objects: Documents) -> Iterator[tuple[str, str]]:
    services = of_kind(objects, "Service")
    for monitor in of_kind(objects, "ServiceMonitor"):
        hit = [one for one in services if selects(monitor["spec"]["selector"], one["metadata"]["labels"])]
        ports = {port["name"] for one in hit for port in one["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            if endpoint["port"] not in ports or endpoint["path"] != "/metrics":
                yield (
                    f"{label(monitor)} reads {endpoint['port']}{endpoint['path']}",
                    f"/metrics at one of {sorted(ports)}",
                )
        # The alerts ask for this job.
        if any(one["metadata"]["labels"].get(monitor["spec"]["jobLabel"]) != "retail-mcp" for one in hit):
            yield f"{label(monitor)} makes a job that is not retail-mcp", "the label app.kubernetes.io/name"


def _of_the_way_in(objects: Documents) -> Iterator[tuple[str, str]]:
    ports = {(name(one), port["name"]) for one in of_kind(objects, "Service") for port in one["spec"]["ports"]}
    hosts = set()
    for way in of_kind(objects, "Ingress"):
        hosts |= {host for tls in way["spec"]["tls"] for host in tls["hosts"]} | {
            rule["host"] for rule in way["spec"]["rules"]
        }
        for path in (path for rule in way["spec"]["rules"] for path in rule["http"]["paths"]):
            service = path["backend"]["service"]
            if (service["name"], service["port"].get("name")) not in ports:
                yield f"{label(way)} leads {path['path']} to a service that is not there", f"one of {sorted(ports)}"
    hosts |= {listener["hostname"] for one in of_kind(objects, "Gateway") for listener in one["spec"]["listeners"]}
    hosts |= {host for route in of_kind(objects, "HTTPRoute") for host in route["spec"]["hostnames"]}
    for one in of_kind(objects, "ConfigMap"):
        hosts |= {
            one["data"].get(f"{PREFIX}SERVER__ALLOWED_HOSTS"),
            one["data"][f"{PREFIX}AUTH__RESOURCE"].split("/")[2],
        }
    if len(hosts) != 1:
        yield (
            f"the way in and the servers do not have one host: {sorted(map(str, hosts))}",
            "components/settings puts it in",
        )


@check("kubernetes alerts")
def the_same_alerts(tree: Tree) -> Iterator[Finding]:
    """The PrometheusRule is the rules file, which `cargo xtask alerts` tests; a second copy would drift."""
    file = f"{FOLDER}/components/prometheus/rules.yaml"
    if tree.yaml(file)["spec"] != tree.yaml(RULES):
        yield Finding(file, f"is not what {RULES} is", "run the command in its first lines")


@check("kubernetes metric")
def the_autoscalers_metric(tree: Tree) -> Iterator[Finding]:
    """The adapter serves the metric that the autoscaler goes by. The lab's metric was exported by nothing."""
    [rule] = tree.yaml(ADAPTER)["rules"]["custom"]
    served = rule["name"]["as"]
    if not rule["seriesQuery"].startswith(f"{served}{{"):
        yield Finding(ADAPTER, f"{served} is made of another series", "the record of the same name")
    for _, folder, objects in renderings(tree):
        for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
            asked = {one["pods"]["metric"]["name"] for one in scaler["spec"]["metrics"] if one["type"] == "Pods"}
            if asked != {served}:
                yield Finding(
                    folder, f"{label(scaler)} goes by {asked}, and the adapter serves {served}", "the same name"
                )
