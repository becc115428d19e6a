#!/bin/sh
# Runs one campaign on an idle machine and again while every processor is kept busy: timing must change nothing.
#
#   cpu_stress_replay.sh [OPTIONS OF shadow run]      default: --cycles 300
#
# Exit code 0 if both come to the same digest.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
[ $# -gt 0 ] || set -- --cycles 300
out=$(scratch cpu_stress)
burning=
trap 'for pid in $burning; do kill "$pid" 2>/dev/null || true; done' EXIT

simulate "$out/idle" "$@"
idle=$(digest "$out/idle")
echo "idle: $idle"

count=$(getconf _NPROCESSORS_ONLN)
while [ "$count" -gt 0 ]; do
    (while :; do :; done) &
    burning="$burning $!"
    count=$((count - 1))
done
simulate "$out/busy" "$@"
busy=$(digest "$out/busy")
echo "busy: $busy"

if [ "$idle" = "$busy" ]; then
    echo "Deterministic: a busy machine found the same"
else
    echo "NOT deterministic: see $out" >&2
    exit 1
fi
