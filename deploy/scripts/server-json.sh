#!/usr/bin/env bash
# Prints server.json for the MCP registry as the owner of the repository publishes it.
#
#   server-json.sh --owner OWNER --digest sha256:DIGEST
#
# server.json of the repository has "example" for the owner: the namespace is proved by whose workflow signs in. The image
# is named by its digest, so that the entry never means another one.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

owner='' digest=''
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --owner) owner=$(value "$@"); shift 2 ;;
    --digest) digest=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ $owner =~ ^[A-Za-z0-9-]+$ ]] || usage_error "--owner is missing"
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || usage_error "--digest is missing"
require_tools jq

# Names of images have small letters only.
jq --arg owner "$owner" --arg small "${owner,,}" --arg digest "$digest" '
  .name |= sub("^io.github.example/"; "io.github.\($owner)/")
  | .repository.url |= sub("/example/"; "/\($owner)/")
  | .packages[].identifier |= (sub("/example/"; "/\($small)/") | sub(":[^:/]*$"; "@\($digest)"))' "$root/server.json"
