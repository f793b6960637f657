#!/usr/bin/env bash
# Runs every test on both stores: on SQLite, then on a PostgreSQL that is started for it and removed afterwards.
#
#   ./test.sh                     everything
#   ./test.sh order::create       the tests whose names contain this
#   ./test.sh --postgres order    the same on one store only; --sqlite likewise
#   ./test.sh -- --nocapture      options of the test programs
#
# What follows --sqlite or --postgres is passed to `cargo test`. Needs Rust; PostgreSQL is installed if it is missing and
# this is root on Debian or Ubuntu (see scripts/postgres.sh).
#
# Environment:
#   TEST_DATABASE_URL     a PostgreSQL to use instead of a throw-away one: URL of its database `postgres`, of a user who
#                         may create databases; each test makes one of its own
#   WAYBILL_LOAD_SECONDS  how long work_order::load keeps its clients busy (3)
#   WAYBILL_FUZZ_SECONDS  how long each of http::fuzz goes on (a few seconds)
#   WAYBILL_MALICE_SECONDS  how long malice::load attacks (3)
#   WAYBILL_EVERY_FAULT   set: fault::disk has every single write of every mutation fail, which takes some minutes

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

stores=(sqlite postgres)
case ${1:-} in
    --help | -h)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$(basename "$0")"
        exit 0
        ;;
    --sqlite | --postgres)
        stores=("${1#--}")
        shift
        ;;
esac

database_url=${TEST_DATABASE_URL:-}
unset TEST_DATABASE_URL

for store in "${stores[@]}"; do
    printf '\n== tests on %s\n' "$store" >&2
    # `--workspace` in each, so that all select the same features and nothing is built twice.
    if [[ $store == sqlite ]]; then
        cargo test --workspace "$@"
    elif [[ -n $database_url ]]; then
        TEST_DATABASE_URL=$database_url cargo test --workspace --test it "$@"
    else
        scripts/postgres.sh cargo test --workspace --test it "$@"
    fi
done
