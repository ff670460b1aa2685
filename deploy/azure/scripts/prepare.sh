#!/usr/bin/env bash
# Makes what main.bicep needs to be there: the resource group, foundation.bicep, and the secrets in the vault. May be run
# again at any time: a secret that is there stays as it is.
#
#   prepare.sh ENVIRONMENT LOCATION
#
# Reads OPERATOR_ADDRESSES (addresses or networks with commas, yours among them: others may not set secrets),
# OPERATOR_OBJECT_ID and OPERATOR_TYPE (who is signed in, when absent), SECONDARY_LOCATION, ALERT_EMAIL.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

[[ $# -eq 2 ]] || { say 'usage: prepare.sh ENVIRONMENT LOCATION'; exit 2; }
environment=$1 location=$2
case "$environment" in
  staging | production) ;;
  *) say "the environment is staging or production, not '$environment'"; exit 2 ;;
esac
for tool in az jq openssl; do
  command -v "$tool" >/dev/null || die "missing on this machine: $tool"
done
az account show --output none 2>/dev/null || die "not signed in to Azure: run 'az login'"
[[ -n ${OPERATOR_ADDRESSES:-} ]] || die 'OPERATOR_ADDRESSES is not set: the vault would refuse this machine'

here=$(cd "$(dirname "$0")/.." && pwd)
group="rg-retail-mcp-$environment"
# The user who is signed in; a service principal has to be named.
operator=${OPERATOR_OBJECT_ID:-${AZURE_PRINCIPAL_ID:-}}
[[ -n $operator ]] || operator=$(az ad signed-in-user show --query id --output tsv) ||
  die 'set OPERATOR_OBJECT_ID to the object id of the service principal, and OPERATOR_TYPE=ServicePrincipal'

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for provider in App Cache Cdn CognitiveServices ContainerRegistry DBforPostgreSQL Insights KeyVault ManagedIdentity Network OperationalInsights; do
  az provider register --namespace "Microsoft.$provider" --output none
done

say "resource group $group in $location"
az group create --name "$group" --location "$location" --tags application=retail-mcp environment="$environment" --output none

say 'identities, networks, registry, vault, monitoring'
jq -n --arg addresses "$OPERATOR_ADDRESSES" '{parameters: {operatorAddresses: {value: ($addresses | split(","))}}}' >"$work/addresses.json"
vault=$(az deployment group create --resource-group "$group" --name foundation-alone --template-file "$here/foundation.bicep" \
  --parameters environmentName="$environment" location="$location" secondaryLocation="${SECONDARY_LOCATION:-}" \
  operatorObjectId="$operator" operatorType="${OPERATOR_TYPE:-User}" alertEmail="${ALERT_EMAIL:-}" \
  --parameters "@$work/addresses.json" --query properties.outputs.vaultName.value --output tsv)

# Forty letters and digits, of which PostgreSQL's administrator must have three kinds.
password() { printf '%s' "Aa1$(openssl rand -base64 60 | tr -d '/+=\n' | cut -c1-37)"; }
# 32 bytes, as the server wants it.
identity_key() { openssl rand -hex 32 | tr -d '\n'; }

# A new role is known everywhere after some minutes, so a refusal is no answer yet. What is there is asked once and must
# be answered: a secret that only could not be read must never be made anew.
tries=30
until names=$(az keyvault secret list --vault-name "$vault" --query '[].name' --output tsv 2>"$work/refusal"); do
  tries=$((tries - 1))
  [[ $tries -gt 0 ]] || die "the vault $vault does not answer: $(cat "$work/refusal")"
  say "waiting for the right to read $vault"
  sleep 20
done

keep_secret() {
  local name=$1 make=$2
  if grep -qx -- "$name" <<<"$names"; then
    say "secret $name is there"
    return
  fi
  # By a file: what stands on a command line is seen by everybody on this machine.
  "$make" >"$work/secret"
  az keyvault secret set --vault-name "$vault" --name "$name" --file "$work/secret" --encoding utf-8 --output none
  rm -f "$work/secret"
  say "secret $name made"
}

keep_secret admin-password password
keep_secret query-password password
keep_secret head-office-password password
keep_secret service-password password
keep_secret identity-key identity_key
# Places for the passwords of Redis, which main.bicep puts there: a role can only be given on what is there.
keep_secret redis-password password
keep_secret redis-password-secondary password

say "ready for main.bicep: the vault is $vault"
