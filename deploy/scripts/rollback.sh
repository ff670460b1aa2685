#!/usr/bin/env bash
# Gives all traffic of an environment to the other revision: a look at its health, one change of weights.
#
#   rollback.sh ENVIRONMENT [--to blue|green | --from REVISION] [--dry-run]
#
# --to    the label to go to; needed while the traffic is split
# --from  away from this revision, wherever it is; nothing is done when it has no label or no traffic. Pipelines say so
#         after a deployment that was cancelled, which leaves it no time to clean up.
# The database is not rolled back.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

to='' from='' positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --to) to=$(value "$@"); shift 2 ;;
    --from) from=$(value "$@"); shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -eq 1 ]] || usage_error "name one environment"
use_environment "${positional[0]}"
[[ -z $to || $to == blue || $to == green ]] || usage_error "--to is blue or green"
[[ -z $to || -z $from ]] || usage_error "either --to or --from"
require_tools az jq
require_sign_in

read_apps
[[ ${#apps[@]} -gt 0 ]] || die "$environment has no server"
label_live
traffic=$(jq --arg app "$app" '.[] | select(.name == $app) | .properties.configuration.ingress.traffic' <<<"$state")
if [[ -n $from ]]; then
  if jq -e --arg from "$from" 'all(.[]; .revisionName != $from or .weight == 0)' <<<"$traffic" >/dev/null; then
    say "$from has no traffic: nothing to do"
    exit 0
  fi
  to=$(jq -r --arg from "$from" '[.[] | select(.revisionName != $from and .label) | .label] | first // ""' <<<"$traffic")
  [[ -n $to ]] || die "there is no other revision than $from"
elif [[ -z $to ]]; then
  to=$(jq -r 'if any(.[]; .weight == 100) then [.[] | select(.weight == 0 and .label) | .label] | first // "" else "" end' \
    <<<"$traffic")
  [[ -n $to ]] || die "say where to go by --to: the traffic is split, or there is no other revision"
fi

for name in "${apps[@]}"; do
  revision=$(labelled "$name" "$to")
  [[ -n $revision ]] || die "no revision of $name has the label $to"
  active=$(az containerapp revision show --name "$name" --resource-group "$group" --revision "$revision" \
    --query properties.active --output tsv)
  if [[ $active != true ]]; then
    change az containerapp revision activate --name "$name" --resource-group "$group" --revision "$revision" --output none
    change "$scripts/wait-healthy.sh" "$environment" --revision "$revision"
  fi
done
weights=("$to=100")
while read -r label; do
  weights+=("$label=0")
done < <(jq -r --arg to "$to" '.[] | .label // empty | select(. != $to)' <<<"$traffic")
set_traffic "${weights[@]}"
say "all traffic of $environment goes to $to"
