#!/bin/bash
# root.sh SUITE FOLDER [MIRROR]: makes a Debian root file system with the packages of packages.txt.
# shellcheck disable=SC2016 # mmdebstrap fills in $1, the new root, itself
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
suite=$1 folder=$2 mirror=${3:-}

proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
options=("--include=$(paste -sd, "$here/packages.txt")" --variant=apt)
[ -z "$proxy" ] || options+=("--aptopt=Acquire::http::Proxy \"$proxy\"")
# A testing suite is signed for a week only; mirrors that lag behind are no reason to stop.
[ "$suite" = trixie ] || options+=('--aptopt=Acquire::Check-Valid-Until "false"')
# Documentation is left out, and PostgreSQL makes no cluster of its own.
options+=(--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*'
    --dpkgopt='path-exclude=/usr/share/locale/*'
    --essential-hook='mkdir -p "$1/etc/postgresql-common"'
    --essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"')
# Places for what enter.sh shows over the root. With /etc/hostid DCMTK asks no name server for each new UID.
options+=(
    --customize-hook='mkdir -p "$1/usr/local/pacs/venv" "$1/usr/local/pacs/ohif" "$1/usr/local/pacs/web"'
    --customize-hook='cd "$1/etc" && rm -f hosts resolv.conf localtime && touch hosts resolv.conf localtime'
    --customize-hook='printf pacs >"$1/etc/hostid"')
mmdebstrap "${options[@]}" "$suite" "$folder" ${mirror:+"$mirror"}
