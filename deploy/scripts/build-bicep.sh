#!/usr/bin/env bash
# Builds the templates and parameter files of deploy/azure with Microsoft's own compiler, which also runs its linter
# (bicepconfig.json). Needs az, and nobody who is signed in.
#
#   build-bicep.sh [--version vX.Y.Z]
#
# --version  of the compiler, which az fetches once into its own folder; the pinned one when absent. What is built is thrown
#            away: the templates are deployed as they are.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=v0.46.1
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --version) version=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || usage_error "--version: vX.Y.Z, not '$version'"
require_tools az
make_work_folder

# Build agents have a compiler of their own, which az would take: another one each month.
export AZURE_BICEP_USE_BINARY_FROM_PATH=false AZURE_BICEP_CHECK_VERSION=false
az bicep install --version "$version"

# Parameter files read these from the environment, and have no value of their own for them. Here any will do.
while read -r name; do
  [[ -n ${!name:-} ]] || export "$name=build"
done < <(grep -oh "readEnvironmentVariable('[A-Z_]*')" "$root"/deploy/azure/*.bicepparam | cut -d"'" -f2 | sort -u)

# All of them, so that one run tells of all that is wrong.
failed=()
for file in "$root"/deploy/azure/*.bicep "$root"/deploy/azure/*.bicepparam; do
  command=build
  [[ $file == *.bicep ]] || command=build-params
  az bicep "$command" --file "$file" --outfile "$work/$(basename "$file").json" || failed+=("${file##*/}")
done
[[ ${#failed[@]} -eq 0 ]] || die "Bicep $version refuses ${failed[*]}"
say "Bicep $version builds all templates and parameter files of deploy/azure"
