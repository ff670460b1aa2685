#!/usr/bin/env bash
# Restarts PostgreSQL if a setting waits for it: shared_preload_libraries and max_connections count from the next start.
#
#   restart-database.sh ENVIRONMENT
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

[[ $# -eq 1 ]] || { say 'usage: restart-database.sh ENVIRONMENT'; exit 2; }
group="rg-retail-mcp-$1"
# A replica has to be restarted first: it must not allow fewer connections than the primary.
servers=$(az postgres flexible-server list --resource-group "$group" \
  --query "sort_by([].{name: name, role: replicationRole}, &role)[].name" --output tsv)
for server in $servers; do
  waiting=$(az postgres flexible-server parameter list --resource-group "$group" --server-name "$server" \
    --query "[?isConfigPendingRestart].name" --output tsv)
  if [[ -n $waiting ]]; then
    say "$server: restarting for ${waiting//$'\n'/, }"
    az postgres flexible-server restart --resource-group "$group" --name "$server" --output none
  fi
done
