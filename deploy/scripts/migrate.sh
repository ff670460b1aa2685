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
# Ten minutes: a migration takes seconds, an index over a large table minutes.
run_job 10 || die "the migration failed; the Log Analytics workspace has its log"
[[ $dry_run == yes ]] || say "migrated"
