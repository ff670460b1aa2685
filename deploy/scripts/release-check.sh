#!/usr/bin/env bash
# Fails unless a tag, Cargo.toml, server.json and CHANGELOG.md speak of the same version. Prints that version.
#
#   release-check.sh v1.2.3
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ ${1:-} != --help ]] || { print_help && exit 0; }
[[ $# -eq 1 && $1 =~ ^v([0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?)$ ]] || usage_error "name the tag, such as v1.2.3"
version=${BASH_REMATCH[1]}
require_tools jq

crate=$(sed -n '/^\[workspace.package\]$/,/^\[/s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
[[ $crate == "$version" ]] || die "Cargo.toml has version $crate, the tag $version"
server=$(jq -r .version "$root/server.json")
[[ $server == "$version" ]] || die "server.json has version $server, the tag $version"
jq -e --arg version "$version" 'all(.packages[]; .identifier | endswith(":" + $version))' "$root/server.json" >/dev/null ||
  die "a package of server.json is not of version $version"
grep -qE "^## (\[)?${version//./\\.}(\])?( |$)" "$root/CHANGELOG.md" || die "CHANGELOG.md has no heading '## $version'"
printf '%s\n' "$version"
