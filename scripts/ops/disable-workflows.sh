#!/bin/sh
# Emergency stop by file: while the stop file exists, no step of any workflow on this machine begins.
#
#   disable-workflows.sh enable     stop (creates the file)
#   disable-workflows.sh disable    release (removes it)
#   disable-workflows.sh status     Status: STOPPED, exit 1; or Status: RUNNING, exit 0
#
# The file is $WORKFLOW_STOP_FILE, else $AOS_HOME/emergency.stop, else that of the user's data folder; workers look there.
set -eu

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

data_folder() {
    if [ -n "${XDG_DATA_HOME:-}" ]; then
        printf '%s' "$XDG_DATA_HOME"
    elif [ "$(uname -s)" = Darwin ]; then
        printf '%s' "$HOME/Library/Application Support"
    else
        printf '%s' "$HOME/.local/share"
    fi
}

if [ -n "${WORKFLOW_STOP_FILE:-}" ]; then
    file=$WORKFLOW_STOP_FILE
elif [ -n "${AOS_HOME:-}" ]; then
    file=$AOS_HOME/emergency.stop
else
    file=$(data_folder)/aos-workflow/emergency.stop
fi

case "$*" in
    -h | --help)
        usage
        ;;
    enable)
        mkdir -p "$(dirname "$file")"
        printf 'stopped at %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$file"
        echo "Stop file created: $file"
        ;;
    disable)
        rm -f "$file"
        echo "Stop file removed: $file"
        ;;
    status)
        if [ -e "$file" ]; then
            echo "Status: STOPPED"
            exit 1
        fi
        echo "Status: RUNNING"
        ;;
    *)
        echo "usage: $(basename "$0") enable|disable|status; got '$*'" >&2
        usage >&2
        exit 2
        ;;
esac
