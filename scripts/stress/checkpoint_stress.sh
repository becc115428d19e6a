#!/bin/sh
# Kills a simulation (kill -9) again and again, resumes it, and shows that nothing is lost or counted twice: it comes to
# the digest of one that was left alone. Its workflows crash before and after their commits meanwhile (--faults heavy).
#
#   checkpoint_stress.sh [KILLS] [CYCLES]      default: 5 kills in 2000 cycles
set -eu
. "$(dirname "$0")/environment.sh"
kills=${1:-5}
cycles=${2:-2000}
out=$(scratch checkpoint_stress)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true' EXIT

aos shadow run --cycles "$cycles" --faults heavy --out "$out/calm" >"$out/calm.log"
echo "left alone: $(digest "$out/calm")"

"$AOS_WORKFLOW" shadow run --cycles "$cycles" --faults heavy --out "$out/killed" >"$out/killed.log" 2>&1 &
pid=$!
done=0
while [ "$done" -lt "$kills" ]; do
    sleep 2
    kill -9 "$pid" 2>/dev/null || break
    wait "$pid" 2>/dev/null || true
    done=$((done + 1))
    [ -e "$out/killed/simulation.json" ] || { echo "killed before it began: a slower machine than this needs" >&2; exit 2; }
    "$AOS_WORKFLOW" shadow run --resume "$out/killed" >>"$out/killed.log" 2>&1 &
    pid=$!
done
wait "$pid"
pid=
echo "killed $done times: $(digest "$out/killed")"

if [ "$(digest "$out/calm")" = "$(digest "$out/killed")" ]; then
    echo "Nothing lost, nothing counted twice"
else
    echo "DIFFERENT: see $out" >&2
    exit 1
fi
