#!/bin/sh
# Replaces the servers of compose.prod.yaml one after the other, by another image or another configuration, while the
# others answer: no call fails. It keeps to x-update-config there.
#
#   RETAIL_MCP_IMAGE=registry.example.com/retail-mcp@sha256:... roll.sh [options of docker compose]
#   roll.sh --env-file production.env
#
# The image belongs into the env file as well: what is started later, after a restart of the machine, is read from there.
# The database is migrated first; migrations are made so that the former release still works. When a server is not ready
# within two minutes, it and those before it get their former image back, and the exit code is 1. To go back later, run it
# with the former image: its migration leaves a newer database as it is.
set -eu

here="$(cd "$(dirname "$0")" && pwd)"
file="$here/../../compose.prod.yaml"
compose() { docker compose --file "$file" "$@"; }
# Starts the named server anew, and waits until it is ready.
replace() {
    service="$1"; shift
    compose "$@" up --detach --no-deps --force-recreate --wait --wait-timeout 120 "$service"
}

delay="$(compose "$@" config | awk '/^x-update-config:/ { here = 1 } here && $1 == "delay:" { print $2; exit }')"
[ -n "$delay" ] || { echo "roll.sh: compose.prod.yaml has no x-update-config with a delay" >&2; exit 1; }

compose "$@" run --rm migrate

done_before=''
for server in server-1 server-2 server-3; do
    # The image itself: a tag may have moved meanwhile.
    container="$(compose "$@" ps --all --quiet "$server")"
    former="$([ -z "$container" ] || docker inspect --format '{{.Image}}' "$container")"
    [ -z "$done_before" ] || sleep "$delay"
    done_before="$server $former
$done_before"
    if replace "$server" "$@"; then
        echo "roll.sh: $server is ready"
        continue
    fi
    echo "roll.sh: $server is not ready; the former image comes back" >&2
    compose "$@" logs --tail 20 "$server" >&2 || :
    printf '%s' "$done_before" | while read -r server former; do
        [ -z "$former" ] || (export RETAIL_MCP_IMAGE="$former" && replace "$server" "$@" < /dev/null) ||
            echo "roll.sh: $server is not ready with its former image either" >&2
    done
    echo "roll.sh: put the former image into the env file, too" >&2
    exit 1
done
