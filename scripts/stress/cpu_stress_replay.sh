#!/bin/sh
# Runs one campaign on an idle machine and again while every processor is kept busy: timing must change nothing.
#
#   cpu_stress_replay.sh [OPTIONS OF shadow run]      default: --cycles 300
#
# Exit code 0 if both come to the same digest.
set -eu
. "$(dirname "$0")/environment.sh"
[ $# -gt 0 ] || set -- --cycles 300
out=$(scratch cpu_stress)
burning=
trap 'for pid in $burning; do kill "$pid" 2>/dev/null || true; done' EXIT

simulate() {
    status=0
    aos shadow run "$@" >"$out/log" || status=$?
    [ "$status" -le 1 ] || { cat "$out/log" >&2; exit "$status"; }
}

simulate "$@" --out "$out/idle"
echo "idle: $(digest "$out/idle")"

count=$(getconf _NPROCESSORS_ONLN)
while [ "$count" -gt 0 ]; do
    (while :; do :; done) &
    burning="$burning $!"
    count=$((count - 1))
done
simulate "$@" --out "$out/busy"
echo "busy: $(digest "$out/busy")"

if [ "$(digest "$out/idle")" = "$(digest "$out/busy")" ]; then
    echo "Deterministic: a busy machine found the same"
else
    echo "NOT deterministic: see $out" >&2
    exit 1
fi
