#!/usr/bin/env bash
# Measures the release server on a throw-away PostgreSQL against the limits of that PostgreSQL; see README.md.
# Options are those of run.py: `bench/run.sh --help`.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Without `--help` starting a database first.
case " $* " in *' --help '* | *' -h '*) exec python3 bench/run.py --help ;; esac

if ! command -v wrk >/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo 'bench: installing wrk from the system'\''s packages' >&2
    { apt-get update -q && apt-get install -y -q --no-install-recommends wrk; } >&2 </dev/null
fi

# All rows fit into memory and no checkpoint falls into a run; POSTGRES_OPTIONS from outside have the last word.
export POSTGRES_OPTIONS="-c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=1h ${POSTGRES_OPTIONS:-}"
export POSTGRES_COLLATION=${POSTGRES_COLLATION:-C}
scripts/postgres.sh python3 bench/run.py "$@"
