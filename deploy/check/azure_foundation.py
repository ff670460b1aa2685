"""What is below the servers on Azure: database, networks, rights, vault, azd, set-up.

The lab's database could not have pgvector, its network lent no subnet, its set-up put secrets on a command line and was
refused them, and the template that all its pipelines deployed was not there.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator

from azure import APP, ENVIRONMENTS, FOLDER, MAIN, SERVER, at, declarations, lacks, sizes, templates, text
from findings import Finding, check
from tree import Tree

POSTGRES, REPLICA, VAULT = "modules/postgres.bicep", "modules/postgres-replica.bicep", "modules/key-vault.bicep"
PREPARE = "scripts/prepare.sh"
LOGINS = {"query-password", "head-office-password", "service-password", "identity-key"}
#: Pull images, read a secret, set secrets, ask Azure OpenAI.
ROLES = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "4633458b-17de-408a-b874-0445c86b69e6",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
}
SECRET = r"listKeys|listCredentials|getSecret|ConnectionString|InstrumentationKey|primaryKey|sharedKey|[Pp]assword"


@check("azure no-secret-output")
def no_secret_output(tree: Tree) -> Iterator[Finding]:
    """Outputs stay in the deployment's history for everybody who may read it; the lab's had a key among them."""
    for file in templates(tree):
        for secure, line in re.findall(r"(@secure\(\)\s*)?^(output .*)$", text(tree, file), re.M):
            if secure or re.search(SECRET, line):
                yield at(file, f"`{line}` gives away a secret", "let the vault have it")


@check("azure no-literal-secret")
def no_literal_secret(tree: Tree) -> Iterator[Finding]:
    """No secret in a template or a parameter file."""
    for file in templates(tree):
        if re.search(r"@secure\(\)\s*(?:@[^\n]*\s*)*param \w+ \w+ = '[^']+'", text(tree, file)):
            yield at(file, "a secure parameter has a default", "leave it out")
        named = r"^\s*\w*(?:[Pp]assword|sharedKey|apiKey|[Cc]onnectionString)\w*\s*[:=]\s*'[^'$]+'"
        for line in re.findall(named, text(tree, file), re.M):
            if not re.search("SecretName|passwordAuth", line):
                yield at(file, f"`{line.strip()}` is a secret", "let the vault have it")


def _configuration(tree: Tree, name: str) -> list[str]:
    found = re.search(rf"name: '{re.escape(name)}', value: '([^']*)'", text(tree, POSTGRES))
    return found[1].split(",") if found else []


@check("azure pgvector")
def pgvector(tree: Tree) -> Iterator[Finding]:
    """Without the list of allowed extensions, which the lab's had not, CREATE EXTENSION vector is refused."""
    if "vector" not in _configuration(tree, "azure.extensions"):
        yield at(POSTGRES, "pgvector is not allowed", "azure.extensions")


@check("azure preload")
def preload(tree: Tree) -> Iterator[Finding]:
    """What is preloaded can be: `vector`, which the lab's named, is no such library."""
    if sorted(_configuration(tree, "shared_preload_libraries")) != ["pg_stat_statements", "pgaudit"]:
        yield at(POSTGRES, "shared_preload_libraries has another list", "pg_stat_statements,pgaudit")


@check("azure maintenance-window")
def maintenance_window(tree: Tree) -> Iterator[Finding]:
    """A window counts only where it is enabled; the lab's was not."""
    for file in (POSTGRES, REPLICA):
        if not re.search(r"maintenanceWindow: \{\s*customWindow: 'Enabled'", text(tree, file)):
            yield at(file, "the maintenance window does not count", "customWindow: 'Enabled'")


@check("azure backup")
def backup(tree: Tree) -> Iterator[Finding]:
    """The lab's sizes for production: 35 days in two regions, two zones, D4s_v3, 128 GB."""
    yield from lacks(tree, POSTGRES, "geoRedundantBackup: 'Enabled'", "backupRetentionDays: backupRetentionDays")
    production = sizes(tree, "production")
    for key, value in {
        "postgresBackupDays": 35,
        "postgresHighAvailability": "ZoneRedundant",
        "postgresSku": "Standard_D4s_v3",
        "postgresStorageGB": 128,
        "zoneRedundant": True,
    }.items():
        if production[key] != value:
            yield at("sizes.json", f"production: {key} is {production[key]}", f"the lab's: {value}")


@check("azure one-at-a-time")
def one_at_a_time(tree: Tree) -> Iterator[Finding]:
    """The service refuses a change while another is made; the lab's were made all at once."""
    if not re.search(r"@batchSize\(1\)\s*resource settings", text(tree, POSTGRES)):
        yield at(POSTGRES, "settings are made all at once", "@batchSize(1)")
    yield from lacks(tree, POSTGRES, "dependsOn: [database]", "dependsOn: [settings]")


@check("azure database-private")
def database_private(tree: Tree) -> Iterator[Finding]:
    """In the network, without a public address; people come by Entra, and servers as roles that own nothing."""
    for file in (POSTGRES, REPLICA):
        inside = ("delegatedSubnetResourceId: subnetId", "privateDnsZoneArmResourceId: zoneId")
        yield from lacks(tree, file, "publicNetworkAccess: 'Disabled'", *inside)
    yield from lacks(tree, POSTGRES, "activeDirectoryAuth: 'Enabled'", "entraAdministrator")


@check("azure subnets")
def subnets(tree: Tree) -> Iterator[Finding]:
    """Lent to their services, large enough, apart. The lab lent none to the apps, which then reached no database."""
    services = ("Microsoft.App/environments", "Microsoft.DBforPostgreSQL/flexibleServers")
    yield from lacks(tree, "modules/network.bicep", *(f"serviceName: '{service}'" for service in services))
    plan = r"= \{ space: '([^']+)', apps: '([^']+)', database: '([^']+)', endpoints: '([^']+)' \}"
    spaces = []
    for texts in re.findall(plan, text(tree, "foundation.bicep")):
        space, apps, database, endpoints = (ipaddress.ip_network(one) for one in texts)
        spaces.append(space)
        if apps.prefixlen > 27 or database.prefixlen > 28:
            yield at("foundation.bicep", f"{apps} or {database} is too small", "at least /27 and /28")
        parts = [apps, database, endpoints]
        apart = not any(one.overlaps(other) for i, one in enumerate(parts) for other in parts[i + 1 :])
        if not apart or not all(one.subnet_of(space) for one in parts):
            yield at("foundation.bicep", f"the subnets of {space} are not apart, or not in it", "other ranges")
    if len(spaces) != 2 or spaces[0].overlaps(spaces[1]):
        yield at("foundation.bicep", "there are not two networks apart", "a range for each region")


@check("azure environment")
def environment(tree: Tree) -> Iterator[Finding]:
    """In the network, with zones, and logs that arrive: the lab's was outside of it, and its logs lacked a key."""
    logs = ("destination: 'azure-monitor'", "category: 'ContainerAppConsoleLogs'")
    inside = ("infrastructureSubnetId: subnetId", "workloadProfileType: 'Consumption'", "zoneRedundant: zoneRedundant")
    yield from lacks(tree, "modules/environment.bicep", *inside, *logs)


def _secrets(tree: Tree, module: str) -> set[str]:
    listed = re.search(r"secretNames: \[(.*?)\]", declarations(tree, MAIN)[module], re.S)
    return set(re.findall(r"'([a-z-]+)'", listed[1])) if listed else set()


@check("azure diagnostics")
def diagnostics(tree: Tree) -> Iterator[Finding]:
    """Database, vault and registry write down what was done to them. The lab's wrote nothing."""
    for file in (POSTGRES, REPLICA, VAULT, "modules/registry.bicep"):
        yield from lacks(tree, file, "'Microsoft.Insights/diagnosticSettings@", "workspaceId: workspaceId")


@check("azure roles")
def roles(tree: Tree) -> Iterator[Finding]:
    """Each identity has the rights that it needs, secret by secret. The lab gave none, and let the app be owner."""
    for file in templates(tree):
        for role in re.findall(r"roleDefinitions', '([^']+)'", text(tree, file)):
            if role not in ROLES:
                yield at(file, f"gives the role {role}", f"one of {sorted(ROLES)}")
    yield from lacks(tree, "modules/secret-readers.bicep", "scope: secrets[i]")
    server = LOGINS | {"redis-password", "redis-password-secondary", "application-insights"}
    for module, wanted in {"serverSecrets": server, "migrationSecrets": LOGINS | {"admin-password"}}.items():
        if _secrets(tree, module) != wanted:
            yield at(MAIN, f"{module} may read {sorted(_secrets(tree, module))}", f"{sorted(wanted)}")
    for name, declared in declarations(tree, APP).items():
        if "'admin-password'" in declared and name != "jobSecrets":
            yield at(APP, f"{name} has the administrator's password", "jobs alone")


@check("azure no-local-auth")
def no_local_auth(tree: Tree) -> Iterator[Finding]:
    """No keys and no registry password: the lab passed keys that its own account refused."""
    for file in ("modules/openai.bicep", "modules/monitoring.bicep"):
        yield from lacks(tree, file, "disableLocalAuth: true")
    yield from lacks(tree, "modules/registry.bicep", "adminUserEnabled: false", "anonymousPullEnabled: false")


@check("azure vault")
def vault(tree: Tree) -> Iterator[Finding]:
    """Rights by roles, closed to the internet, and what is deleted can be had back."""
    yield from lacks(
        tree, VAULT, "enableRbacAuthorization: true", "enablePurgeProtection: true", "defaultAction: 'Deny'"
    )


def _same_as_az(tree: Tree) -> Iterator[Finding]:
    """azd gives the templates all that `az` does: after a restore it would lead servers to the old database."""
    wanted = set(re.findall(r"^param (\w+) =", text(tree, "main.production.bicepparam"), re.M))
    there = set(re.findall(r"^param (\w+) =", text(tree, "main.bicepparam"), re.M))
    for name in sorted(wanted - there):
        yield at("main.bicepparam", f"gives no {name}, as main.production.bicepparam does", f"param {name}")
    of_app = wanted & set(re.findall(r"^param (\w+) ", text(tree, APP), re.M))
    given = json.loads(tree.read(f"{FOLDER}/app.parameters.json"))["parameters"]
    for name in sorted(of_app - set(given)):
        what = f"gives no {name}, as main.production.bicepparam does"
        yield at("app.parameters.json", what, f"{name}, and its variable")
    # The job needs no certificate.
    script = tree.read(f"{FOLDER}/scripts/azd-migrate.sh")
    for name in sorted(of_app - {"customDomainCertificateId"}):
        if f"{name}=" not in script:
            yield at("scripts/azd-migrate.sh", f"gives no {name}", f"{name}=, as app.parameters.json does")


@check("azure azd")
def azd(tree: Tree) -> Iterator[Finding]:
    """`azd up` finds its templates, its app and its image. The lab's could not: no app had the tag."""
    project = tree.yaml("azure.yaml")
    infra, service = project["infra"], project["services"]["retail-mcp"]
    for module in (infra["module"], service["module"]):
        if not (tree.root / infra["path"] / f"{module}.bicep").is_file():
            yield Finding("azure.yaml", f"{infra['path']}/{module}.bicep is not there", "main and app")
    yield from lacks(tree, APP, "'azd-service-name': 'retail-mcp'")
    yield from lacks(tree, SERVER, f"Microsoft.App/containerApps@{service['apiVersion']}'")
    yield from lacks(tree, MAIN, "output AZURE_CONTAINER_REGISTRY_ENDPOINT", "output AZURE_RESOURCE_GROUP")
    yield from lacks(tree, MAIN, "targetScope = 'resourceGroup'")
    yield from _same_as_az(tree)
    if f" AS {service['docker']['target']}\n" not in tree.read(service["docker"]["path"]):
        yield Finding("azure.yaml", f"the Dockerfile has no {service['docker']['target']}", "slim")


@check("azure set-up")
def set_up(tree: Tree) -> Iterator[Finding]:
    """Makes all secrets that roles are given on, none on a command line, for both parameter files that are there."""
    script = tree.read(f"{FOLDER}/{PREPARE}")
    if "--value" in script:
        yield at(PREPARE, "a secret is on a command line, for everybody on the machine", "--file")
    made = set(re.findall(r"^keep_secret (\S+)", script, re.M))
    wanted = _secrets(tree, "serverSecrets") | _secrets(tree, "migrationSecrets")
    if made | {"application-insights"} != wanted:
        yield at(PREPARE, f"makes {sorted(made)}", f"{sorted(wanted)}, and the template application-insights")
    for one in ENVIRONMENTS:
        yield from lacks(tree, f"main.{one}.bicepparam", "using './main.bicep'", f"environmentName = '{one}'")


@check("azure names")
def names(tree: Tree) -> Iterator[Finding]:
    """main, app and foundation find each other's resources by the same names; the lab's had three for one group."""
    files = (MAIN, APP, "foundation.bicep")
    for name in ("name", "unique", "vaultName", "registryName"):
        values = {line for file in files for line in re.findall(rf"^var {name} = .*$", text(tree, file), re.M)}
        if len(values) != 1:
            yield at(APP, f"{name} has {len(values)} values", "the same in main, app and foundation")
