#!/bin/sh
# The tabletop exercise: done, compared, and written to a sheet that is to be signed.
#
#   tabletop.sh [--anyway] [SHEET.md]
#
# Works on an installation that it starts itself and removes. It refuses to begin where the shell is set up for a database
# of another machine, so that nobody thinks that was looked at; --anyway begins all the same.
set -eu

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

anyway=no
if [ "${1:-}" = --anyway ]; then
    anyway=yes
    shift
fi
case "$#${1:-}" in
    1-h | 1--help)
        usage
        exit 0
        ;;
    0 | 1[!-]*) ;;
    *)
        echo "usage: $(basename "$0") [--anyway] [SHEET.md]; got '$*'" >&2
        usage >&2
        exit 2
        ;;
esac
case "${DATABASE_URL:-}" in
    '' | *@localhost[:/]* | *@127.0.0.1[:/]* | *//localhost[:/]* | *//127.0.0.1[:/]*) ;;
    *)
        if [ "$anyway" = no ]; then
            echo "DATABASE_URL names another machine; the exercise would not touch it. Unset it, or give --anyway." >&2
            exit 2
        fi
        ;;
esac
page=$(dirname "$0")/../../docs/operate/tabletop.md
exec aos-workflow runbook verify --page "$page" --report "${1:-exercise_$(date +%Y%m%d_%H%M%S).md}"
