#!/usr/bin/env bash
# Both deployments from a laptop, as the pipelines do them: staging, then, if somebody agrees, production.
#
#   promote.sh --image REGISTRY/retail-mcp@sha256:DIGEST [--suffix NAME] [--settle MINUTES] [--dry-run]
#
# Asks for the approval on the terminal: the word "production". Anything else, and no terminal, is a refusal: exit
# code 3, and production stays as it is. Options are those of deploy.sh; both environments get the same digest.
# Each needs its own smoke test identity: SMOKE_SCOPE_STAGING and SMOKE_SCOPE_PRODUCTION.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

image='' options=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --image) image=$(value "$@"); shift 2 ;;
    --suffix | --settle) given=$(value "$@"); options+=("$1" "$given"); shift 2 ;;
    --dry-run) options+=("$1") && shift ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ -n $image ]] || usage_error "--image is missing"
require_digest "$image"

SMOKE_SCOPE=${SMOKE_SCOPE_STAGING:-} "$scripts/deploy.sh" staging --image "$image" "${options[@]}" ||
  die "staging failed: production stays as it is"
say "staging runs $image. To give it to the users of production, type: production"
if ! read -r answer || [[ $answer != production ]]; then
  say "not approved: production stays as it is"
  exit 3
fi
SMOKE_SCOPE=${SMOKE_SCOPE_PRODUCTION:-} "$scripts/deploy.sh" production --image "$image" "${options[@]}" ||
  die "production failed"
