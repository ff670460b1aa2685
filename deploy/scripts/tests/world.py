"""What Azure, the registry and the clients answer in the tests, as lists for stub.py.

The first entry that fits is given, so a test puts its own before those of `deployed` and the like.
"""

from __future__ import annotations

IMAGE = "registry.example.com/retail-mcp@sha256:" + "0123456789abcdef" * 4
DOMAIN = "kindsea-1234.westeurope.azurecontainerapps.io"
TOKEN = "header.payload.signature-of-the-smoke-test"
WORKSPACE = "11111111-2222-3333-4444-555555555555"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def answer(run: str, out: object = "", **more: object) -> dict:
    return {"run": run, "out": out, **more}


def signed_in() -> list[dict]:
    return [answer(r"^az account show --output none$")]


def traffic(live: str, live_revision: str, idle: str | None = None, idle_revision: str | None = None) -> list[dict]:
    entries = [{"revisionName": live_revision, "label": live, "weight": 100}]
    if idle:
        entries.append({"revisionName": idle_revision, "label": idle, "weight": 0})
    return entries


def app(environment: str, entries: list[dict], region: str = "") -> dict:
    name = f"retail-mcp-{environment}{region}"
    ingress = {"fqdn": f"{name}.{DOMAIN}", "traffic": entries}
    return {"name": name, "properties": {"configuration": {"ingress": ingress}}}


def revision(
    health: str = "Healthy", running: str = "Running", provisioning: str = "Provisioned", replicas: int = 2
) -> dict:
    properties = {
        "provisioningState": provisioning,
        "runningState": running,
        "healthState": health,
        "replicas": replicas,
    }
    return {"properties": {**properties, "active": True}}


def rows(*found: tuple[str, float]) -> dict:
    return {"tables": [{"rows": [list(row) for row in found]}]}


def requests(**by_category: int) -> dict:
    series = [
        {
            "metadatavalues": [{"name": {"value": "statusCodeCategory"}, "value": category[1:]}],
            "data": [{"total": total}],
        }
        for category, total in by_category.items()
    ]
    return {"value": [{"timeseries": series}]}


def migration(*states: str) -> list[dict]:
    shows = [answer(r"^az containerapp job execution show ", state + "\n", times=1) for state in states]
    return [
        answer(r"^az containerapp job update "),
        answer(r"^az containerapp job start ", "retail-mcp-migrate-abc123\n"),
        *shows,
        answer(r"^az containerapp job execution show ", "Succeeded\n"),
    ]


def job(environment: str) -> list[dict]:
    """The migration job as Azure tells of it, with more than a start takes."""
    container = {
        "name": "retail-mcp",
        "image": IMAGE,
        "imageType": "ContainerImage",
        "args": ["migrate"],
        "env": [
            {"name": "RETAIL_MCP__DATABASE__NAME", "value": "zava"},
            {"name": "RETAIL_MCP__DATABASE__ADMIN_PASSWORD", "secretRef": "admin-password"},
        ],
        "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
    }
    template = {"containers": [container], "initContainers": None, "volumes": None}
    return [answer(rf"^az containerapp job show --name retail-mcp-{environment}-migrate ", template)]


def said(*lines: str) -> dict:
    """Log Analytics has these lines of a job."""
    return {"tables": [{"rows": [[line] for line in lines]}]}


def well() -> list[dict]:
    """Everything a good deployment asks for, after what a test says of its own."""
    return [
        *signed_in(),
        answer(r"^az acr list --resource-group rg-retail-mcp-(\w+) ", "registry.example.com\n"),
        *migration("Running"),
        answer(r"^az deployment group create "),
        answer(r"^az containerapp revision show .* --query properties.active", "true\n"),
        answer(r"^az containerapp revision show ", revision("None", "Processing", "Provisioning", 0), times=1),
        answer(r"^az containerapp revision show ", revision()),
        answer(r"^az containerapp revision (activate|deactivate|label add|label remove) "),
        answer(r"^az containerapp ingress traffic set "),
        answer(r"^az account get-access-token ", TOKEN + "\n"),
        answer(r"^smoke-python ", "smoke test: passed\n"),
        answer(r"^az monitor log-analytics workspace list ", WORKSPACE + "\n"),
        answer(
            r"^az containerapp show .* --query id ",
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.App/containerApps/app\n",
        ),
        answer(r"^az rest --method post --url https://api.loganalytics.io", rows()),
        answer(r"^az monitor metrics list ", requests(_2xx=120, _5xx=1)),
    ]


def empty(environment: str) -> list[dict]:
    """The environment is prepared, and there is no server in it."""
    name = f"retail-mcp-{environment}"
    listing = rf"^az containerapp list --resource-group rg-{name} "
    return [
        answer(rf"{listing}.*\.name' ", f"{name}\n", **{"if": ["server"]}),
        answer(rf"{listing}.*\.name' "),
        answer(listing, [app(environment, traffic("blue", f"{name}--r1"))], **{"if": ["server"]}),
        answer(listing, []),
        answer(r"^az containerapp job list ", f"{name}-migrate\n", **{"if": ["job"]}),
        answer(r"^az containerapp job list ", ""),
        answer(rf"^az containerapp revision list --name {name} .*--all ", f"{name}--r1\n"),
        answer(rf"^az containerapp delete --name {name} "),
        answer(r"^az deployment group create .*deployServer=false", set=["job"]),
        answer(r"^az deployment group create ", set=["server"]),
        # deploy/azure/scripts/restart-database.sh asks whether a restart is pending.
        answer(r"^az postgres flexible-server list ", f"{name}-db\n"),
        answer(r"^az postgres flexible-server parameter list ", "shared_preload_libraries\n"),
        answer(r"^az postgres flexible-server restart "),
        *job(environment),
        *well(),
    ]


def deployed(environment: str, *special: dict, regions: tuple[str, ...] = ("",)) -> list[dict]:
    """Blue is live, green is the one before."""
    apps, lists = [], []
    for region in regions:
        name = f"retail-mcp-{environment}{region}"
        lists.append(answer(rf"^az containerapp revision list --name {name} ", f"{name}--r41\n{name}--r40\n"))
        apps.append(app(environment, traffic("blue", f"{name}--r41", "green", f"{name}--r40"), region))
    listing = answer(rf"^az containerapp list --resource-group rg-retail-mcp-{environment} ", apps)
    return [*special, listing, *lists, *well()]
