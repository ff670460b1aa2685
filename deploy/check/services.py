"""The reverse proxy, PostgreSQL, Redis, Prometheus and the collector beside the Compose deployments."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from compose import FILES, PRODUCTION, command, configuration, environment
from findings import Finding, check
from keys import PREFIX
from tools import last_lines, machines, run
from tree import Tree, seconds

NGINX, UPSTREAMS = "deploy/reverse-proxy/nginx.conf", "deploy/reverse-proxy/upstreams.conf"
PROMETHEUS = "deploy/observability/compose/prometheus.yaml"
COLLECTOR = "deploy/observability/compose/otel-collector.yaml"
RULES = "deploy/observability/prometheus/retail-mcp.rules.yaml"
POSTGRES, REDIS = "deploy/compose/postgres", "deploy/compose/redis/redis.conf"
#: All that the collector's smallest build has.
CORE = {
    "receivers": {"otlp"},
    "processors": {"memory_limiter", "batch"},
    "exporters": {"debug", "otlp", "otlphttp"},
}
#: Who is where must be said by the proxy alone, and nobody outside says who he is.
HEADERS = {"X-Forwarded-For": "$remote_addr", "X-Real-IP": '""', "Forwarded": '""', "x-rls-user-id": '""'}
ONCE_MORE = "error timeout non_idempotent"
PUBLIC = ["= /mcp", "/.well-known/oauth-protected-resource", "/", "@no_server"]


@check("proxy nginx")
def nginx(tree: Tree) -> Iterator[Finding]:
    """nginx reads its configuration, as compose.prod.yaml starts it."""
    program, openssl = machines("nginx"), machines("openssl")
    with tempfile.TemporaryDirectory(prefix="retail-mcp-nginx-") as name:
        folder = Path(name)
        for inner in ("run", "tls"):
            (folder / inner).mkdir()
        request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=check"
        run(tree, openssl, *request.split(), "-keyout", "tls/key.pem", "-out", "tls/certificate.pem", folder=folder)
        (folder / "nginx.conf").write_text(tree.read(NGINX), encoding="utf-8")
        # The names are those of the Compose network.
        upstreams = re.sub(r"server-(\d):8000", r"127.0.0.\1:8000", tree.read(UPSTREAMS))
        (folder / "upstreams.conf").write_text(upstreams, encoding="utf-8")
        ran = run(tree, program, "-t", "-q", "-p", f"{folder}/run", "-c", f"{folder}/nginx.conf")
        if ran.returncode or ran.stderr:
            yield Finding(NGINX, last_lines(ran).replace(f"{folder}/", ""), "what nginx says")


@check("proxy settings")
def proxy(tree: Tree) -> Iterator[Finding]:
    """Limits are the servers', calls go on when a server goes, and only /mcp is public. The lab had no proxy."""
    text = re.sub(r"#.*", "", tree.read(NGINX))
    environments = [
        environment(one) for one in configuration(tree, PRODUCTION)["services"].values() if command(one) == "serve"
    ]
    server = {name.removeprefix(f"{PREFIX}SERVER__"): value for name, value in environments[0].items()}

    def all_of(directive: str) -> list[str]:
        return re.findall(rf"^\s*{directive}\s+([^;]*);", text, re.M)

    def no(what: str, fix: str) -> Finding:
        return Finding(NGINX, what, fix)

    if all_of("client_max_body_size") != ["1m"] or server.get("MAX_BODY_BYTES") != "1048576":
        yield no("bodies may be of another size than servers take", "client_max_body_size 1m")
    if all_of("client_header_timeout") != [server.get("HEADER_TIMEOUT")]:
        yield no("heads may take another time than with servers", "client_header_timeout")
    if not all(seconds(one) > seconds(server["REQUEST_TIMEOUT"]) for one in all_of("proxy_read_timeout") or ["0s"]):
        yield no("gives up before the server answers", "proxy_read_timeout longer than server.request_timeout")
    if not min(map(seconds, all_of("keepalive_timeout"))) < seconds(server["IDLE_TIMEOUT"]):
        yield no(
            "uses connections that the server may have closed", "keepalive_timeout shorter than server.idle_timeout"
        )
    if all_of("proxy_next_upstream") != [ONCE_MORE] or all_of("proxy_next_upstream_tries") != ["2"]:
        yield no(
            "calls fail when their server goes, or reach every server", f"proxy_next_upstream {ONCE_MORE}, tries 2"
        )
    headers = dict(one.split(None, 1) for one in all_of("proxy_set_header"))
    for name, value in HEADERS.items():
        if headers.get(name) != value:
            yield no(f"{name} comes from the client", f"proxy_set_header {name} {value}")
    for directive, value in {
        "proxy_buffering": "off",
        "server_tokens": "off",
        "ssl_protocols": "TLSv1.2 TLSv1.3",
    }.items():
        if all_of(directive) != [value]:
            yield no(f"{directive} is {all_of(directive)}", f"{directive} {value}")
    locations = re.findall(r"location ([^{]+) \{", text[text.index("listen 8443 ssl") : text.index("listen 8081")])
    if locations != PUBLIC:
        yield no(f"the public reaches {locations}", f"{PUBLIC} alone")


@check("compose database")
def database(tree: Tree) -> Iterator[Finding]:
    """PostgreSQL lets nobody in without TLS and a password."""
    lines = [line.split() for line in tree.read(f"{POSTGRES}/pg_hba.conf").splitlines() if line and line[0] != "#"]
    if not lines or any(line[-1] != "scram-sha-256" or line[0] not in ("local", "hostssl") for line in lines):
        yield Finding(f"{POSTGRES}/pg_hba.conf", "lets somebody in otherwise", "hostssl and scram-sha-256 alone")
    for setting in ("ssl = on", "password_encryption = 'scram-sha-256'"):
        if f"\n{setting}\n" not in tree.read(f"{POSTGRES}/postgresql.conf"):
            yield Finding(f"{POSTGRES}/postgresql.conf", f"{setting} is not set", "set it")


@check("compose redis")
def redis(tree: Tree) -> Iterator[Finding]:
    """Redis keeps answers that may be lost: nothing on disk, the oldest go first, and it fits its container."""
    text = tree.read(REDIS)
    for line in ("aclfile /run/secrets/redis-users.acl", 'save ""', "appendonly no", "maxmemory-policy allkeys-lru"):
        if line not in text.splitlines():
            yield Finding(REDIS, f"`{line}` is missing", "set it")
    [most] = map(int, re.findall(r"^maxmemory (\d+)mb", text, re.M))
    limits = configuration(tree, PRODUCTION)["services"]["redis"]["deploy"]["resources"]["limits"]
    if most * 2**20 * 1.25 > int(limits.get("memory", 0)):
        yield Finding(REDIS, f"maxmemory {most}mb does not fit its container", "a quarter less than the container has")


@check("telemetry promtool")
def promtool(tree: Tree) -> Iterator[Finding]:
    """Prometheus reads its configuration with our rules."""
    program = machines("promtool")
    with tempfile.TemporaryDirectory(prefix="retail-mcp-promtool-") as folder:
        for file in (PROMETHEUS, RULES):
            shutil.copy(tree.root / file, folder)
        ran = run(tree, program, "check", "config", f"{folder}/prometheus.yaml")
        if ran.returncode:
            yield Finding(PROMETHEUS, last_lines(ran).replace(f"{folder}/", ""), "what promtool says")


@check("telemetry settings")
def telemetry(tree: Tree) -> Iterator[Finding]:
    """Prometheus finds the servers by the job that the alerts know, and the collector has no part that is not in it."""
    [job] = tree.yaml(PROMETHEUS)["scrape_configs"]
    if job.get("job_name") != "retail-mcp":
        yield Finding(PROMETHEUS, "the alerts ask for another job", "job_name: retail-mcp")
    names = {name for found in job["dns_sd_configs"] for name in found["names"]}
    for file in FILES:
        of_servers = [one for one in configuration(tree, file)["services"].values() if command(one) == "serve"]
        aliases = {name for one in of_servers for name in (one["networks"]["telemetry"] or {}).get("aliases") or []}
        if names != aliases:
            yield Finding(PROMETHEUS, f"looks for {names}, and servers of {file} are {aliases}", "one name for both")
    collector = tree.yaml(COLLECTOR)
    for part, known in CORE.items():
        for name in collector.get(part, {}):
            if name.split("/")[0] not in known:
                yield Finding(COLLECTOR, f"{part}: {name} is not in the core collector", f"one of {sorted(known)}")
    for name, pipeline in collector["service"]["pipelines"].items():
        if pipeline["processors"][0] != "memory_limiter":
            yield Finding(COLLECTOR, f"{name} fills its memory before it looks at it", "memory_limiter first")
        for part in ("receivers", "processors"):
            for one in pipeline[part]:
                if one not in collector[part]:
                    yield Finding(COLLECTOR, f"{name} uses {one}, which is not there", f"define it in {part}")
