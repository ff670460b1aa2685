"""What builds the templates, and how azd deploys them."""

from __future__ import annotations

from bench import ROOT, Bench
from world import answer, well

AZURE = ROOT / "deploy/azure"


def test_build_bicep(bench: Bench) -> None:
    bench.world([answer("^az bicep ")])
    bench.run("build-bicep.sh")
    bench.expect_calls()
    for file in [*AZURE.glob("*.bicep"), *AZURE.glob("*.bicepparam")]:
        assert any(f"--file $ROOT/deploy/azure/{file.name} " in line for line in bench.lines()), file.name


def test_build_bicep_of_a_bad_template(bench: Bench) -> None:
    bench.world([answer("^az bicep build .*/app.bicep ", code=1, err="Error BCP018\n"), answer("^az bicep ")])
    output = bench.run("build-bicep.sh", code=1)
    assert "refuses app.bicep\n" in output, output
    # The rest is looked at nevertheless.
    assert "main.staging.bicepparam" in bench.lines()[-1], bench.lines()


def test_build_bicep_without_a_version(bench: Bench) -> None:
    bench.world([])
    bench.run("build-bicep.sh", "--version", "latest", code=2)
    assert not bench.calls


def test_azd_migrates_the_database_that_is_live(bench: Bench) -> None:
    bench.world(well())
    azd = {"AZURE_ENV_NAME": "production", "AZURE_LOCATION": "swedencentral", "ENTRA_CLIENT_ID": "client"}
    azd["SERVICE_RETAIL_MCP_IMAGE_NAME"] = "registry.example.com/retail-mcp:azd-1"
    azd["DATABASE_HOST"] = "restored.example.com"
    bench.run(AZURE / "scripts/azd-migrate.sh", **azd)
    made, *_, started = [line for line in bench.lines() if "group create" in line or "job start" in line]
    assert " databaseHost=restored.example.com deployServer=false " in made and "job start" in started, bench.lines()
