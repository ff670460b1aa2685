#!/usr/bin/env bash
# Makes one image, with a tag, of images for several processors, and prints its digest.
#
#   join-images.sh --tag REPOSITORY:TAG [--dry-run] FILE...
#
# Each file has one image by its digest, as build-image.sh printed it.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tag='' files=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --tag) tag=$(value "$@"); shift 2 ;;
    --dry-run) dry_run=yes && shift ;;
    -*) usage_error "unknown option $1" ;;
    *) files+=("$1") && shift ;;
  esac
done
[[ -n $tag && ${#files[@]} -ge 2 ]] || usage_error "--tag and two files at least are needed"
require_tools docker
images=()
for file in "${files[@]}"; do
  image=$(<"$file")
  require_digest "$image"
  images+=("$image")
done
change docker buildx imagetools create --tag "$tag" "${images[@]}" >&2
[[ $dry_run == no ]] || exit 0
digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "the registry named no digest of $tag"
printf '%s\n' "$digest"
