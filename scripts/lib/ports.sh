# shellcheck shell=bash
# The ports of the suite, and who has them. Linux tells it in /proc: no tool of this machine is needed.
# Source it after runtime.sh.

PORTS="FRONT_PORT ORTHANC_PORT DICOM_PORT OHIF_PORT" # their names in .env
if [ -z "$(setting DCM4CHEE_URL)" ]; then # else the ports are another machine's, or another program's here
    # shellcheck disable=SC2034 # for those who source this
    PORTS="$PORTS DCM4CHEE_PORT DCM4CHEE_DICOM_PORT DCM4CHEE_ORTHANC_PORT"
fi
if [ -z "$(setting XNAT_URL)" ]; then
    # shellcheck disable=SC2034
    PORTS="$PORTS XNAT_PORT XNAT_DICOM_PORT"
fi

# listener PORT: the process that takes what is sent to a port of this machine; "unknown" when this machine
# does not tell, nothing when there is none.
listener() {
    local inode process
    inode=$(awk -v port="$(printf %04X "$1")" '
        split($2, at, ":") && $4 == "0A" && at[2] == port && (at[1] ~ /^0+$/ || at[1] ~ /0100007F$/) {
            print $10
            exit
        }' /proc/net/tcp /proc/net/tcp6 2>/dev/null) || :
    [ -n "$inode" ] || return 0
    process=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null | cut -d/ -f3) || :
    printf '%s\n' "${process:-unknown}"
}

# is_of_suite PROCESS: whether the running suite has started it
is_of_suite() {
    local process=$1 suite
    suite=$(supervisor_pid) || return 1
    while [ "${process:-0}" -gt 1 ]; do
        [ "$process" -ne "$suite" ] || return 0
        process=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$process/status" 2>/dev/null)
    done
    return 1
}

# stranger_at PORT: which other program has a port; nothing when it is free or the running suite's own
stranger_at() {
    local process
    process=$(listener "$1")
    if [ "$process" = unknown ]; then
        say "another program"
    elif [ -n "$process" ] && ! is_of_suite "$process"; then
        say "another program: $(cat "/proc/$process/comm" 2>/dev/null || say unnamed), process $process"
    fi
}
