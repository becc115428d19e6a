#!/bin/sh
# Shows that as many workers as you like find the same: one campaign with 1, 2 and 4 of them.
#
#   multi_worker_determinism.sh [OPTIONS OF shadow run]      default: --cycles 500
#
# Exit code 0 if every run comes to the same digest.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
[ $# -gt 0 ] || set -- --cycles 500
out=$(scratch multi_worker)
first=
same=yes

for workers in 1 2 4; do
    simulate "$out/$workers" "$@" --workers "$workers"
    found=$(digest "$out/$workers")
    echo "$workers workers: $found"
    [ "$found" = "${first:=$found}" ] || same=no
done

if [ "$same" = yes ]; then
    echo "Deterministic: 1, 2 and 4 workers found the same"
else
    echo "NOT deterministic: see $out" >&2
    exit 1
fi
