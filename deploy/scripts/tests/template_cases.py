"""What builds the templates, and how azd deploys them."""

from __future__ import annotations

from bench import ROOT, Bench
from world import answer

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
