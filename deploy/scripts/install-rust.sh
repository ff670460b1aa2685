#!/usr/bin/env bash
# Installs the Rust that Cargo.toml names, and the components and cargo tools that are named here.
#
#   install-rust.sh [--component NAME]... [--tool NAME]...
#
# Tools are built by their own lock files, in the versions below. Runs with the old bash of macOS, too.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version_of() {
  case "$1" in
    cargo-auditable) echo 0.7.7 ;;
    cargo-cyclonedx) echo 0.5.9 ;;
    cargo-deny) echo 0.20.2 ;;
    cargo-llvm-cov) echo 0.9.1 ;;
    *) usage_error "no version of $1 is named in this script" ;;
  esac
}

toolchain=(--profile minimal) tools=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --component) name=$(value "$@"); toolchain+=(--component "$name"); shift 2 ;;
    --tool)
      name=$(value "$@")
      version=$(version_of "$name")
      tools+=("$name@$version")
      shift 2
      ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
require_tools rustup cargo

version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
[[ -n $version ]] || die "Cargo.toml names no rust-version"
rustup toolchain install "$version" "${toolchain[@]}"
rustup default "$version"
[[ ${#tools[@]} -eq 0 ]] || cargo install --locked "${tools[@]}"
