#!/usr/bin/env bash
# Puts the packages in place with which the tests run the JavaScript of docs/EVENTS.md. Without them, or without Node.js,
# those tests have nothing to check. Needs npm and its registry.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=${CARGO_TARGET_DIR:-target}/tmp/snippets
if ! command -v npm >/dev/null; then
    printf 'SKIPPED: npm is not installed\n'
elif npm install --prefix "$folder" --no-audit --no-fund --silent graphql-ws@6 graphql@16 ws@8 eventsource@4; then
    printf 'packages are in %s\n' "$folder"
else
    printf 'SKIPPED: the packages could not be installed\n'
fi
