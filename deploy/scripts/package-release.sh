#!/usr/bin/env bash
# Packs a program with its manual, shell completions, licence and bill of materials, and writes the archive's checksum
# beside it. The program is run for that: pack on the platform that it is for.
#
#   package-release.sh --program FILE --version VERSION --target TRIPLE --sbom FILE --to FOLDER
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program='' version='' target='' sbom='' to=''
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --program) program=$(value "$@"); shift 2 ;;
    --version) version=$(value "$@"); shift 2 ;;
    --target) target=$(value "$@"); shift 2 ;;
    --sbom) sbom=$(value "$@"); shift 2 ;;
    --to) to=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ -n $program && -n $version && -n $target && -n $sbom && -n $to ]] || usage_error "all options are needed"
[[ -x $program ]] || die "$program is no program"
make_work_folder

name="retail-mcp-$version-$target"
mkdir -p "$to" "$work/$name"
cp "$program" "$work/$name/retail-mcp"
cp "$sbom" "$work/$name/retail-mcp.cdx.json"
# In folders that can be copied into /usr/share, or below ~/.local/share.
pages="$work/$name/share/man/man1"
bash_completions="$work/$name/share/bash-completion/completions"
zsh_completions="$work/$name/share/zsh/site-functions"
fish_completions="$work/$name/share/fish/vendor_completions.d"
mkdir -p "$pages" "$bash_completions" "$zsh_completions" "$fish_completions"
"$program" manual "$pages"
"$program" completions bash >"$bash_completions/retail-mcp"
"$program" completions zsh >"$zsh_completions/_retail-mcp"
"$program" completions fish >"$fish_completions/retail-mcp.fish"
cp "$root/LICENSE" "$root/README.md" "$root/CHANGELOG.md" "$work/$name/"
chmod -R u=rwX,go=rX "$work/$name"
chmod 755 "$work/$name/retail-mcp"
tar -C "$work" -czf "$to/$name.tar.gz" "$name"
cp "$sbom" "$to/$name.cdx.json"
# macOS has another tool for it.
cd "$to"
if command -v sha256sum >/dev/null; then
  sha256sum "$name.tar.gz" "$name.cdx.json" >"$name.sha256"
else
  shasum -a 256 "$name.tar.gz" "$name.cdx.json" >"$name.sha256"
fi
chmod 644 "$name".*
say "packed $name.tar.gz"
