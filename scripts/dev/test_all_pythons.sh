#!/bin/sh
# Runs `make test` under every CPython >= 3.11 on PATH, or under those that PYTHONS names, each in an environment of its own.
# A named interpreter that cannot be used is a failure; one that is merely not there is not.
set -eu
cd "$(dirname "$0")/../.."

version() { # prints 3.N for a usable interpreter, nothing for any other
    "$1" -c 'import sys
if sys.implementation.name == "cpython" and sys.version_info >= (3, 11):
    print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

if [ -n "${PYTHONS:-}" ]; then
    candidates=$PYTHONS
else
    candidates=
    for minor in 11 12 13 14 15 16; do
        [ -z "$(version "python3.$minor")" ] || candidates="$candidates python3.$minor"
    done
    # A machine may have only an unnumbered one.
    candidates=${candidates:-python3}
fi

summary=
failed=0
for python in $candidates; do
    minor=$(version "$python")
    if [ -z "$minor" ]; then
        result="FAILED: not a CPython >= 3.11"
    elif "${MAKE:-make}" test PYTHON="$python" VENV=".venv-$minor"; then
        result="passed"
    else
        result="FAILED"
    fi
    [ "$result" = passed ] || failed=1
    summary="$summary$minor	$python	$result
"
done

printf '\n%s' "$summary"
exit $failed
