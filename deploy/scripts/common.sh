# shellcheck shell=bash
# shellcheck disable=SC2034 # names for the scripts that source this
# What the scripts of this folder share: messages, names, tools, sign-in, changes that --dry-run leaves out. Source it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scripts="$root/deploy/scripts"
dry_run=no

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# The comment at the head of the script is its help.
print_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$0"; }

usage_error() {
  say "error: $*"
  say "See: $(basename "$0") --help"
  exit 2
}

# The value of an option, or a usage error. Use: `value "$@"`.
value() {
  [[ $# -ge 2 && -n $2 ]] || usage_error "$1 needs a value"
  printf '%s' "$2"
}

# Names of an environment, as deploy/azure has them.
use_environment() {
  case "$1" in
    staging | production) ;;
    *) usage_error "the environment is staging or production, not '$1'" ;;
  esac
  environment=$1
  group="rg-retail-mcp-$environment"
  app="retail-mcp-$environment"
  job="$app-migrate"
}

require_tools() {
  local tool missing=()
  for tool in "$@"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [[ ${#missing[@]} -eq 0 ]] || die "missing on this machine: ${missing[*]}"
}

# GitHub's proof of who a job is counts for minutes, and what Azure gives for it an hour: each script brings a new one.
# Elsewhere there is nothing to do. Tokens go by files and standard input; a command line is seen by others.
renew_sign_in() {
  [[ -n ${ACTIONS_ID_TOKEN_REQUEST_URL:-} && -n ${AZURE_CLIENT_ID:-} ]] || return 0
  local folder
  folder=$(umask 077 && mktemp -d)
  printf 'url = "%s&audience=api://AzureADTokenExchange"\nheader = "Authorization: bearer %s"\n' \
    "$ACTIONS_ID_TOKEN_REQUEST_URL" "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
    curl --silent --show-error --fail --config - | (umask 077 && jq -rj .value >"$folder/proof") || true
  az login --service-principal --username "$AZURE_CLIENT_ID" --tenant "$AZURE_TENANT_ID" \
    --federated-token "@$folder/proof" --output none || say "could not sign in anew; going on with what there is"
  rm -rf "$folder"
}

require_sign_in() {
  [[ ${BASH_VERSINFO[0]} -ge 4 ]] || die "bash 4 or newer is needed, this is $BASH_VERSION (macOS: brew install bash)"
  renew_sign_in
  az account show --output none 2>/dev/null || die "not signed in to Azure: run 'az login' (pipelines sign in by OIDC)"
}

# An image is named by its digest: what was tested is what runs, whatever becomes of a tag.
require_digest() {
  [[ $1 =~ ^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$ ]] ||
    usage_error "the image must be REGISTRY/retail-mcp@sha256:DIGEST, not '$1'"
}

# Runs a command that changes something; with --dry-run only says so.
change() {
  if [[ $dry_run == yes ]]; then
    say "would run: $*"
  else
    "$@"
  fi
}

# A temporary folder for this script alone, gone at its end.
make_work_folder() {
  umask 077
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}

# The container apps of the environment, as Azure has them: `apps` (names, the first region's first) and `state` (JSON).
# A second region has the same revisions and labels.
read_apps() {
  state=$(az containerapp list --resource-group "$group" --query "[?name=='$app' || name=='$app-secondary']" --output json) ||
    die "cannot read $group: setup-production.sh $environment makes it; or ask for access"
  mapfile -t apps < <(jq -r 'sort_by(.name) | .[].name' <<<"$state")
}

# The revision of an app that has a label; nothing when none has.
labelled() {
  jq -r --arg app "$1" --arg name "$2" '[.[] | select(.name == $app) | .properties.configuration.ingress.traffic[]
    | select(.label == $name) | .revisionName] | first // ""' <<<"$state"
}

# Gives labels their shares of the traffic, in all regions: `set_traffic blue=90 green=10`.
set_traffic() {
  local name
  for name in "${apps[@]}"; do
    change az containerapp ingress traffic set --name "$name" --resource-group "$group" --label-weight "$@" --output none
  done
}

# Gives a label to a revision that has all of the traffic and none, as azd, the portal and `--revision-weight` leave it:
# the label that is live in the other region, or blue. Keeps `state` true, with --dry-run as well.
label_live() {
  local name revision label
  label=$(jq -r '[.[].properties.configuration.ingress.traffic[] | select(.weight == 100) | .label // empty]
    | first // "blue"' <<<"$state")
  for name in "${apps[@]}"; do
    revision=$(jq -r --arg app "$name" '.[] | select(.name == $app) | .properties
      | (.latestReadyRevisionName // .latestRevisionName) as $latest | .configuration.ingress.traffic[]
      | select(.weight == 100 and (.label // "") == "") | if .latestRevision then $latest else .revisionName end' <<<"$state")
    [[ -n $revision && $revision != null ]] || continue
    say "$revision is live without a label: it becomes $label"
    change az containerapp revision label add --name "$name" --resource-group "$group" --revision "$revision" \
      --label "$label" --yes --output none
    change az containerapp ingress traffic set --name "$name" --resource-group "$group" --label-weight "$label=100" \
      --output none
    state=$(jq --arg app "$name" --arg revision "$revision" --arg to "$label" 'map(if .name == $app then
      .properties.configuration.ingress.traffic |= [{revisionName: $revision, label: $to, weight: 100},
        (.[] | select(.label and .label != $to) | .weight = 0)] else . end)' <<<"$state")
  done
}

# Starts the migration job and waits for its end: `run_job MINUTES [OPTIONS OF THE START]`. Its name is `execution`.
# False when it failed; a job that does not end is an error.
run_job() {
  local minutes=$1 looks status
  shift
  execution=$(change az containerapp job start --name "$job" --resource-group "$group" "$@" --query name --output tsv) ||
    die "the job $job does not start"
  [[ $dry_run == no ]] || return 0
  for ((looks = 12 * minutes; looks > 0; looks--)); do
    # One question that fails says nothing of the job.
    status=$(az containerapp job execution show --name "$job" --resource-group "$group" \
      --job-execution-name "$execution" --query properties.status --output tsv) || status=unknown
    case "$status" in
      Succeeded) return 0 ;;
      Failed | Stopped | Degraded)
        say "the job $execution ended as $status"
        return 1
        ;;
      *) sleep 5 ;;
    esac
  done
  die "the job $execution did not end within $minutes minutes"
}

# The Log Analytics workspace of the environment: `workspace`.
find_workspace() {
  workspace=$(az monitor log-analytics workspace list --resource-group "$group" --query "[].customerId" --output tsv)
  [[ $workspace =~ ^[0-9a-f-]{36}$ ]] || die "$group must have one Log Analytics workspace, found: ${workspace:-none}"
}

# Its answer to the question in a file.
ask_workspace() {
  az rest --method post --url "https://api.loganalytics.io/v1/workspaces/$workspace/query" \
    --resource "https://api.loganalytics.io" --headers "Content-Type=application/json" --body "@$1" --output json
}
