#!/usr/bin/env bash
# Audits a server against the GraphQL over HTTP specification, with the audits of the npm package `graphql-http`: every
# MUST and every SHOULD has to pass. Needs Node.js with npm.
#
#   scripts/audit.sh                          builds a server and audits it, on a store of its own
#   scripts/audit.sh http://host:port/graphql audits one that runs

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GRAPHQL_HTTP=1.23.1
GRAPHQL=16.15.0

if ! command -v npm >/dev/null; then
    printf 'SKIPPED: Node.js with npm is not installed\n'
    exit 0
fi

folder=$(mktemp -d)
server=
stop() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT

npm install --silent --no-audit --no-fund --prefix "$folder" "graphql-http@$GRAPHQL_HTTP" "graphql@$GRAPHQL"

url=${1:-}
if [[ -z $url ]]; then
    cargo build --quiet
    target/debug/waybill --listen 127.0.0.1:0 --database-url "sqlite://$folder/audit.db" 2>"$folder/log" &
    server=$!
    for _ in {1..100}; do
        url=$(sed -n 's/.*GraphQL at \(http[^,]*\),.*/\1/p' "$folder/log")
        [[ -z $url ]] || break
        sleep 0.1
    done
    [[ -n $url ]] || { cat "$folder/log" >&2; exit 1; }
fi

cp scripts/audit.mjs "$folder/audit.mjs"
node "$folder/audit.mjs" "$url"
