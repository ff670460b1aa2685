#!/usr/bin/env bash
# Puts the released version into the MCP registry. Signs in as the GitHub workflow that runs it: no secret.
#
#   publish-server.sh --owner OWNER --digest sha256:DIGEST [--dry-run]
#
# --dry-run has the entry checked by the registry's own program, and publishes nothing.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The registry's program; the sum was found for this version in several independent repositories.
version=v1.7.9
sha256=ab128162b0616090b47cf245afe0a23f3ef08936fdce19074f5ba0a4469281ac

options=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --owner | --digest) given=$(value "$@"); options+=("$1" "$given"); shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
require_tools curl jq sha256sum tar
make_work_folder

"$scripts/server-json.sh" "${options[@]}" >"$work/server.json"
cd "$work"
curl --silent --show-error --fail --location --output publisher.tar.gz \
  "https://github.com/modelcontextprotocol/registry/releases/download/$version/mcp-publisher_linux_amd64.tar.gz"
echo "$sha256  publisher.tar.gz" | sha256sum --check --quiet -
tar -xzf publisher.tar.gz mcp-publisher
./mcp-publisher validate server.json >&2
change ./mcp-publisher login github-oidc >&2
change ./mcp-publisher publish >&2
