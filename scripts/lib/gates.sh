#!/bin/bash
# gates.sh: the gates of scripts/check, inside the runtime. Each says how many files it saw; a gate
# that sees none has failed, and all run before the outcome is told.
set -u
failed=()

# gate NAME FILES COMMAND...
gate() {
    local name=$1 files=$2 started=$SECONDS output
    shift 2
    if [ "$files" -eq 0 ]; then
        printf '%-12s FAILED: it saw no file\n' "$name"
        failed+=("$name")
    elif output=$("$@" 2>&1); then
        printf '%-12s ok  %4d files  %3d s  %s\n' "$name" "$files" $((SECONDS - started)) "$(tail -n 1 <<<"$output" | tr -d '=')"
    else
        printf '%s\n%-12s FAILED\n' "$output" "$name"
        failed+=("$name")
    fi
}

count() { grep -c . || :; }
python_files=$(ruff check --show-files | count)
mapfile -t shell_files < <(grep -lE '^#!/bin/(ba)?sh' -r scripts .ci xnat; ls scripts/lib/*.sh)
mapfile -t shell_files < <(printf '%s\n' "${shell_files[@]}" | sort -u)

gate format "$python_files" ruff format --check --output-format concise
gate lint "$python_files" ruff check --output-format concise
gate shell "${#shell_files[@]}" shellcheck -x "${shell_files[@]}"
gate types "$(find orthanc_plugins tests scripts dcm4chee xnat -name '*.py' | count)" mypy
gate imports "$(find orthanc_plugins -name '*.py' | count)" lint-imports
gate unit "$(find tests/unit -name 'test_*.py' | count)" pytest --quiet --numprocesses auto tests/unit "$@"

if [ ${#failed[@]} -gt 0 ]; then
    printf 'check: FAILED: %s\n' "${failed[*]}"
    exit 1
fi
printf 'check: ok\n'
