#!/usr/bin/env bash
# Takes the program through an operator's first day on a PostgreSQL (with pgvector) and a Redis that others run:
# migrate, seed, doctor, serve, health check, and the smoke test as a store and as head office.
#
#   try-services.sh --program FILE
#
# Where they are is said by TRY_DATABASE_HOST, TRY_DATABASE_PORT (5432), TRY_DATABASE_NAME (zava, empty), TRY_ADMIN_USER
# (zava_admin), TRY_ADMIN_PASSWORD, TRY_REDIS_HOST (127.0.0.1) and TRY_REDIS_PORT (6379). With TRY_REDIS_CONTAINER, the id of
# its container, Redis is given a password first; otherwise TRY_REDIS_PASSWORD is its password.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program=''
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --program) program=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ -x $program ]] || usage_error "--program is missing or no program"
[[ -n ${TRY_DATABASE_HOST:-} && -n ${TRY_ADMIN_PASSWORD:-} ]] || die "set TRY_DATABASE_HOST and TRY_ADMIN_PASSWORD"
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
address=127.0.0.1:8000
umask 077
work=$(mktemp -d)
server=''
finish() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

random_hex() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
for name in query head-office service identity-key; do
  random_hex >"$name"
done
printf '%s' "$TRY_ADMIN_PASSWORD" >admin-password
if [[ -n ${TRY_REDIS_CONTAINER:-} ]]; then
  # By standard input: a command line is seen by everybody on this machine.
  random_hex >redis
  printf 'CONFIG SET requirepass %s\n' "$(<redis)" | docker exec -i "$TRY_REDIS_CONTAINER" redis-cli >/dev/null
else
  printf '%s' "${TRY_REDIS_PASSWORD:-}" >redis
fi

export RETAIL_MCP__DATABASE__HOST=$TRY_DATABASE_HOST
export RETAIL_MCP__DATABASE__PORT=${TRY_DATABASE_PORT:-5432}
export RETAIL_MCP__DATABASE__NAME=${TRY_DATABASE_NAME:-zava}
export RETAIL_MCP__DATABASE__QUERY_PASSWORD_FILE=$work/query
export RETAIL_MCP__DATABASE__HEAD_OFFICE_PASSWORD_FILE=$work/head-office
export RETAIL_MCP__DATABASE__SERVICE_PASSWORD_FILE=$work/service
export RETAIL_MCP__DATABASE__IDENTITY_KEY_FILE=$work/identity-key
export RETAIL_MCP__CACHE__MODE=redis
export RETAIL_MCP__CACHE__REDIS_URL=redis://${TRY_REDIS_HOST:-127.0.0.1}:${TRY_REDIS_PORT:-6379}/0
export RETAIL_MCP__CACHE__REDIS_PASSWORD_FILE=$work/redis
export RETAIL_MCP__EMBEDDINGS__PROVIDER=none
export RETAIL_MCP__AUTH__MODE=dev-token
export RETAIL_MCP__LOG__LEVEL=warn
export RETAIL_MCP__DATA_DIR=$work/data
export RETAIL_MCP__SERVER__LISTEN=$address
as_administrator=(env
  "RETAIL_MCP__DATABASE__ADMIN_USER=${TRY_ADMIN_USER:-zava_admin}"
  "RETAIL_MCP__DATABASE__ADMIN_PASSWORD_FILE=$work/admin-password")

say "== migrate, twice: the second time there is nothing to do"
# A database in a container that just started may need a moment.
for _ in {1..15}; do
  ! "${as_administrator[@]}" "$program" migrate || break
  sleep 2
done
"${as_administrator[@]}" "$program" migrate | tee second
grep -q '^0 migrations applied' second || die "the second migration changed something"
say "== seed"
"${as_administrator[@]}" "$program" seed --scale tiny
say "== doctor"
"$program" doctor
say "== serve"
"$program" serve >server.log 2>&1 &
server=$!
for _ in {1..60}; do
  ! "$program" healthcheck >/dev/null 2>&1 || break
  kill -0 "$server" 2>/dev/null || break
  sleep 1
done
"$program" healthcheck || {
  cat server.log >&2
  die "the server is not ready"
}
for who in "--store seattle" --all-stores; do
  say "== smoke test, $who"
  # shellcheck disable=SC2086 # two words
  "${as_administrator[@]}" "$program" token $who >"$work/bearer"
  "$scripts/smoke.sh" --url "http://$address/mcp" --token-file "$work/bearer"
done
kill "$server"
wait "$server" || die "the server did not end well"
server=''
say "all well"
