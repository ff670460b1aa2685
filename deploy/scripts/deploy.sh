#!/usr/bin/env bash
# Deploys an image to an environment, blue-green by revision label, and goes back by itself when it is not well.
#
#   deploy.sh ENVIRONMENT --image REGISTRY/retail-mcp@sha256:DIGEST [--suffix NAME] [--settle MINUTES]
#             [--first 'COMMAND ARGUMENTS...']... [--dry-run]
#
# First deployment: the template makes the database and the migration job, the job runs, then the template makes the
# server, which must become healthy and pass the smoke test. Later ones: migrations first, then a revision beside the
# live one that gets no traffic until it is healthy and passes the smoke test; then 10, 50 and 100 % of the traffic, with
# a look at the alerts after each step (watch.sh). Any failure, and a stop of this script, gives the traffic back and ends
# the new revision. Migrations are not undone: they must leave the live version working (README.md).
#
# A new database is empty, and nobody may see a store: the smoke test would fail. So a first deployment stops after the
# migration and says what loads data and opens a store (admin.sh). Run again, it goes on. With --first it runs these
# commands itself and does not stop. When it fails it takes the servers away again; database and all else remain.
#
# --image    may be in another registry: Azure copies it, by its digest, to that of the environment
# --suffix   names the revision: retail-mcp-ENVIRONMENT--NAME; of the digest and the time when absent
# --settle   minutes to watch after each step (10; Azure has metrics some minutes late)
# --first    a command for admin.sh, its words apart by spaces; later deployments leave it out
# Exit code: 0 deployed, 1 failed and as before but for the database (above), 2 wrong usage, 3 a first deployment waits for
# data. Needs SMOKE_SCOPE or SMOKE_TOKEN_FILE (smoke.sh).
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

image='' suffix='' settle=10
first=() positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --image) image=$(value "$@"); shift 2 ;;
    --suffix) suffix=$(value "$@"); shift 2 ;;
    --settle) settle=$(value "$@"); shift 2 ;;
    --first) first+=("$(value "$@")"); shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -eq 1 ]] || usage_error "name one environment"
use_environment "${positional[0]}"
[[ -n $image ]] || usage_error "--image is missing"
require_digest "$image"
digest=${image##*@}
suffix=${suffix:-d${digest:7:8}-$(date -u +%y%m%d%H%M%S)}
[[ $suffix =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ && $suffix != *--* ]] ||
  usage_error "--suffix: lower-case letters, digits and single hyphens, not '$suffix'"
[[ $settle =~ ^[1-9][0-9]?$ ]] || usage_error "--settle: minutes, 1 to 99"
revision="$app--$suffix"

# What a failure has to put back, once there is something: the label with the traffic, and the label of the new revision;
# or the servers of a first deployment.
live='' new='' made=no waits=no

undo() {
  local code=$? name
  trap - EXIT INT TERM
  if [[ $code -ne 0 && -n $new && $dry_run == no ]]; then
    say "deployment of $revision failed: going back to $live"
    set_traffic "$live=100" "$new=0" || say "error: going back failed: rollback.sh $environment --to $live"
    for name in "${apps[@]}"; do
      # Its label would offer it to rollback.sh; its servers would keep their database connections.
      az containerapp revision label remove --name "$name" --resource-group "$group" --label "$new" --output none || true
      az containerapp revision deactivate --name "$name" --resource-group "$group" --revision "$name--$suffix" \
        --output none || true
    done
  fi
  if [[ $code -ne 0 && $made == yes ]]; then
    undo_first
  fi
  [[ $waits == no ]] || exit 3
  # Codes of commands within mean nothing to the caller.
  case $code in 0 | 2 | 130 | 143) exit "$code" ;; *) exit 1 ;; esac
}

# A first revision has all of the traffic from its beginning, and there is no other to give it to. So its app goes, which
# the template makes again; but never an app with another revision than this one.
undo_first() {
  local name names revisions
  names=$(az containerapp list --resource-group "$group" --query "[?name=='$app' || name=='$app-secondary'].name" \
    --output tsv) || names=$app
  for name in $names; do
    revisions=$(az containerapp revision list --name "$name" --resource-group "$group" --all --query "[].name" \
      --output tsv) || revisions=unknown
    if [[ -z $revisions || $revisions == "$name--$suffix" ]] &&
      az containerapp delete --name "$name" --resource-group "$group" --yes --output none; then
      say "$name is gone again"
    else
      say "error: $name did not pass and has all of the traffic. Take it away:"
      say "  az containerapp delete --name $name --resource-group $group"
    fi
  done
  say "the first deployment of $environment failed. The migrated database, the jobs and all else of the template remain. The"
  say "log of the servers is in the Log Analytics workspace; the alert RetailMcpDown may come, until there are some."
  say "Where the smoke test saw no store, load data and open one:"
  say_first_commands
  say "Then run this again."
}

# What loads data and opens a store to whoever runs the smoke test.
say_first_commands() {
  local token who issuer=ISSUER id=OBJECT-ID
  if [[ -n ${SMOKE_TOKEN_FILE:-} ]]; then
    token=$(cat "$SMOKE_TOKEN_FILE" 2>/dev/null || true)
  else
    token=$(az account get-access-token --scope "${SMOKE_SCOPE:-}" --query accessToken --output tsv 2>/dev/null || true)
  fi
  # The claims are in the middle. By standard input: a token is on no command line.
  who=$(jq -Rr 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson | "\(.iss) \(.oid)"' \
    <<<"$token" 2>/dev/null || true)
  [[ -z $who ]] || read -r issuer id <<<"$who"
  say "  deploy/scripts/admin.sh $environment -- seed --if-empty"
  say "  deploy/scripts/admin.sh $environment -- identity add --issuer $issuer --claim oid --value $id --store seattle"
  say "  deploy/scripts/admin.sh $environment -- embed"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The image in the environment's own registry: copied there by Azure where it was built elsewhere. The digest stays.
bring_image() {
  local registry source
  registry=$(az acr list --resource-group "$group" --query "[].loginServer" --output tsv)
  [[ $registry =~ ^[a-z0-9.-]+$ ]] || die "$group must have one registry, found: ${registry:-none}"
  if [[ ${image%%/*} != "$registry" ]]; then
    source=(--source "$image")
    if [[ ${image%%/*} == *.azurecr.io ]]; then
      # By its id, so with the rights of whoever is signed in and without a password.
      source=(--registry "$(az acr show --name "${image%%.*}" --query id --output tsv)" --source "${image#*/}")
    fi
    change az acr import --name "${registry%%.*}" "${source[@]}" --image "retail-mcp:$suffix" --force --output none
  fi
  image="$registry/retail-mcp@$digest"
}

# What the parameter file reads from the environment. A variable that is set but empty, as pipelines hand on what nobody
# set, would count as a value.
require_parameters() {
  local file="$root/deploy/azure/main.$environment.bicepparam" name missing=()
  while read -r name; do
    [[ -n ${!name:-} ]] || unset "$name"
  done < <(grep -o "readEnvironmentVariable('[A-Z_]*'" "$file" | cut -d"'" -f2 | sort -u)
  while read -r name; do
    [[ -n ${!name:-} ]] || missing+=("$name")
  done < <(grep -o "readEnvironmentVariable('[A-Z_]*')" "$file" | cut -d"'" -f2 | sort -u)
  [[ ${#missing[@]} -eq 0 ]] || die "set these variables (deploy/azure/README.md): ${missing[*]}"
}

# The template with this image. The traffic is given whole, so a deployment of the template never moves it by itself.
apply_template() {
  change az deployment group create --resource-group "$group" --name "deploy-$suffix" \
    --parameters "$root/deploy/azure/main.$environment.bicepparam" \
    --parameters imageDigest="$digest" revisionSuffix="$suffix" "$@" --output none
}

smoke() {
  change "$scripts/smoke.sh" --url "https://$1/mcp"
}

wait_healthy() {
  local name
  for name in "${apps[@]}"; do
    change "$scripts/wait-healthy.sh" "$environment" --revision "$name--$suffix"
  done
}

first_deployment() {
  say "$environment has no server yet: first deployment of $image"
  local traffic before command words
  traffic=$(jq -cn --arg new "$revision" '[{revisionName: $new, label: "blue", weight: 100}]')
  before=$(az containerapp job list --resource-group "$group" --query "[?name=='$job'].name" --output tsv)
  # The database and the job first: a server does not start on a database without the schema.
  apply_template traffic="$traffic" deployServer=false
  change "$root/deploy/azure/scripts/restart-database.sh" "$environment"
  change "$scripts/migrate.sh" "$environment"
  for command in "${first[@]}"; do
    read -ra words <<<"$command"
    change "$scripts/admin.sh" "$environment" -- "${words[@]}"
  done
  # Where the job was there, somebody was told before.
  if [[ -z $before && ${#first[@]} -eq 0 ]]; then
    say "$environment has a migrated database now, which is empty, and no servers. Load data (these are samples), and open a store"
    say "to whoever runs the smoke test:"
    say_first_commands
    say "Then run this again: it goes on."
    [[ $dry_run == yes ]] || { waits=yes && exit 3; }
  fi
  [[ $dry_run == yes ]] || made=yes
  apply_template traffic="$traffic"
  [[ $dry_run == no ]] || return 0
  read_apps
  wait_healthy
  smoke "$(host)"
}

host() { jq -r --arg app "$app" '.[] | select(.name == $app) | .properties.configuration.ingress.fqdn' <<<"$state"; }

# Ends all revisions but the live one, before there is a new one: the database has connections for two sets of servers.
# azd leaves each that it made running.
end_idle() {
  local name keep active old
  for name in "${apps[@]}"; do
    keep=$(labelled "$name" "$live")
    [[ -n $keep ]] || die "no revision of $name has the label $live, which is live in $app"
    active=$(az containerapp revision list --name "$name" --resource-group "$group" --query "[?properties.active].name" \
      --output tsv)
    for old in $active; do
      [[ $old == "$keep" || $old == "$name--$suffix" ]] ||
        change az containerapp revision deactivate --name "$name" --resource-group "$group" --revision "$old" --output none
    done
  done
}

next_deployment() {
  local live_revision idle host share
  label_live
  live=$(jq -r --arg app "$app" '[.[] | select(.name == $app) | .properties.configuration.ingress.traffic[]
    | select(.weight == 100) | .label // empty] | first // ""' <<<"$state")
  [[ -n $live ]] ||
    die "the traffic of $app is split: undo the last deployment with rollback.sh $environment --to LABEL"
  if [[ $live == blue ]]; then idle=green; else idle=blue; fi
  live_revision=$(labelled "$app" "$live")
  host=$(host)
  if [[ $live_revision == "$revision" ]]; then
    say "$revision is live already"
    return
  fi
  say "$environment: $live ($live_revision) is live; deploying $image as $idle ($revision)"

  change "$scripts/migrate.sh" "$environment" --image "$image"
  end_idle
  new=$idle
  apply_template traffic="$(jq -cn --arg live "$live_revision" --arg l "$live" --arg new "$revision" --arg n "$idle" \
    '[{revisionName: $live, label: $l, weight: 100}, {revisionName: $new, label: $n, weight: 0}]')"
  wait_healthy
  # The app's name in its host gets the label.
  smoke "${host%%.*}---$idle.${host#*.}"
  for share in 10 50 100; do
    set_traffic "$live=$((100 - share))" "$idle=$share"
    change "$scripts/watch.sh" "$environment" --revision "$revision" --minutes "$settle"
  done
  smoke "$host"
}

require_tools az jq
require_parameters
require_sign_in
read_apps
bring_image
if [[ ${#apps[@]} -eq 0 ]]; then
  first_deployment
else
  next_deployment
fi
say "$environment runs $image as $revision"
