#!/usr/bin/env bash
# Makes an environment ready for the pipelines. May be run again at any time: what is there stays as it is.
#
#   setup-production.sh [production|staging] --location REGION --repository OWNER/NAME [--reviewers USER[,USER...]]
#                       [--azure-devops ISSUER SUBJECT] [--azure-devops-build ISSUER SUBJECT] [--dry-run]
#
# In this order, and each only where it is not there yet:
#
#   Azure    the resource group, foundation and secrets (deploy/azure/scripts/prepare.sh, with its variables)
#            an identity that deploys to this environment alone, signed in by OIDC; for staging one more that pushes images
#            what-if of the template: what the first deployment will make
#   GitHub   the environment, which main alone may enter, whose reviewers approve each deployment (production must have
#            some); with production the environment "release", which tags v* may enter; and variables
#
# --location            region of Azure, such as swedencentral
# --repository          whose jobs may sign in; they need no secret
# --azure-devops        issuer and subject of the service connection that deploys (its page, workload identity federation)
# --azure-devops-build  with staging, whose registry takes the images: those of the connection that builds
# Set the variables that main.ENVIRONMENT.bicepparam reads, ENTRA_CLIENT_ID for one: they become the environment's.
# prepare.sh makes the secrets and hands them to Key Vault by files of mode 600: none is on a command line.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

location='' repository='' reviewers='' issuer='' subject='' build_issuer='' build_subject='' positional=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --location) location=$(value "$@"); shift 2 ;;
    --repository) repository=$(value "$@"); shift 2 ;;
    --reviewers) reviewers=$(value "$@"); shift 2 ;;
    --azure-devops) issuer=$(value "$@"); shift; subject=$(value "$@"); shift 2 ;;
    --azure-devops-build) build_issuer=$(value "$@"); shift; build_subject=$(value "$@"); shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    -*) usage_error "unknown option $1" ;;
    *) positional+=("$1") && shift ;;
  esac
done
[[ ${#positional[@]} -le 1 ]] || usage_error "name one environment"
use_environment "${positional[0]:-production}"
[[ $location =~ ^[a-z0-9]+$ ]] || usage_error "--location is missing"
[[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || usage_error "--repository OWNER/NAME is missing"
[[ $environment != production || -n $reviewers ]] || usage_error "production needs --reviewers: nobody else stands before it"
[[ $environment == staging || -z $build_issuer ]] ||
  usage_error "--azure-devops-build goes with staging: images are built there"

# All that can be wrong from the start is said before anything is made.
require_tools az gh jq openssl
require_sign_in
gh auth status >/dev/null 2>&1 || die "not signed in to GitHub: run 'gh auth login'"
parameters="$root/deploy/azure/main.$environment.bicepparam"
mapfile -t variables < <(grep -o "readEnvironmentVariable('[A-Z_]*'" "$parameters" | cut -d"'" -f2 | sort -u)
mapfile -t required < <(grep -o "readEnvironmentVariable('[A-Z_]*')" "$parameters" | cut -d"'" -f2 | sort -u)
for name in "${required[@]}" OPERATOR_ADDRESSES; do
  [[ -n ${!name:-} ]] || die "set $name (deploy/azure/README.md)"
done
account=$(az account show --query '{tenant: tenantId, subscription: id, name: name}' --output json)
tenant=$(jq -r .tenant <<<"$account")
subscription=$(jq -r .subscription <<<"$account")
say "$environment in $location, subscription $(jq -r .name <<<"$account")"

change "$root/deploy/azure/scripts/prepare.sh" "$environment" "$location"
if [[ $dry_run == yes && $(az group exists --name "$group") != true ]]; then
  say "would make the identities, roles, GitHub environment (reviewers, branch main) and variables of $environment"
  [[ $environment != production ]] || say "would make the GitHub environment release (reviewers, tags v*)"
  exit 0
fi

# The client id and principal id of an identity, which is made if it is not there.
ensure_identity() {
  local found
  found=$(az identity list --resource-group "$group" --query "[?name=='$1'] | [0]" --output json)
  if [[ -z $found || $found == null ]]; then
    if [[ $dry_run == yes ]]; then
      say "would make the identity $1"
      return
    fi
    found=$(az identity create --resource-group "$group" --name "$1" --location "$location" --output json)
    say "identity $1 made"
  fi
  jq -r '"\(.clientId) \(.principalId)"' <<<"$found"
}

# ensure_credential IDENTITY NAME ISSUER SUBJECT: who may sign in as the identity.
ensure_credential() {
  local found
  found=$(az identity federated-credential list --resource-group "$group" --identity-name "$1" \
    --query "[?issuer=='$3' && subject=='$4'] | length(@)" --output tsv)
  [[ $found == 0 ]] || return 0
  change az identity federated-credential create --resource-group "$group" --identity-name "$1" --name "$2" \
    --issuer "$3" --subject "$4" --audiences api://AzureADTokenExchange --output none
}

# ensure_role PRINCIPAL ROLE SCOPE [CONDITION]
ensure_role() {
  local found condition=()
  found=$(az role assignment list --assignee-object-id "$1" --scope "$3" \
    --query "[?roleDefinitionName=='$2'] | length(@)" --output tsv)
  [[ $found == 0 ]] || return 0
  [[ -z ${4:-} ]] || condition=(--condition "$4" --condition-version 2.0)
  change az role assignment create --assignee-object-id "$1" --assignee-principal-type ServicePrincipal --role "$2" \
    --scope "$3" "${condition[@]}" --output none
}

# Which roles the template gives, and so the deployer may: to pull images, read secrets, ask for vectors.
given_roles() {
  grep -rhoE "roleDefinitions', '[0-9a-f-]{36}'" "$root/deploy/azure" --include='*.bicep' |
    cut -d"'" -f3 | sort -u | paste -sd, -
}
only_these() {
  local rights=Microsoft.Authorization/roleAssignments
  local one='((!(ActionMatches{%s})) OR (@%s[%s:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {%s}))'
  # shellcheck disable=SC2059 # the format is the line above
  printf "$one AND $one" "'$rights/write'" Request "$rights" "$1" "'$rights/delete'" Resource "$rights" "$1"
}

github=https://token.actions.githubusercontent.com
group_id="/subscriptions/$subscription/resourceGroups/$group"
made=$(ensure_identity "$app-deploy")
read -r deployer deployer_principal <<<"$made"
if [[ -n $deployer ]]; then
  ensure_credential "$app-deploy" "github-$environment" "$github" "repo:$repository:environment:$environment"
  [[ -z $issuer ]] || ensure_credential "$app-deploy" "azure-devops-$environment" "$issuer" "$subject"
  ensure_role "$deployer_principal" Contributor "$group_id"
  ensure_role "$deployer_principal" "Role Based Access Control Administrator" "$group_id" "$(only_these "$(given_roles)")"
fi

# Images are built into staging's registry; production's is filled from it.
builds=$(az acr list --resource-group rg-retail-mcp-staging --query '[0].{id: id, server: loginServer}' --output json \
  2>/dev/null || true)
registry_id=$(jq -r '.id // ""' <<<"${builds:-null}")
builder=''
if [[ -z $registry_id ]]; then
  say "set up staging, too: its registry takes the images"
elif [[ $environment == staging ]]; then
  made=$(ensure_identity retail-mcp-build)
  read -r builder builder_principal <<<"$made"
  if [[ -n $builder ]]; then
    ensure_credential retail-mcp-build github-main "$github" "repo:$repository:ref:refs/heads/main"
    [[ -z $build_issuer ]] || ensure_credential retail-mcp-build azure-devops "$build_issuer" "$build_subject"
    ensure_role "$builder_principal" AcrPush "$registry_id"
  fi
elif [[ -n $deployer ]]; then
  ensure_role "$deployer_principal" AcrPull "$registry_id"
  ensure_role "$deployer_principal" Reader "$registry_id"
fi

say "what the template would change:"
az deployment group what-if --resource-group "$group" --parameters "$parameters" --no-prompt true >&2

# ensure_github_environment NAME branch|tag PATTERN: only what has such a name may enter, and where there are reviewers,
# when one of them agrees. Reviewers, the policy and its pattern are each looked at: Azure lets in whoever is inside, and
# a run that ended between them must not leave half of it for good.
ensure_github_environment() {
  local path="repos/$repository/environments/$1" found rules missing policies='{}' others
  if ! found=$(gh api "$path" 2>&1); then
    [[ $found == *"HTTP 404"* ]] || die "cannot read GitHub's environment $1: $found"
    found='{}'
  fi
  # GitHub sets all of it at once: what is there is said again.
  rules=$(jq -c '[.protection_rules[]? | select(.type == "required_reviewers")][0] as $rule
    | [$rule.reviewers[]? | {type, id: .reviewer.id}] as $there
    | ([$ARGS.positional[] | {type: "User", id: tonumber}] - $there) as $more
    | {wait_timer: ([.protection_rules[]? | select(.type == "wait_timer") | .wait_timer][0] // 0),
       reviewers: ($there + $more), prevent_self_review: ($there == [] or $rule.prevent_self_review == true),
       deployment_branch_policy: {protected_branches: false, custom_branch_policies: true}} as $rules
    | [if has("name") then empty else "itself" end, if $more == [] then empty else "reviewers" end,
       if .deployment_branch_policy == $rules.deployment_branch_policy then empty else "who may enter" end] as $missing
    | {$rules, missing: ($missing | join(", "))}' --args "${people[@]}" <<<"$found")
  missing=$(jq -r .missing <<<"$rules")
  if [[ -n $missing ]]; then
    say "GitHub's environment $1 lacks: $missing"
    change gh api --method PUT "$path" --input - <<<"$(jq -c .rules <<<"$rules")" >&2
  fi
  # With --dry-run there may be nothing yet to ask.
  if [[ $dry_run == no || $missing != *"who may enter"* ]]; then
    policies=$(gh api "$path/deployment-branch-policies?per_page=100")
  fi
  others=$(jq -r '[.branch_policies[]? | "\(.type // "branch") \(.name)"] - $ARGS.positional | join(", ")' \
    --args "$2 $3" <<<"$policies")
  [[ -z $others ]] || say "GitHub's environment $1 is also open to $others: take away there what nobody wants"
  if ! jq -e --arg type "$2" --arg name "$3" 'any(.branch_policies[]?; .name == $name and (.type // "branch") == $type)' \
    <<<"$policies" >/dev/null; then
    say "GitHub's environment $1 is open to no $2 $3"
    change gh api --method POST "$path/deployment-branch-policies" -f "name=$3" -f "type=$2" >&2
  fi
}

# ensure_variable NAME VALUE [--env ENVIRONMENT]
ensure_variable() {
  local name=$1 wanted=$2 found
  shift 2
  [[ -n $wanted ]] || return 0
  found=$(gh variable list --repo "$repository" "$@" --json name,value |
    jq -r --arg name "$name" '.[] | select(.name == $name) | .value')
  [[ $found == "$wanted" ]] || change gh variable set "$name" --repo "$repository" "$@" --body "$wanted" >&2
}

people=()
for name in ${reviewers//,/ }; do
  id=$(gh api "users/$name" --jq .id)
  people+=("$id")
done
ensure_github_environment "$environment" branch main
# Whoever approves production approves what the world gets. release.yml enters by its tag.
[[ $environment != production ]] || ensure_github_environment release tag 'v*'
ensure_variable AZURE_TENANT_ID "$tenant"
ensure_variable AZURE_SUBSCRIPTION_ID "$subscription"
ensure_variable AZURE_BUILD_CLIENT_ID "$builder"
ensure_variable BUILD_REGISTRY "$(jq -r '.server // ""' <<<"${builds:-null}")"
ensure_variable AZURE_CLIENT_ID "$deployer" --env "$environment"
ensure_variable SMOKE_SCOPE "api://$ENTRA_CLIENT_ID/.default" --env "$environment"
for name in "${variables[@]}"; do
  ensure_variable "$name" "${!name:-}" --env "$environment"
done

say "$environment is ready. By hand, once: give $app-deploy ($deployer) the app roles of the smoke test, as docs/security.md
says of a daemon; then push to main. The first deployment makes the database, and stops: it says which commands of admin.sh
load data and open a store to $app-deploy. After them run its job again."
