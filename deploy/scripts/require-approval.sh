#!/usr/bin/env bash
# Fails unless an environment of this GitHub repository waits for a person before a job enters it.
#
#   require-approval.sh staging|production|release
#
# GitHub makes an environment that does not exist, without any protection, when a job first names it: the word
# "environment" in a workflow alone protects nothing. Needs GITHUB_REPOSITORY and GH_TOKEN with the permission actions: read.
set -euo pipefail
# shellcheck source=deploy/scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ ${1:-} != --help ]] || { print_help && exit 0; }
[[ $# -eq 1 ]] || usage_error "name one environment"
# A release goes to the world, and to no environment of Azure.
if [[ $1 == release ]]; then environment=$1; else use_environment "$1"; fi
require_tools gh jq
[[ -n ${GITHUB_REPOSITORY:-} ]] || die "GITHUB_REPOSITORY is not set"

rules=$(gh api "repos/$GITHUB_REPOSITORY/environments/$environment")
reviewers=$(jq '[.protection_rules[]? | select(.type == "required_reviewers") | .reviewers[]] | length' <<<"$rules")
[[ $reviewers -gt 0 ]] ||
  die "the environment $environment has no required reviewers: setup-production.sh --reviewers sets them"
say "$environment is entered by approval ($reviewers reviewers)"
