# shellcheck shell=bash
# What every script shares: where things are, how they speak, and `enter`, which runs a command in
# the runtime. Source it; it changes nothing by itself.
#
#   .runtime/SUITE/root        a Debian root file system: Orthanc, nginx, dcmtk, Python (build.sh)
#   .runtime/SUITE/venv[-dev]  the locked Python packages
#   .runtime/SUITE/ohif        OHIF's built files
#   .runtime/SUITE/web         the libraries of the suite's own pages
#   data/                      everything that cannot be made again: Orthanc's storage, results, logs;
#                              data/SUITE for suites other than trixie
set -eu
umask 022

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
REPO=$(cd "$LIB/../.." && pwd -P)
SUITE=${SUITE:-trixie}
RUNTIME=$REPO/.runtime/$SUITE
DATA=$REPO/data
if [ "$SUITE" != trixie ]; then DATA=$DATA/$SUITE; fi # a newer Orthanc changes its database
OWNER=$(stat -c %u "$REPO") # whom builds and tests work as: they leave their caches in the checkout
PREFIX=/usr/local/pacs # where venv, ohif and web are seen inside
PYTHON=$PREFIX/venv/bin/python3
PACS_DATA=$DATA # told to the parts in Python
# Variables that reach a command inside: proxies, package registries and their certificates, settings.
PASSED_ON='^(PIP_|npm_config_|ORTHANC__|PACS_)|^(TERM|TZ|SSL_CERT_FILE|NO_COLOR|FORCE_COLOR|CI)$|^([a-z]+_proxy|[A-Z]+_PROXY)$'
export REPO SUITE RUNTIME OWNER PREFIX PYTHON PACS_DATA PASSED_ON

say() { printf '%s\n' "$*"; }
complain() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
}
die() { complain "$@"; exit 1; }
refuse() { complain "$@"; exit 2; } # the command itself was wrong

# usage: what the script says of itself at its top
usage() { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# \{0,1\}//p}' "$0"; }

# take_arguments PATTERN... -- ARGUMENTS...: answer -h and --help, and refuse what fits no pattern, before
# anything is done
take_arguments() {
    local patterns=() argument pattern
    while [ "$1" != -- ]; do
        patterns+=("$1")
        shift
    done
    shift
    for argument in "$@"; do
        case $argument in -h | --help)
            usage
            exit
            ;;
        esac
        for pattern in ${patterns[@]+"${patterns[@]}"}; do
            # shellcheck disable=SC2053 # a pattern
            if [[ $argument == $pattern ]]; then continue 2; fi
        done
        refuse "unknown argument: $argument" "See ${0#"$REPO/"} --help."
    done
}

# take_pytest_arguments ARGUMENTS...: the same for what goes on to pytest: an option, or a path that is there
take_pytest_arguments() {
    local first=${1:-}
    case $first in
    -h | --help | [!-]*) if [ ! -e "$REPO/${first%%::*}" ]; then take_arguments -- "$first"; fi ;;
    esac
}

# suite_user: whom the suite's programs run as, and whose alone data/ is. Who has data/ keeps it; else who
# has the checkout; else, where that is root's, the person who asked through sudo and can read it.
suite_user() {
    local user
    user=$(stat -c %u "$REPO/data" 2>/dev/null) || {
        user=$OWNER
        if [ "$user" -eq 0 ] && [ -n "${SUDO_UID:-}" ] && setpriv --reuid "$SUDO_UID" --regid "${SUDO_GID:-$SUDO_UID}" \
            --clear-groups test -r "$LIB/runtime.sh" 2>/dev/null; then user=$SUDO_UID; fi
    }
    printf '%s\n' "$user"
}

user_name() { id -nu "$1" 2>/dev/null || printf 'user %s\n' "$1"; }

# require_root ARGUMENTS...: go on as root, through sudo where needed.
require_root() {
    if [ "$(id -u)" -eq 0 ]; then return; fi
    command -v sudo >/dev/null || die "this needs root, and sudo is not installed." "Run it as root."
    local kept
    kept=$(compgen -e | grep -E "$PASSED_ON" | paste -sd,)
    exec sudo "--preserve-env=SUITE${kept:+,$kept}" -- "$0" "$@"
}

# setting NAME: its value in .env, else in .env.example
setting() {
    local value
    value=$(cat "$REPO/.env.example" "$REPO/.env" 2>/dev/null | sed -n "s/^ *$1 *= *//p" | tail -n 1 | tr -d "\"'")
    printf '%s\n' "$value"
}

# check_settings: refuse a wrong .env before anything else is done. It needs a Python, the machine's own or,
# once it is there, that of the runtime; without either the first start finds it after the build.
check_settings() {
    local python=(python3)
    if [ ! -r "$REPO/.env" ]; then return; fi
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        if [ "$(id -u)" -ne 0 ] || [ ! -d "$RUNTIME/root" ]; then return; fi
        python=(enter 0 python3)
    fi
    (cd "$REPO" && "${python[@]}" -B -m scripts.lib.render --check) || exit 1
}

# enter USER COMMAND...: run a command in the runtime as USER (a number), in the same folder.
# VENV names the packages to show (venv or venv-dev); PRIVATE_NETWORK=1 gives it a loopback of its own;
# INSTEAD=exec puts it in the place of this shell.
enter() {
    local user=$1
    shift
    ${INSTEAD:-} unshare --mount ${PRIVATE_NETWORK:+--net} --propagation private -- \
        bash "$LIB/enter.sh" "$user" "${VENV:-venv}" "$@"
}

# with_lock: hold the lock of the runtime until the shell ends or `release_lock`.
with_lock() {
    mkdir -p "$REPO/.runtime"
    exec 9>"$REPO/.runtime/lock"
    flock --nonblock 9 || {
        say "Another script is at work on .runtime; waiting for it."
        flock 9
    }
}
release_lock() { exec 9>&-; }

# supervisor_pid: the process that runs the suite from this checkout, or nothing.
supervisor_pid() {
    local pid
    pid=$(cat "$DATA/run/supervisord.pid" 2>/dev/null) || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$DATA/run/supervisord.conf" || return 1
    printf '%s\n' "$pid"
}

# step WHAT COMMAND...: one line with the seconds it took; the end of its output when it fails.
# Not to be used in a condition: the command relies on `set -e`.
step() {
    step_what=$1 step_log=$REPO/.runtime/log/$(printf %s "$1" | tr -cs '[:alnum:]' '-').log step_started=$SECONDS
    shift
    mkdir -p "$REPO/.runtime/log"
    if [ -t 1 ]; then _count_seconds & step_counter=$!; fi
    (set -e && "$@") >"$step_log" 2>&1
    _stop_counting
    set -- "$step_what" # done, even if nobody reads the line
    step_what=
    printf '  %-52s %4d s\n' "$1" $((SECONDS - step_started))
}

_count_seconds() {
    while kill -0 $$ 2>/dev/null; do
        printf '  %-52s %4d s\r' "$step_what" $((SECONDS - step_started))
        sleep 1
    done
}

_stop_counting() {
    [ -z "${step_counter:-}" ] || kill "$step_counter" 2>/dev/null || :
    step_counter=
}

_report_failed_step() {
    local status=$?
    _stop_counting
    if [ -n "${step_what:-}" ]; then
        printf '\nerror: %s failed after %d s. The end of %s:\n' "$step_what" $((SECONDS - step_started)) "$step_log" >&2
        tail -n 24 "$step_log" | sed 's/^/       /' >&2
        if grep -qiE 'could not resolve|temporary failure|unreachable|could not connect|timed out|failed to establish|name resolution|ENOTFOUND|ECONN|EAI_AGAIN' "$step_log"; then
            printf '       The network or a package server cannot be reached. Behind a proxy, set https_proxy and http_proxy.\n' >&2
        elif grep -qiE 'no space left' "$step_log"; then
            printf '       The disk is full.\n' >&2
        fi
        printf '       Run the same command again once this is mended.\n' >&2
    fi
    exit $status
}
trap _report_failed_step EXIT
