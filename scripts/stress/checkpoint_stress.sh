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

aos shadow run --cycles "$cycles" --faults heavy --out "$out/calm" >"$out/calm.log" || [ $? -eq 1 ]
echo "left alone: $(digest "$out/calm")"

counted() {
    [ ! -e "$out/killed/journal.jsonl" ] || cksum <"$out/killed/journal.jsonl"
}

# Something more was counted; or it is over.
wait_for_progress() {
    before=$(counted)
    left=600
    while [ "$(counted)" = "$before" ] && [ "$left" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        left=$((left - 1))
    done
}

"$AOS_WORKFLOW" shadow run --cycles "$cycles" --faults heavy --out "$out/killed" >"$out/killed.log" 2>&1 &
pid=$!
done=0
while [ "$done" -lt "$kills" ]; do
    wait_for_progress
    kill -9 "$pid" 2>/dev/null || break
    wait "$pid" 2>/dev/null || true
    done=$((done + 1))
    "$AOS_WORKFLOW" shadow run --resume "$out/killed" >>"$out/killed.log" 2>&1 &
    pid=$!
done
wait "$pid" || [ $? -eq 1 ]
pid=
echo "killed $done times: $(digest "$out/killed")"

if [ "$(digest "$out/calm")" = "$(digest "$out/killed")" ]; then
    echo "Nothing lost, nothing counted twice"
else
    echo "DIFFERENT: see $out" >&2
    exit 1
fi
