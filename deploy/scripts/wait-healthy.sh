#!/usr/bin/env bash
# Waits until a revision's servers run and answer their probes.
#
#   wait-healthy.sh ENVIRONMENT --revision NAME
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

revision='' positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --revision) revision=$(value "$@"); shift 2 ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -eq 1 && $revision == *--* ]] || usage_error "name one environment, and --revision APP--SUFFIX"
use_environment "${positional[0]}"
require_tools az jq
require_sign_in

state=''
for _ in {1..60}; do
  state=$(az containerapp revision show --name "${revision%%--*}" --resource-group "$group" --revision "$revision" \
    --output json | jq -r '.properties | "\(.provisioningState) \(.runningState) \(.healthState) \(.replicas // 0)"')
  read -r provisioning running health replicas <<<"$state"
  case "$provisioning $running $health" in
    "Provisioned Running"*" Healthy")
      if [[ $replicas -gt 0 ]]; then
        say "$revision is healthy ($replicas servers)"
        exit 0
      fi
      ;;
    *Failed*) die "$revision failed: $state" ;;
  esac
  sleep 10
done
die "$revision is not healthy after ten minutes: $state"
