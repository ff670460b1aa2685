#!/bin/sh
# Runs a command of retail-mcp with the administrator's password, as the migration of an overlay is run, and prints what
# it says. Exit code 1 when it fails.
#
#   admin.sh production identity add --issuer URL --claim groups --value ID --store seattle
#   admin.sh staging seed --if-empty --scale small
#
# Needs kubectl with a right to make Jobs in the namespace, and jq. The Job is gone after an hour.
set -eu

fail() { echo "admin.sh: $*" >&2; exit 1; }

[ $# -ge 2 ] || fail "name an overlay and a command, such as: production identity list"
overlay="$(cd "$(dirname "$0")" && pwd)/overlays/$1"
[ -d "$overlay" ] || fail "there is no overlay $1"
shift
command -v jq > /dev/null || fail "jq is missing: install it"

# The migration's Job by another name, with other arguments, and tried once.
job="$(kubectl create --dry-run=client --validate=false --output json --kustomize "$overlay" \
    --selector app.kubernetes.io/component=migration |
    jq --arg name "retail-mcp-admin-$(date +%s)" '
        if .kind == "List" then .items[] else . end
        | select(.kind == "Job" and .metadata.name == "retail-mcp-migrate")
        | .metadata.name = $name
        | .spec.backoffLimit = 0
        | .spec.ttlSecondsAfterFinished = 3600
        | .spec.template.spec.containers[0].args = $ARGS.positional' --args -- "$@")"
[ -n "$job" ] || fail "the overlay has no Job retail-mcp-migrate"
# As namespace/name.
created="$(printf '%s' "$job" | kubectl create --filename - --output jsonpath='{.metadata.namespace}/{.metadata.name}')"
namespace="${created%/*}" name="${created#*/}"

ended=''
while [ -z "$ended" ]; do
    sleep 2
    ended="$(kubectl --namespace "$namespace" get job "$name" \
        --output jsonpath='{.status.conditions[?(@.status=="True")].type}')"
done
kubectl --namespace "$namespace" logs "job/$name" || fail "the log of $name cannot be read"
case "$ended" in
    *Complete*) ;;
    *) fail "it failed: kubectl --namespace $namespace describe job/$name" ;;
esac
