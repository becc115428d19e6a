#!/bin/sh
# Runs one campaign without faults, with the usual ones and with many: exceptions, timeouts, lost connections, crashes and
# resumes, duplicate deliveries, a full disk. Whatever the engine promises to survive must change nothing.
#
#   fault_injection.sh [OPTIONS OF shadow run]      default: --cycles 300
#
# Exit code 0 if there is no mismatch under any of them.
set -eu
. "$(dirname "$0")/environment.sh"
[ $# -gt 0 ] || set -- --cycles 300
out=$(scratch fault_injection)
failed=0

for faults in none default heavy; do
    status=0
    aos shadow run "$@" --faults "$faults" --out "$out/$faults" >"$out/$faults.log" || status=$?
    [ "$status" -le 1 ] || { cat "$out/$faults.log" >&2; exit "$status"; }
    echo "faults $faults: $(tail -1 "$out/$faults.log")"
    [ "$status" -eq 0 ] || { failed=1; cat "$out/$faults.log"; }
done
exit "$failed"
