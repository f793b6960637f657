# Short names for the scripts; each of them can be run without `just`.

# List what there is
default:
    @just --list

# All that a change has to pass
check:
    .ci/run

# Every test on both stores; arguments are a filter, as in `just test order::create`
test *args:
    ./test.sh {{ args }}

# Write schema.graphql anew from the code
schema:
    cargo run --quiet -- schema > schema.graphql.new
    mv schema.graphql.new schema.graphql

# Measure the server against its limits on PostgreSQL; see bench/README.md
bench *args:
    bench/run.sh {{ args }}

# Format the code
fmt:
    cargo fmt --all

# A throw-away PostgreSQL until Ctrl-C; prints its URL
postgres:
    scripts/postgres.sh
