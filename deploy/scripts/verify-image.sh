#!/usr/bin/env bash
# Fails unless an image was built by a workflow of this repository, as its signed provenance says.
#
#   verify-image.sh --image REGISTRY/retail-mcp@sha256:DIGEST --workflow FILE
#
# FILE: the workflow that builds it, such as .github/workflows/deploy.yml. Needs GITHUB_REPOSITORY, GH_TOKEN, and to be
# signed in to the registry.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

image='' workflow=''
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --image) image=$(value "$@"); shift 2 ;;
    --workflow) workflow=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ -n $image && -n $workflow ]] || usage_error "--image and --workflow are missing"
require_digest "$image"
require_tools gh
[[ -n ${GITHUB_REPOSITORY:-} ]] || die "GITHUB_REPOSITORY is not set"

gh attestation verify "oci://$image" --repo "$GITHUB_REPOSITORY" \
  --signer-workflow "$GITHUB_REPOSITORY/$workflow" --source-ref refs/heads/main >&2
say "$image was built by $workflow of $GITHUB_REPOSITORY"
