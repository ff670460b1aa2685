"""The templates of deploy/azure, where neither types nor the policy tools see what is wrong.

The lab's template deployed `latest`, whatever the pipeline had built; could not pull it, for want of an identity; was
not in the database's network; and restarted for ever, by probes of paths that did not exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from findings import CannotCheck, Finding, check
from keys import PREFIX, connections, keys, missing
from tree import Tree

FOLDER = "deploy/azure"
SERVER, JOB, APP, MAIN = "modules/server.bicep", "modules/job.bicep", "app.bicep", "main.bicep"
RULES = "deploy/observability/prometheus/retail-mcp.rules.yaml"
ENVIRONMENTS = ("staging", "production")
#: Besides what every server of ours needs.
OF_AZURE = {
    "serve": [
        "EMBEDDINGS__AZURE__ENDPOINT",
        "EMBEDDINGS__AZURE__CLIENT_ID",
        "TELEMETRY__APPLICATION_INSIGHTS__CONNECTION_STRING",
    ],
    "migrate": ["EMBEDDINGS__AZURE__ENDPOINT", "EMBEDDINGS__AZURE__CLIENT_ID"],
}
PROBES = [("Startup", "/startup"), ("Liveness", "/health"), ("Readiness", "/ready")]
#: max_connections that Azure gives a size by itself, of its memory: as much as it holds.
CONNECTIONS_OF = {"Standard_B2ms": 859, "Standard_D2s_v3": 859, "Standard_D4s_v3": 1718, "Standard_D8s_v3": 3437}
#: Container Apps keeps these for itself: its ingress connects from there.
INGRESS = {"100.100.0.0/17", "100.100.128.0/19", "100.100.160.0/19", "100.100.192.0/19"}


def text(tree: Tree, file: str) -> str:
    """A template without its comments."""
    return re.sub(r"^\s*//.*$", "", tree.read(f"{FOLDER}/{file}"), flags=re.M)


def templates(tree: Tree) -> list[str]:
    patterns = [f"{FOLDER}/*.bicep", f"{FOLDER}/modules/*.bicep", f"{FOLDER}/*.bicepparam"]
    return [path.removeprefix(f"{FOLDER}/") for path in tree.paths(*patterns)]


def sizes(tree: Tree, environment: str) -> dict[str, Any]:
    return json.loads(tree.read(f"{FOLDER}/sizes.json"))[environment]


def at(file: str, what: str, fix: str) -> Finding:
    return Finding(f"{FOLDER}/{file}", what, fix)


def lacks(tree: Tree, file: str, *parts: str) -> Iterator[Finding]:
    """Lines that must be in a template."""
    for part in parts:
        if part not in text(tree, file):
            yield at(file, f"`{part}` is not there", "put it back")


def declarations(tree: Tree, file: str) -> dict[str, str]:
    """The text of each variable, parameter, resource and module by its name."""
    parts = re.split(r"^(?:var|param|resource|module|output) (\w+)", text(tree, file), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def environments(tree: Tree) -> dict[str, dict[str, str]]:
    """The variables of servers and migration. A value that is an expression is its text."""
    there = declarations(tree, APP)

    def of(*names: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in names:
            if name not in there:
                raise CannotCheck(f"{APP} has no {name}")
            for variable, value in re.findall(r"name: '([A-Z][^']+)'[,\n]\s*value: (.+?)(?: \})?$", there[name], re.M):
                found[re.sub(r"\$\{[^}]*\}", "X", variable)] = value.strip("'")
            found |= dict.fromkeys(re.findall(r"variable: '([^']+)'", there[name]), "a reference")
        return found

    rules = ("ruleClaims", "ruleValues", "ruleStores", "ruleAllStores", "ruleScopes")
    common = ("databaseVariables", "loginSecrets")
    return {
        "serve": of(*common, "serverVariables", "firstVariables", "telemetrySecret", "server", *rules),
        "serve in the second region": of(
            *common, "serverVariables", "secondVariables", "telemetrySecret", "secondServer"
        ),
        "migrate": of(*common, "jobVariables", "jobSecrets"),
    }


@check("azure keys")
def only_known_keys(tree: Tree) -> Iterator[Finding]:
    """Variables that the server reads: the lab's set POSTGRES_CONNECTION_STRING, which its server did not."""
    for who, variables in environments(tree).items():
        yield from keys(tree).unknown(variables, f"{FOLDER}/{APP}", who)


@check("azure required")
def required_keys(tree: Tree) -> Iterator[Finding]:
    """What servers and jobs need. The lab's had no address of Azure OpenAI, no Application Insights, and no Redis."""
    for who, variables in environments(tree).items():
        command = who.split()[0]
        yield from missing(variables, f"{FOLDER}/{APP}", who, command, production=True)
        for name in OF_AZURE[command]:
            if PREFIX + name not in variables:
                yield at(APP, f"{who}: {PREFIX}{name} is not set", "set it")


@check("azure hosts")
def hosts(tree: Tree) -> Iterator[Finding]:
    """Servers let in the names by which they are asked: their own, the public one, those of a deployment's labels.

    The lab's pipeline tried a name that the server did not have.
    """
    for own, domain in (("ownHost", "domain"), ("secondName", "secondDomain")):
        app = own.replace("ownHost", "name")
        labels = [f"${{{app}}}---{label}.${{{domain}}}" for label in ("blue", "green")]
        yield from lacks(tree, APP, *labels, "${ownHost}," if app == "name" else "${secondName}.${secondDomain},")
    yield from lacks(tree, APP, ",${publicHost}'")


@check("azure proxies")
def proxies(tree: Tree) -> Iterator[Finding]:
    """The ingress says where a call comes from, and nobody who calls through it is an operator."""
    ranges = re.search(r"var ingressRanges = '([^']*)'", text(tree, APP))
    if not ranges or set(ranges[1].split(",")) != INGRESS:
        yield at(APP, "ingressRanges are not those of Container Apps", ",".join(sorted(INGRESS)))
    wanted = "PROXIES', value: multiRegion ? '${ingressRanges},${privateRanges}' : ingressRanges"
    yield from lacks(tree, APP, wanted)
    if "TELEMETRY__OPERATORS" in text(tree, APP):
        yield at(APP, "operators are set: the ingress's addresses would count", "leave the default, loopback")


@check("azure image-pinned")
def image_pinned(tree: Tree) -> Iterator[Finding]:
    """The image is the one that was built, by digest or a tag that is never given anew; the lab's was always latest."""
    for file in templates(tree):
        if ":latest" in text(tree, file):
            yield at(file, "deploys `latest`", "take the image by a parameter")
    for file in (SERVER, JOB):
        yield from lacks(tree, file, "image: image")
    yield from lacks(tree, MAIN, "/retail-mcp${reference}'")


@check("azure registry-identity")
def registry_identity(tree: Tree) -> Iterator[Finding]:
    """Images are pulled by an identity that the app has: the lab's named one and had none."""
    for file in (SERVER, JOB):
        yield from lacks(tree, file, "type: 'UserAssigned'", "'${identityId}': {}")
        if not re.search(
            r"registries: \[\s*\{\s*server: registryLoginServer\s*identity: identityId\s*\}", text(tree, file)
        ):
            yield at(file, "the registry is not asked by the identity", "identity: identityId")


@check("azure secrets-by-reference")
def secrets_by_reference(tree: Tree) -> Iterator[Finding]:
    """Secrets are in the vault, and read by the identity. The lab's stood in the template's parameters."""
    for file in (SERVER, JOB):
        yield from lacks(tree, file, "keyVaultUrl: '${vaultUri}secrets/${secret.name}'", "identity: identityId")
        if re.search(r"value: secret\b", text(tree, file)):
            yield at(file, "has the value of a secret", "keyVaultUrl")


@check("azure blue-green")
def blue_green(tree: Tree) -> Iterator[Finding]:
    """Two revisions at a time. The lab's kept one, and its pipeline moved traffic that could not be moved."""
    yield from lacks(
        tree, SERVER, "activeRevisionsMode: 'Multiple'", "traffic: traffic", "revisionSuffix: revisionSuffix"
    )


@check("azure probes")
def probes(tree: Tree) -> Iterator[Finding]:
    """Startup, liveness and readiness at the server's own paths; the lab's had no startup, and restarted for ever."""
    found = re.findall(r"type: '(\w+)'\s*httpGet: \{\s*path: '([^']+)'\s*port: (\d+)", text(tree, SERVER))
    if sorted(found) != sorted((kind, path, "8000") for kind, path in PROBES):
        yield at(SERVER, f"asks {found}", f"{PROBES} at port 8000")
    for number in re.findall(r"failureThreshold: (\d+)", text(tree, SERVER)):
        if not 1 <= int(number) <= 10:
            yield at(SERVER, f"failureThreshold {number} is refused by Azure", "1 to 10")


@check("azure ingress")
def ingress(tree: Tree) -> Iterator[Finding]:
    """Reached from outside, with TLS, at the server's port. The lab's was internal, and asked from outside."""
    yield from lacks(tree, SERVER, "external: true", "targetPort: 8000", "allowInsecure: false")
    yield from lacks(tree, APP, "value: '0.0.0.0:8000'")


@check("azure scale")
def scale(tree: Tree) -> Iterator[Finding]:
    """The lab's rules and numbers: 2 to 20 servers, ten requests each, 70 % of a processor."""
    rules = ("concurrentRequests: '10'", "type: 'cpu'", "value: '70'")
    yield from lacks(tree, SERVER, *rules, "minReplicas: minReplicas", "maxReplicas: maxReplicas")
    production = sizes(tree, "production")
    if (production["minReplicas"], production["maxReplicas"]) != (2, 20):
        yield at("sizes.json", "production is not 2 to 20 servers", "minReplicas 2, maxReplicas 20")


@check("azure connections")
def enough_connections(tree: Tree) -> Iterator[Finding]:
    """All servers of all regions fit the database: the lab's twenty, each with a pool, did not."""
    for environment, most in (("staging", 1), ("production", 2)):
        of = sizes(tree, environment)
        for regions in range(1, most + 1):
            # Twice: while traffic moves from one revision to the next, both may grow.
            servers = regions * 2 * of["maxReplicas"]
            # For administrators, the migration and Azure itself.
            needed = connections(tree, servers, of["poolMaxConnections"]) + 40
            if needed > of["maxConnections"]:
                what = f"{environment}: {servers} servers in {regions} regions need {needed} connections"
                fix = "fewer servers, a smaller pool, or a larger maxConnections"
                yield at("sizes.json", f"{what}, and there are {of['maxConnections']}", fix)
        if of["maxConnections"] > CONNECTIONS_OF.get(of["postgresSku"], 0):
            what = f"{environment}: {of['postgresSku']} has no memory for {of['maxConnections']} connections"
            yield at("sizes.json", what, f"a larger SKU; what each has by default: {CONNECTIONS_OF}")
    yield from lacks(tree, APP, "var servers = (multiRegion ? 2 : 1) * 2 * sizes.maxReplicas\n")
    wanted = {
        "DATABASE__SERVERS": "string(servers)",
        "DATABASE__POOL_MAX_CONNECTIONS": "string(sizes.poolMaxConnections)",
    }
    for who, variables in environments(tree).items():
        for name, value in wanted.items():
            if variables.get(PREFIX + name) != value:
                yield at(APP, f"{who}: {PREFIX}{name} is {variables.get(PREFIX + name)}", value)


@check("azure alerts")
def the_same_alerts(tree: Tree) -> Iterator[Finding]:
    """An alert for each of Prometheus's rules, of the same severity. The lab's monitor was never started."""
    numbers = {"critical": 0, "high": 1, "medium": 2}
    here = {one["name"]: one["severity"] for one in tree.yaml(f"{FOLDER}/alerts.yaml")}
    rules = [rule for group in tree.yaml(RULES)["groups"] for rule in group["rules"] if "alert" in rule]
    there = {rule["alert"]: numbers[rule["labels"]["severity"]] for rule in rules}
    for name in sorted({name for name, _ in set(here.items()) ^ set(there.items())}):
        yield at(
            "alerts.yaml", f"{name} is {here.get(name)} here, and {there.get(name)} in {RULES}", "the same severity"
        )
