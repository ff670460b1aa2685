#!/usr/bin/env bash
# Watches a revision for some minutes and fails as soon as an alert holds for it.
#
#   watch.sh ENVIRONMENT --revision NAME --minutes N
#
# Looks once a minute: at what the servers send to Application Insights, by the questions of deploy/azure/alerts.yaml, and
# at the share of 5xx that the ingress counts, which knows of servers that answer nothing. Metrics come a minute or more
# late, so "Silent", no metrics at all, counts at the last look alone, and less than five minutes show little.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

revision='' minutes='' positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --revision) revision=$(value "$@"); shift 2 ;;
    --minutes) minutes=$(value "$@"); shift 2 ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -eq 1 ]] || usage_error "name one environment"
use_environment "${positional[0]}"
[[ $revision =~ ^[a-z0-9-]+$ ]] || usage_error "--revision is missing or no name of a revision"
[[ $minutes =~ ^[1-9][0-9]?$ ]] || usage_error "--minutes: 1 to 99"
require_tools az jq
require_sign_in
make_work_folder

find_workspace
app_id=$(az containerapp show --name "$app" --resource-group "$group" --query id --output tsv)

# The critical and high alerts of deploy/azure/alerts.yaml that are about single servers, asked of this revision's servers
# (their host names begin with its name), and whether anything was heard of them.
question() {
  printf 'let own = AppMetrics | where AppRoleInstance startswith "%s-";\nunion\n' "$revision"
  awk '
    /^- name: /      { name = $3 }
    /^  severity: /  { severity = $2 }
    /^  window: PT/  { minutes = substr($2, 3, length($2) - 3) }
    /^  perServer: / { per_server = $2 }
    /^  query: \|$/  { inside = severity <= 1 && per_server == "true"; next }
    /^ ? ?[^ ]/      { if (inside) printf "| project alert = \"%s\", server = AppRoleInstance),\n", asked; inside = 0 }
    inside && $1 == "AppMetrics" { printf "(own | where TimeGenerated > ago(%sm)\n", minutes; asked = name; next }
    inside           { print }
    END              { if (inside) printf "| project alert = \"%s\", server = AppRoleInstance),\n", asked }
  ' "$root/deploy/azure/alerts.yaml"
  printf '(own | where TimeGenerated > ago(10m) and Name == "process.uptime"\n'
  printf '| summarize looks = count() | where looks == 0 | project alert = "Silent", server = "%s")\n' "$revision"
}

# Alerts that hold and servers, a line each.
servers_say() {
  ask_workspace "$work/query.json" | jq -r '.tables[0].rows[] | "\(.[0]) \(.[1])"'
}

# What the ingress saw since the last change: more than 5 % of at least three requests a minute.
ingress_says() {
  az monitor metrics list --resource "$app_id" --metrics Requests --aggregation Total --interval PT1M --offset "$1m" \
    --filter "revisionName eq '$revision' and statusCodeCategory eq '*'" --output json |
    jq -r --argjson minutes "$1" '
      [.value[0].timeseries[] | {
        category: (.metadatavalues[] | select(.name.value | ascii_downcase == "statuscodecategory") | .value),
        total: ([.data[].total // 0] | add // 0)}]
      | (map(.total) | add // 0) as $all | (map(select(.category == "5xx") | .total) | add // 0) as $bad
      | if $all > 0 and $all >= 3 * $minutes and $bad / $all > 0.05 then "IngressErrors \($bad / $all)" else empty end'
}

question | jq -R -s '{query: ., timespan: "PT15M"}' >"$work/query.json"
for ((minute = 1; minute <= minutes; minute++)); do
  sleep 60
  if ! alerts=$(servers_say && ingress_says "$minute"); then
    [[ $minute -lt $minutes ]] || die "the last look failed: nobody knows how $revision does"
    say "the look after $minute min failed"
    continue
  fi
  [[ $minute -eq $minutes ]] || alerts=$(grep -v '^Silent ' <<<"$alerts" || true)
  if [[ -n $alerts ]]; then
    say "$revision is not well after $minute min:"
    say "$alerts"
    exit 1
  fi
done
say "$revision: no alert within $minutes min"
