#!/usr/bin/env bash
# Runs the migration job of an environment and waits for its end.
#
#   migrate.sh ENVIRONMENT [--image REGISTRY/retail-mcp@sha256:DIGEST] [--dry-run]
#
# --image: the job runs this image from now on; without it, the one that the template gave it.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

image='' positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --image) image=$(value "$@"); shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -eq 1 ]] || usage_error "name one environment"
use_environment "${positional[0]}"
require_tools az
require_sign_in

if [[ -n $image ]]; then
  require_digest "$image"
  change az containerapp job update --name "$job" --resource-group "$group" --image "$image" --output none
fi
say "migrating the database of $environment"
execution=$(change az containerapp job start --name "$job" --resource-group "$group" --query name --output tsv)
[[ $dry_run == no ]] || exit 0

# Ten minutes: a migration takes seconds, an index over a large table minutes.
for _ in {1..120}; do
  status=$(az containerapp job execution show --name "$job" --resource-group "$group" \
    --job-execution-name "$execution" --query properties.status --output tsv)
  case "$status" in
    Succeeded) say "migrated" && exit 0 ;;
    Failed | Stopped | Degraded) die "the job $execution ended as $status; the Log Analytics workspace has its log" ;;
    *) sleep 5 ;;
  esac
done
die "the migration job $execution did not end within ten minutes"
