#!/usr/bin/env bash
# Builds the image, with its SBOM and provenance.
#
#   build-image.sh --tag REPOSITORY:TAG --push [--digest-only] [--target slim|local-model] [--platform P] [--dry-run]
#   build-image.sh --tag REPOSITORY:TAG --archive FILE [...]      an OCI archive, for scan-image.sh
#
# --push prints the image by its digest, REPOSITORY@sha256:..., alone on standard output. --digest-only pushes no tag
# (release.yml makes one tag of both processors' images). Sign in to the registry first.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The builder and what makes its SBOM, by digest: they see everything that goes into the image.
buildkit=moby/buildkit:v0.31.1@sha256:6b59b7df63a8cb9902736f9ddf7fcff8261613d3e7449b8ea8b7537fc399c03a
sbom_generator=docker/buildkit-syft-scanner:1.12.0@sha256:ae4f3b554449e7e25548e7d8ccc029d17357348e30c6e3df01b92bc93654d6a9

tag='' target=slim platform='' archive='' push=no digest_only=no
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --tag) tag=$(value "$@"); shift 2 ;;
    --target) target=$(value "$@"); shift 2 ;;
    --platform) platform=$(value "$@"); shift 2 ;;
    --archive) archive=$(value "$@"); shift 2 ;;
    --push) push=yes && shift ;;
    --digest-only) digest_only=yes && shift ;;
    --dry-run) dry_run=yes && shift ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ $tag =~ ^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+:[A-Za-z0-9_][A-Za-z0-9_.-]*$ ]] ||
  usage_error "--tag is REGISTRY/NAME:TAG, not '$tag'"
[[ $tag != *:latest ]] || usage_error "nobody knows what 'latest' is: give the image a tag of its own"
[[ $target == slim || $target == local-model ]] || usage_error "--target is slim or local-model"
[[ $push == yes && -z $archive || $push == no && -n $archive ]] || usage_error "either --push or --archive FILE"
require_tools docker git jq
make_work_folder
export TZ=UTC

revision=$(git -C "$root" rev-parse HEAD)
# The commit's time stands for the build's, so that the same commit gives the same image.
epoch=$(git -C "$root" log -1 --format=%ct)
created=$(git -C "$root" log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)
server=$(jq -r .name "$root/server.json")

command=(docker buildx build --builder retail-mcp --target "$target" --metadata-file "$work/metadata.json"
  --build-arg "SOURCE_DATE_EPOCH=$epoch"
  --build-arg "VERSION=$(jq -r .version "$root/server.json")"
  --build-arg "REVISION=$revision"
  --build-arg "CREATED=$created"
  --build-arg "SOURCE_URL=${SOURCE_URL:-unknown}"
  # The MCP registry believes that an image is a server's when it says so.
  --label "io.modelcontextprotocol.server.name=${MCP_SERVER_NAME:-$server}"
  --provenance=mode=max --sbom="generator=$sbom_generator")
[[ -z $platform ]] || command+=(--platform "$platform")
repository=${tag%:*}
if [[ -n $archive ]]; then
  command+=(--output "type=oci,name=$tag,dest=$archive,rewrite-timestamp=true")
elif [[ $digest_only == yes ]]; then
  command+=(--output "type=image,name=$repository,push-by-digest=true,name-canonical=true,push=true,rewrite-timestamp=true")
else
  command+=(--output "type=image,name=$tag,push=true,rewrite-timestamp=true")
fi

docker buildx inspect retail-mcp >/dev/null 2>&1 ||
  change docker buildx create --name retail-mcp --driver docker-container --driver-opt "image=$buildkit" >&2
change "${command[@]}" "$root" >&2
[[ $push == yes && $dry_run == no ]] || exit 0
digest=$(jq -r '."containerimage.digest"' "$work/metadata.json")
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "the build named no digest"
printf '%s@%s\n' "$repository" "$digest"
