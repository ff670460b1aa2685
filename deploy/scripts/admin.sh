#!/usr/bin/env bash
# Runs a command of retail-mcp as the database's administrator, inside the environment, and prints what it said: nobody else
# reaches the database.
#
#   admin.sh ENVIRONMENT [--dry-run] -- COMMAND [ARGUMENTS...]
#
#   admin.sh staging -- seed --if-empty --scale tiny
#   admin.sh staging -- identity add --issuer ISSUER --claim oid --value OBJECT-ID --store seattle
#   admin.sh staging -- identity list
#   admin.sh staging -- audit verify
#   admin.sh staging -- embed
#
# It is the migration job, with its image, variables and secrets, and with these arguments for this once. A command that
# fails is tried once more, as the job says; both are printed. Azure keeps the arguments: no secret may be among them.
# Exit code: 0 done, 1 failed, 2 wrong usage.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --dry-run) dry_run=yes && shift ;;
    --) shift && break ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -eq 1 ]] || usage_error "name one environment, and the command after --"
use_environment "${positional[0]}"
[[ $# -gt 0 ]] || usage_error "the command is missing: -- COMMAND [ARGUMENTS...]"
require_tools az jq
require_sign_in
make_work_folder

# What a start is given stands for the whole container: without image, variables and references to secrets there would be
# none. Options such as --args have no way to name a secret's reference, so the job's own container goes into a file.
template=$(az containerapp job show --name "$job" --resource-group "$group" --query properties.template --output json) ||
  die "$environment has no job $job: deploy.sh makes it"
arguments='[]'
for word in "$@"; do
  arguments=$(jq -c --arg word "$word" '. + [$word]' <<<"$arguments")
done
jq --argjson arguments "$arguments" '{containers: [.containers[0] | {name, image, command, args: $arguments,
    env: [.env[]? | with_entries(select(.key | IN("name", "value", "secretRef")))],
    resources: {cpu: .resources.cpu, memory: .resources.memory}} | with_entries(select(.value != null))]}' \
  <<<"$template" >"$work/start.json"

say "$environment: retail-mcp $*"
# The job may take half an hour, and be tried once more.
code=0
run_job 65 --yaml "$work/start.json" || code=1
[[ $dry_run == no ]] || exit 0

# The log comes a minute or more late, and in parts: it is whole when nothing more has come.
find_workspace
jq -n --arg execution "$execution" '{timespan: "PT2H", query: ("ContainerAppConsoleLogs"
  + " | where ContainerGroupName startswith \"" + $execution + "\" | order by TimeGenerated asc | project Log")}' \
  >"$work/query.json"
seen=''
for _ in {1..20}; do
  sleep 20
  # A look that fails says nothing of the log.
  log=$(ask_workspace "$work/query.json" | jq -r '.tables[0].rows[][0]') || log=''
  [[ -n $log ]] || continue
  [[ $log != "$seen" ]] || break
  seen=$log
done
if [[ -n $seen ]]; then
  printf '%s\n' "$seen"
else
  say "its output has not come to the workspace yet; ask there for ContainerGroupName startswith \"$execution\""
fi
[[ $code -eq 0 ]] || die "it failed: $*"
