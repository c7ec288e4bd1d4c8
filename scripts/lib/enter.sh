#!/bin/bash
# enter.sh USER VENV COMMAND...: the inside of `enter` (runtime.sh), in a mount namespace of its own.
#
# What the command sees: /usr and /etc of the runtime, read-only, and every other folder of this
# machine at its own path; beside these nothing can be made. Nobody else sees these mounts, so deleting
# .runtime is always safe.
set -eu
user=$1 venv=$2
shift 2
root=$RUNTIME/root view=$RUNTIME/view
certificates=/etc/ssl/certs/ca-certificates.crt

# show FOLDER: this machine's own folder at its own path, unless the runtime has it
show() {
    if [ -e "$view$1" ] || [ -L "$view$1" ]; then return; fi
    if [ -L "$1" ]; then
        cp -P "$1" "$view$1"
    elif [ -d "$1" ]; then
        mkdir "$view$1"
        mount --rbind "$1" "$view$1"
    fi
}

# keep FOLDER: remember a folder below /usr or /etc, where the runtime's own would hide it
kept=()
keep() {
    case $1 in /usr/* | /etc/* | /boot/*) ;; *) return ;; esac
    [ -z "$(ls -A "$root$1" 2>/dev/null)" ] || return 0
    mkdir -p "$root$1"
    kept+=("$1")
}

# over FILE TARGET: this machine's file in the place of the runtime's
over() {
    if [ -s "$1" ] && [ -f "$view$2" ]; then mount --bind "$1" "$view$2"; fi
}

# The user may be known from a directory service only; programs want an entry in /etc/passwd.
IFS=: read -r name _ _ group _ home _ < <(getent passwd "$user" || echo "pacs-$user:::$(stat -c %g "$REPO")::/tmp:")
groups=$(id -G "$name" 2>/dev/null | tr ' ' ,) || groups=
grep -q "^[^:]*:[^:]*:$user:" "$root/etc/passwd" ||
    printf 'pacs-%s:x:%s:%s::%s:/bin/sh\n' "$user" "$user" "$group" "$home" >>"$root/etc/passwd"
keep "$REPO"
keep "$PWD"

mkdir -p "$view"
mount -t tmpfs -o mode=0755 pacs-view "$view"
mkdir "$view/usr" "$view/etc" "$view/boot"
for link in "$root"/*; do [ ! -L "$link" ] || cp -P "$link" "$view/"; done
# The folder that holds this checkout comes first: it brings a second sight of the view, closed at once.
first=${REPO#/}
show "/${first%%/*}"
if mountpoint -q "$view$view"; then umount "$view$view"; fi
for folder in /*; do show "$folder"; done
for folder in usr etc; do
    mount --bind "$root/$folder" "$view/$folder"
    mount -o remount,bind,ro "$view/$folder"
done
for folder in ${kept[@]+"${kept[@]}"}; do mount --bind "$folder" "$view$folder"; done
if [ -d "$RUNTIME/$venv" ]; then mount --bind "$RUNTIME/$venv" "$view$PREFIX/venv"; fi
for part in ohif web; do
    if [ -d "$RUNTIME/$part" ]; then mount --bind "$RUNTIME/$part" "$view$PREFIX/$part"; fi
done
for file in /etc/hosts /etc/resolv.conf /etc/localtime; do over "$file" "$file"; done
over "${SSL_CERT_FILE:-$certificates}" "$certificates"
# A folder made here would be in memory, seen by nobody and gone with the command: none can be made.
mount -o remount,ro "$view"

environment=("HOME=$home" LANG=C.UTF-8 PYTHONUTF8=1 "SUITE=$SUITE"
    "PATH=$PREFIX/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
while read -r variable; do environment+=("$variable=${!variable}"); done < <(compgen -e | grep -E "$PASSED_ON")
for variable in SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT NODE_EXTRA_CA_CERTS; do
    environment+=("$variable=$certificates")
done
if [ -n "${PRIVATE_NETWORK:-}" ]; then chroot "$view" ip link set lo up; fi
exec chroot --userspec="$user:$group" --groups="${groups:-$group}" "$view" \
    env -i --chdir="$PWD" "${environment[@]}" "$@"
