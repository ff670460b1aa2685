"""What must be the same in the image, in Compose, in Kubernetes, on Azure and in the pipelines.

The lab had three names for one resource group, two users for one image, a database that nobody asked for, and paths
that the server did not have. Each file was good by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import azure
import compose
import kubernetes
from findings import CHECKS, Finding, check
from image import USER
from keys import PREFIX, file_of
from tree import Tree

PAGE = "docs/deployment-checks.md"
SECRETS = "deploy/compose/make-secrets.sh"
ROUTES = "crates/server/src/http"
MOUNT = "/run/secrets/retail-mcp/"
#: The migration's and its like alone have the administrator's password.
OF_SERVERS = {"query-password", "head-office-password", "service-password", "identity-key", "redis-password"}
SCRIPTS = ["deploy/scripts/common.sh", "deploy/azure/scripts/prepare.sh", "deploy/azure/scripts/restart-database.sh"]


@check("everywhere user")
def user(tree: Tree) -> Iterator[Finding]:
    """The image's user by number is who Kubernetes and Compose run it as, and whom the secret files belong to."""
    uid, gid = map(int, USER.split(":"))
    for file, name, service, _ in compose.ours(tree):
        if service.get("user") != USER:
            yield Finding(file, f"{name} runs as {service.get('user')}", USER)
    for folder, _, one, template, _ in kubernetes.ours(tree):
        context = template["spec"]["securityContext"]
        if [context.get(key) for key in ("runAsUser", "runAsGroup", "fsGroup")] != [uid, gid, gid]:
            yield Finding(
                folder, f"{kubernetes.label(one)} runs as another user than {USER}", "runAsUser, -Group, fsGroup"
            )
    if f" 32 {USER} 400" not in tree.read(SECRETS):
        yield Finding(SECRETS, "gives the keys to another user than the image's", USER)


@check("everywhere image")
def image(tree: Tree) -> Iterator[Finding]:
    """One name in all registries, `retail-mcp`, and the version of Cargo.toml where a version must be written."""
    [version] = re.findall(r'^version = "([^"]+)"', tree.read("Cargo.toml"), re.M)[:1]
    for rendering, folder, objects in kubernetes.renderings(tree):
        for one, template in kubernetes.templates(objects):
            name = template["spec"]["containers"][0]["image"]
            if not re.search(rf"/retail-mcp(:{re.escape(version)}|@sha256:[0-9a-f]{{64}})$", name):
                yield Finding(
                    folder,
                    f"{kubernetes.label(one)} of {rendering} runs {name}",
                    f"…/retail-mcp:{version}, or a digest",
                )
    for file, pattern in {
        compose.VALUES: rf"^RETAIL_MCP_IMAGE=\S+/retail-mcp:{re.escape(version)}$",
        "azure.yaml": r"^      image: retail-mcp$",
        ".github/workflows/deploy.yml": r'--tag "\$REGISTRY/retail-mcp:\$TAG"',
        "azure-pipelines.yml": r'^\s+tag="\$BUILD_REGISTRY/retail-mcp:',
    }.items():
        if not re.search(pattern, tree.read(file), re.M):
            yield Finding(file, "names the image otherwise than the rest", f"`{pattern}`")


@check("everywhere port")
def port(tree: Tree) -> Iterator[Finding]:
    """All of them lead to 8000, where the image listens."""
    for file, pattern in {
        "Dockerfile": r"^ENV RETAIL_MCP__SERVER__LISTEN=0\.0\.0\.0:8000\b",
        compose.SERVICES: r"RETAIL_MCP__SERVER__LISTEN: 0\.0\.0\.0:8000$",
        "deploy/kubernetes/base/config.env": r"^RETAIL_MCP__SERVER__LISTEN=0\.0\.0\.0:8000$",
        "deploy/kubernetes/base/deployment.yaml": r"containerPort: 8000$",
        "deploy/reverse-proxy/upstreams.conf": r"^server server-1:8000 ",
        "deploy/observability/compose/prometheus.yaml": r"^\s+port: 8000$",
        f"{azure.FOLDER}/{azure.SERVER}": r"targetPort: 8000$",
    }.items():
        if not re.search(pattern, tree.read(file), re.M):
            yield Finding(file, "leads to another port than the image's", "8000")
    if not re.search(r"^EXPOSE 8000$", tree.read("Dockerfile"), re.M):
        yield Finding("Dockerfile", "exposes another port", "EXPOSE 8000")


@check("everywhere paths")
def paths(tree: Tree) -> Iterator[Finding]:
    """Paths that probes, proxies and Prometheus ask are routes of the server. The lab's were not; all stayed ill."""
    sources = sorted((tree.home / ROUTES).rglob("*.rs"))
    routes = set(re.findall(r'"(/[a-z/.-]+)"', "\n".join(path.read_text(encoding="utf-8") for path in sources)))
    asked = {
        "deploy/kubernetes/base/deployment.yaml": r"httpGet: \{path: ([^,}]+)",
        "deploy/kubernetes/components/ingress/ingress.yaml": r"- path: (\S+)",
        "deploy/kubernetes/components/gateway/gateway.yaml": r"value: (/[^}]+)\}",
        "deploy/kubernetes/components/prometheus/service-monitor.yaml": r"path: (\S+)",
        f"{azure.FOLDER}/{azure.SERVER}": r"path: '([^']+)'",
        "deploy/reverse-proxy/nginx.conf": r"location (?:= )?(/[a-z.][^ ]*) \{",
    }
    for file, pattern in asked.items():
        found = re.findall(pattern, tree.read(file))
        if not found:
            yield Finding(file, "asks no path", "the server's")
        for path in found:
            if path not in routes:
                yield Finding(file, f"asks {path}, which is no route of the server", f"one of {ROUTES}")


@check("everywhere database")
def database(tree: Tree) -> Iterator[Finding]:
    """The database `zava` of the administrator `zava_admin`. The lab made `retail_db`, and restored into `zava`."""
    for file, patterns in {
        compose.SERVICES: [r"POSTGRES_DB: zava$", r"POSTGRES_USER: zava_admin$", r"__ADMIN_USER: zava_admin$"],
        "deploy/kubernetes/base/config.env": [r"^RETAIL_MCP__DATABASE__NAME=zava$"],
        "deploy/kubernetes/base/migration.yaml": [r"^\s+value: zava_admin$"],
        f"{azure.FOLDER}/{azure.APP}": [r"__DATABASE__NAME', value: 'zava' ", r"__ADMIN_USER', value: 'zava_admin' "],
        f"{azure.FOLDER}/{azure.MAIN}": [r"administratorLogin: 'zava_admin'$"],
        f"{azure.FOLDER}/modules/postgres.bicep": [r"^  name: 'zava'$"],
        ".github/workflows/ci.yml": [r"POSTGRES_DB: zava$", r"POSTGRES_USER: zava_admin$"],
        "azure-pipelines.yml": [r"POSTGRES_DB: zava$", r"POSTGRES_USER: zava_admin$"],
    }.items():
        for pattern in patterns:
            if not re.search(pattern, tree.read(file), re.M):
                yield Finding(file, f"has no `{pattern}`", "the database zava, and zava_admin")


@check("everywhere secrets")
def secrets(tree: Tree) -> Iterator[Finding]:
    """A secret has one name, that of its key, in files, Secrets and vault; servers never have the administrator's."""
    for file, name, service, _ in compose.ours(tree):
        for target, source in compose.mounted(service).items():
            if target.startswith(MOUNT) and target != MOUNT + source and source != "database-ca":
                yield Finding(file, f"{name} has {source} as {target}", "the same name")
    places = [(file, name, compose.environment(service)) for file, name, service, _ in compose.ours(tree)]
    places += [(file, kubernetes.label(one), variables) for file, _, one, _, variables in kubernetes.ours(tree)]
    for file, name, variables in places:
        for variable, value in variables.items():
            of_key = variable.startswith(PREFIX) and variable.endswith("_FILE") and (value or "").startswith(MOUNT)
            if of_key and value.removeprefix(MOUNT) not in (file_of(variable), f"dev-token-{file_of(variable)}"):
                yield Finding(file, f"{name}: {variable} is in {value}", MOUNT + file_of(variable))
    for _, folder, objects in kubernetes.renderings(tree):
        kept = {
            kubernetes.name(one): {item["secretKey"] for item in one["spec"]["data"]}
            for one in kubernetes.of_kind(objects, "ExternalSecret")
        }
        if kept != {"retail-mcp-secrets": OF_SERVERS, "retail-mcp-admin": {"admin-password"}}:
            yield Finding(folder, f"the Secrets have {kept}", f"{sorted(OF_SERVERS)}, and admin-password in the other")
    listed = re.findall(r"name: '([a-z-]+)', variable: '([A-Z_]+)'", azure.text(tree, azure.APP))
    for secret, variable in listed:
        own = secret.removesuffix("-secondary")
        if own != file_of(variable) and own != "application-insights":
            yield Finding(f"{azure.FOLDER}/{azure.APP}", f"{secret} is {variable}", f"name it {file_of(variable)}")


@check("everywhere environments")
def environments(tree: Tree) -> Iterator[Finding]:
    """`staging` and `production`, with one name for the group and the app of each. The lab had three for one group."""
    wanted = set(azure.ENVIRONMENTS)
    overlays = {path.split("/")[3] for path in tree.paths("deploy/kubernetes/overlays/*/kustomization.yaml")}
    parameters = {path.split(".")[-2] for path in tree.paths("deploy/azure/main.*.bicepparam")}
    github = {job.get("environment") for job in tree.yaml(".github/workflows/deploy.yml")["jobs"].values()} - {None}
    jobs = [job for stage in tree.yaml("azure-pipelines.yml")["stages"] for job in stage["jobs"]]
    for file, there in {
        "deploy/kubernetes/overlays": overlays,
        "deploy/azure": parameters,
        "deploy/azure/sizes.json": set(json.loads(tree.read("deploy/azure/sizes.json"))),
        ".github/workflows/deploy.yml": github,
        "azure-pipelines.yml": {job.get("environment") for job in jobs} - {None},
    }.items():
        if there != wanted:
            yield Finding(file, f"has the environments {sorted(there)}", f"{sorted(wanted)}")
    for file in SCRIPTS:
        if not re.search(r'^\s*group="rg-retail-mcp-\$(environment|1)"$', tree.read(file), re.M):
            yield Finding(file, "has another name for the resource group", "rg-retail-mcp-ENVIRONMENT")
    if 'app="retail-mcp-$environment"' not in tree.read(SCRIPTS[0]):
        yield Finding(SCRIPTS[0], "deploys another app than the template makes", "retail-mcp-ENVIRONMENT")
    yield from azure.lacks(tree, azure.MAIN, "var name = 'retail-mcp-${environmentName}'")


@check("everywhere page")
def page(tree: Tree) -> Iterator[Finding]:
    """The page that says which check would notice which defect names checks that there are, and leaves none out."""
    text = tree.read(PAGE)
    named = {name for row in re.findall(r"^\|.*\|([^|]*)\|$", text, re.M) for name in re.findall(r"`([^`]+)`", row)}
    for name in sorted(named - set(CHECKS)):
        if not name.startswith("cargo xtask "):
            yield Finding(PAGE, f"names {name}, which is no check", "one of `main.py --list`")
    for name in CHECKS:
        if f"`{name}`" not in text:
            yield Finding(PAGE, f"does not name {name}", "add what it would notice")
