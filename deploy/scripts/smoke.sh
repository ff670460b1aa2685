#!/usr/bin/env bash
# Asks a server what a user would, through the official MCP client of Python (smoke.py).
#
#   smoke.sh --url https://HOST/mcp [--scope SCOPE | --token-file FILE]
#
# --scope       gets a token of whoever is signed in to Azure, for this scope: api://CLIENT-ID/.default
#               (the variable SMOKE_SCOPE when absent). The identity needs the app roles retail.read, retail.search and
#               retail.sql, and a rule that opens a store (docs/security.md, "A daemon").
# --token-file  takes the token from a file (the variable SMOKE_TOKEN_FILE when absent).
# The client's packages are those of conformance/requirements.txt, by hash, in target/tools. SMOKE_PYTHON names
# another Python that has them already.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

url='' scope=${SMOKE_SCOPE:-} token_file=${SMOKE_TOKEN_FILE:-}
while [[ $# -gt 0 ]]; do
  case "$1" in
    --help) print_help && exit 0 ;;
    --url) url=$(value "$@"); shift 2 ;;
    --scope) scope=$(value "$@") ; token_file=''; shift 2 ;;
    --token-file) token_file=$(value "$@"); shift 2 ;;
    *) usage_error "unknown argument $1" ;;
  esac
done
[[ $url =~ ^https?://[^/]+/mcp$ ]] || usage_error "--url is missing or does not end in /mcp"
[[ -n $scope || -n $token_file ]] || usage_error "--scope or --token-file is missing"
make_work_folder

if [[ -z $token_file ]]; then
  require_tools az
  require_sign_in
  token_file="$work/token"
  az account get-access-token --scope "$scope" --query accessToken --output tsv >"$token_file"
fi

# A Python with the client, made once for these requirements.
python=${SMOKE_PYTHON:-}
if [[ -z $python ]]; then
  require_tools python3
  folder="$root/target/tools/smoke"
  requirements="$root/conformance/requirements.txt"
  python="$folder/bin/python"
  if ! cmp -s "$requirements" "$folder/installed.txt"; then
    say "installing the MCP client"
    python3 -m venv --clear "$folder" >&2
    "$python" -m pip install --quiet --only-binary :all: --require-hashes -r "$requirements" >&2
    cp "$requirements" "$folder/installed.txt"
  fi
fi
"$python" "$scripts/smoke.py" --url "$url" --token-file "$token_file"
