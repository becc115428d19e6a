#!/bin/sh
# Shows that as many workers as you like find the same: one campaign with 1, 2 and 4 of them.
#
#   multi_worker_determinism.sh [OPTIONS OF shadow run]      default: --cycles 500
#
# Exit code 0 if every run comes to the same digest.
set -eu
. "$(dirname "$0")/environment.sh"
[ $# -gt 0 ] || set -- --cycles 500
out=$(scratch multi_worker)

for workers in 1 2 4; do
    status=0
    aos shadow run "$@" --workers "$workers" --out "$out/$workers" >"$out/$workers.log" || status=$?
    [ "$status" -le 1 ] || { cat "$out/$workers.log" >&2; exit "$status"; }
    echo "$workers workers: $(digest "$out/$workers")"
done

if [ "$(digest "$out/1")" = "$(digest "$out/2")" ] && [ "$(digest "$out/1")" = "$(digest "$out/4")" ]; then
    echo "Deterministic: 1, 2 and 4 workers found the same"
else
    echo "NOT deterministic: see $out" >&2
    exit 1
fi
