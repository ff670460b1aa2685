#!/usr/bin/env bash
# `sleep` for the tests: recorded, and over at once. Where the scenario has an answer for it, stub.py gives that.
if [[ $(<"$STUB_FOLDER/scenario.json") == *'"^sleep'* ]]; then
  exec "${BASH_SOURCE[0]%/*}/stub-sleep" "$@"
fi
printf '{"argv": ["sleep", "%s"], "notes": []}\n' "$1" >>"$STUB_FOLDER/calls.jsonl"
