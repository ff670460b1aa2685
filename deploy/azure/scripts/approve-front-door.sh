#!/usr/bin/env bash
# Lets Front Door in: approves its private links to the environments of both regions. Once, after the first deployment
# with a second region; until then Front Door answers with an error of its own.
#
#   approve-front-door.sh ENVIRONMENT
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

[[ $# -eq 1 ]] || { say 'usage: approve-front-door.sh ENVIRONMENT'; exit 2; }
group="rg-retail-mcp-$1"
for name in "retail-mcp-$1-env" "retail-mcp-$1-env-secondary"; do
  waiting=$(az network private-endpoint-connection list --resource-group "$group" --name "$name" \
    --type Microsoft.App/managedEnvironments \
    --query "[?properties.privateLinkServiceConnectionState.status=='Pending'].id" --output tsv)
  for id in $waiting; do
    say "approving $id"
    az network private-endpoint-connection approve --id "$id" --description 'Front Door of retail-mcp' --output none
  done
done
