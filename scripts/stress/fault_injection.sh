#!/bin/sh
# Runs one campaign without faults, with the usual ones and with many: exceptions, timeouts, lost connections, crashes and
# resumes, duplicate deliveries, a full disk. Whatever the engine promises to survive must change nothing.
#
#   fault_injection.sh [OPTIONS OF shadow run]      default: --cycles 300
#
# Exit code 0 if there is no mismatch under any of them.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
[ $# -gt 0 ] || set -- --cycles 300
out=$(scratch fault_injection)
failed=0

for faults in none default heavy; do
    simulate "$out/$faults" "$@" --faults "$faults"
    verdict=$(tail -1 "$out/$faults.log")
    case $verdict in
        "VERDICT: "*) ;;
        *)
            echo "no verdict under faults $faults: see $out/$faults.log" >&2
            exit 1
            ;;
    esac
    digest "$out/$faults" >"$out/$faults.digest"
    echo "faults $faults: $verdict"
    [ "$passed" -eq 1 ] || { failed=1; cat "$out/$faults.log"; }
done
exit "$failed"
