#!/usr/bin/env bash
# Deploys an image to an environment, blue-green by revision label, and goes back by itself when it is not well.
#
#   deploy.sh ENVIRONMENT --image REGISTRY/retail-mcp@sha256:DIGEST [--suffix NAME] [--settle MINUTES] [--dry-run]
#
# First deployment: the template makes the database and the migration job, the job runs, then the template makes the
# server, which must become healthy and pass the smoke test. Later ones: migrations first, then a revision beside the
# live one that gets no traffic until it is healthy and passes the smoke test; then 10, 50 and 100 % of the traffic, with
# a look at the alerts after each step (watch.sh). Any failure, and a stop of this script, gives the traffic back and ends
# the new revision. Migrations are not undone: they must leave the live version working (README.md).
#
# --image    may be in another registry: Azure copies it, by its digest, to that of the environment
# --suffix   names the revision: retail-mcp-ENVIRONMENT--NAME; of the digest and the time when absent
# --settle   minutes to watch after each step (10; Azure has metrics some minutes late)
# Exit code: 0 deployed, 1 failed and as before, 2 wrong usage. Needs SMOKE_SCOPE or SMOKE_TOKEN_FILE (smoke.sh).
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

image='' suffix='' settle=10
positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --image) image=$(value "$@"); shift 2 ;;
    --suffix) suffix=$(value "$@"); shift 2 ;;
    --settle) settle=$(value "$@"); shift 2 ;;
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

# What a failure has to put back, once there is something: the label with the traffic, and the label of the new revision.
live='' new=''

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
  # Codes of commands within mean nothing to the caller.
  case $code in 0 | 2 | 130 | 143) exit "$code" ;; *) exit 1 ;; esac
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
  local traffic
  traffic=$(jq -cn --arg new "$revision" '[{revisionName: $new, label: "blue", weight: 100}]')
  # The database and the job first: a server does not start on a database without the schema.
  apply_template traffic="$traffic" deployServer=false
  change "$root/deploy/azure/scripts/restart-database.sh" "$environment"
  change "$scripts/migrate.sh" "$environment"
  apply_template traffic="$traffic"
  [[ $dry_run == no ]] || return 0
  read_apps
  wait_healthy
  smoke "$(host)"
}

host() { jq -r --arg app "$app" '.[] | select(.name == $app) | .properties.configuration.ingress.fqdn' <<<"$state"; }

next_deployment() {
  local live_revision old name idle host share
  live=$(jq -r --arg app "$app" '[.[] | select(.name == $app) | .properties.configuration.ingress.traffic[]
    | select(.weight == 100) | .label // empty] | first // ""' <<<"$state")
  [[ -n $live ]] || die "the traffic of $app is not at one label: undo the last deployment with rollback.sh --to LABEL"
  if [[ $live == blue ]]; then idle=green; else idle=blue; fi
  live_revision=$(labelled "$app" "$live")
  host=$(host)
  if [[ $live_revision == "$revision" ]]; then
    say "$revision is live already"
    return
  fi
  say "$environment: $live ($live_revision) is live; deploying $image as $idle ($revision)"

  change "$scripts/migrate.sh" "$environment" --image "$image"
  new=$idle
  apply_template traffic="$(jq -cn --arg live "$live_revision" --arg l "$live" --arg new "$revision" --arg n "$idle" \
    '[{revisionName: $live, label: $l, weight: 100}, {revisionName: $new, label: $n, weight: 0}]')"
  # The one before the live one made way: it would keep servers and their connections.
  for name in "${apps[@]}"; do
    old=$(labelled "$name" "$idle")
    [[ -z $old || $old == "$name--$suffix" ]] ||
      change az containerapp revision deactivate --name "$name" --resource-group "$group" --revision "$old" --output none
  done
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
