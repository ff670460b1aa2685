#!/usr/bin/env bash
# Looks an image up in the vulnerability databases; fails on what is serious and has a fix.
#
#   scan-image.sh (--archive FILE | --image REPOSITORY@sha256:DIGEST [--platform P]) --sarif FILE --sbom FILE
#
# --sarif: all findings, for GitHub's code scanning. --sbom: what is in the image, as CycloneDX. --platform: which one of
# several the digest stands for; linux/amd64 is looked for without it, also on another processor.
# .trivyignore of the repository, where it is there, holds what was looked at and accepted, with reasons.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

trivy=aquasec/trivy:0.74.0@sha256:62b1e65e8869bc4b4c6aa4fa2b21595256c7c2f6018a9d9ad61caf87187c1969

archive='' image='' platform='' sarif='' sbom=''
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --archive) archive=$(value "$@"); shift 2 ;;
    --image) image=$(value "$@"); shift 2 ;;
    --platform) platform=$(value "$@"); shift 2 ;;
    --sarif) sarif=$(value "$@"); shift 2 ;;
    --sbom) sbom=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ -n $sarif && -n $sbom ]] || usage_error "--sarif and --sbom are missing"
[[ -n $archive && -z $image || -z $archive && -n $image ]] || usage_error "either --archive or --image"
[[ -z $platform || -n $image ]] || usage_error "--platform goes with --image: an archive has one"
require_tools docker tar
make_work_folder

subject=()
mounts=(--volume "$work:/scan" --volume "retail-mcp-trivy:/cache" --env TRIVY_CACHE_DIR=/cache)
if [[ -n $archive ]]; then
  mkdir "$work/image"
  tar -xf "$archive" -C "$work/image"
  subject=(--input /scan/image)
else
  require_digest "$image"
  subject=("$image")
  [[ -z $platform ]] || subject=(--platform "$platform" "$image")
  # For images of a registry that asks who is there.
  [[ ! -f $HOME/.docker/config.json ]] || mounts+=(--volume "$HOME/.docker/config.json:/docker/config.json:ro" --env DOCKER_CONFIG=/docker)
fi
ignore=()
if [[ -f $root/.trivyignore ]]; then
  cp "$root/.trivyignore" "$work/ignore"
  ignore=(--ignorefile /scan/ignore)
fi

# Runs Trivy on the image; the last arguments say what to write.
look() { docker run --rm "${mounts[@]}" "$trivy" image --quiet "${ignore[@]}" "$@" "${subject[@]}"; }

look --format cyclonedx --output /scan/sbom.json
look --scanners vuln,secret --format sarif --output /scan/report.sarif
cp "$work/sbom.json" "$sbom"
cp "$work/report.sarif" "$sarif"
look --scanners vuln,secret --severity HIGH,CRITICAL --ignore-unfixed --exit-code 1 >&2
