#!/usr/bin/env bash
# Starts a throw-away PostgreSQL for tests and benchmarks, and removes it afterwards.
#
#   scripts/postgres.sh                  starts one, prints its URL, keeps it until Ctrl-C
#   scripts/postgres.sh COMMAND [ARG…]   runs a command with TEST_DATABASE_URL set to it; ends as the command ends
#
# The server listens on 127.0.0.1 only, on a free port, trusts every local user, and does not survive a crash of the
# machine (fsync is off): keep nothing in it. PostgreSQL refuses to run as root; for root it runs as `postgres` or
# `nobody`. Where PostgreSQL is missing and this is root on Debian or Ubuntu, it is installed from the system's packages.
#
# Environment:
#   POSTGRES_BIN        the folder that holds initdb and pg_ctl, if it is not found by itself
#   POSTGRES_OPTIONS    further settings of the server, as in "-c shared_buffers=1GB"
#   POSTGRES_COLLATION  `icu` (the default where PostgreSQL can) sorts text as people do, which shows code that relies on
#                       sorting by code point; `C` sorts by code point

set -euo pipefail

log() { printf 'postgres: %s\n' "$*" >&2; }
die() { log "$*"; exit 1; }

# Prints the folder of the newest PostgreSQL server on this machine.
find_binaries() {
    local folder
    for folder in \
        "${POSTGRES_BIN:-}" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin | sort -rV) \
        "$(pg_config --bindir 2>/dev/null || true)" \
        "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
        if [[ -x $folder/initdb && -x $folder/pg_ctl ]]; then
            printf '%s\n' "$folder"
            return 0
        fi
    done
    return 1
}

install_binaries() {
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        die "PostgreSQL's server is not installed: install it (Debian, Ubuntu: apt-get install postgresql;" \
            "Fedora: dnf install postgresql-server; macOS: brew install postgresql), or set POSTGRES_BIN"
    fi
    log "installing PostgreSQL from the system's packages"
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -q </dev/null || log "apt-get update failed; trying with the lists at hand"
        apt-get install -y -q --no-install-recommends postgresql </dev/null
    } >&2
}

# Prints whom the server runs as instead of root; nothing if this is not root.
find_user() {
    [[ $(id -u) == 0 ]] || return 0
    local name
    for name in postgres nobody; do
        if id "$name" >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    die "root cannot run PostgreSQL, and there is no user postgres or nobody"
}

# Runs a command as the server's user, from a folder that it can enter, without our standard input.
as_server_user() {
    if [[ -z $user ]]; then
        (cd / && "$@" </dev/null)
    elif command -v setpriv >/dev/null; then
        (cd / && setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@" </dev/null)
    else
        (cd / && su -s /bin/sh "$user" -c "$(printf '%q ' "$@")" </dev/null)
    fi
}

# Makes an empty folder that the server's user can use: /tmp may be closed to it.
make_folder() {
    local base
    for base in "${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm /run; do
        folder=$(mktemp -d "$base/waybill-postgres.XXXXXX" 2>/dev/null) || continue
        [[ -z $user ]] || chown "$user" "$folder"
        if as_server_user test -w "$folder"; then
            return 0
        fi
        rmdir "$folder"
    done
    folder=
    die "found no folder for temporary files that the user ${user:-$(id -un)} can write to; set TMPDIR"
}

init() {
    local options=(--pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync)
    if [[ ${POSTGRES_COLLATION:-icu} == icu ]] &&
        as_server_user "$bin/initdb" "${options[@]}" --locale-provider=icu --icu-locale=en-US >"$folder.log" 2>&1; then
        return 0
    fi
    rm -rf "$folder/data"
    as_server_user "$bin/initdb" "${options[@]}" >"$folder.log" 2>&1 ||
        { cat "$folder.log" >&2; die "initdb failed"; }
}

start() {
    local attempt port settings
    for attempt in {1..20}; do
        # Below the ports that systems hand out to outgoing connections. Another program may have it: then try again.
        port=$((20000 + RANDOM % 12000))
        settings="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
        settings+=" -c fsync=off -c full_page_writes=off ${POSTGRES_OPTIONS:-}"
        if as_server_user "$bin/pg_ctl" start --wait --timeout=60 --silent \
            --pgdata="$folder/data" --log="$folder/data/server.log" --options="$settings" >"$folder.log" 2>&1; then
            url="postgres://postgres@127.0.0.1:$port/postgres"
            return 0
        fi
        if ! as_server_user grep -q -i -e 'in use' -e 'could not bind' "$folder/data/server.log" 2>/dev/null; then
            break
        fi
        as_server_user rm -f "$folder/data/server.log"
    done
    cat "$folder.log" "$folder/data/server.log" >&2 || true
    die "the server did not start (attempt $attempt, port $port)"
}

stop() {
    [[ -n ${folder:-} ]] || return 0
    if [[ -f $folder/data/postmaster.pid ]]; then
        as_server_user "$bin/pg_ctl" stop --mode=immediate --silent --pgdata="$folder/data" >/dev/null 2>&1 ||
            log "could not stop the server in $folder"
    fi
    rm -rf "$folder" "$folder.log"
    folder=
}

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
fi

bin=$(find_binaries) || {
    install_binaries
    bin=$(find_binaries) || die "found no server after the installation"
}
# After the installation, which makes the user postgres.
user=$(find_user)
folder=

trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
make_folder
init
start

if (($# > 0)); then
    # Not `exec`: the trap has to outlive the command.
    TEST_DATABASE_URL=$url POSTGRES_BIN=$bin "$@"
else
    printf '%s\n' "$url"
    while true; do
        # Signals are handled between two commands, hence short ones.
        sleep 1
    done
fi
