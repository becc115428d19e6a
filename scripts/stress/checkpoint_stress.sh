#!/bin/sh
# Kills a simulation (kill -9) again and again, resumes it, and shows that nothing is lost or counted twice: it comes to
# the digest of one that was left alone. Its workflows crash before and after their commits meanwhile (--faults heavy).
#
#   checkpoint_stress.sh [KILLS] [CYCLES]      default: 5 kills in 2000 cycles
#
# Exit code 0 if it was killed at least once, and both come to the same digest.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
kills=${1:-5}
cycles=${2:-2000}
[ $# -le 2 ] || refuse "KILLS and CYCLES and no more: $*"
for number in "$kills" "$cycles"; do
    case $number in
        '' | *[!0-9]* | 0*) refuse "a number from 1 on is expected, got '$number'" ;;
    esac
done
out=$(scratch checkpoint_stress)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true' EXIT

simulate "$out/calm" --cycles "$cycles" --faults heavy
calm=$(digest "$out/calm")
echo "left alone: $calm"

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
while :; do
    [ "$done" -eq "$kills" ] || { wait_for_progress; kill -9 "$pid" 2>/dev/null || true; }
    status=0
    wait "$pid" 2>/dev/null || status=$?
    [ "$status" -eq 137 ] && [ "$done" -lt "$kills" ] || break # it came to its end
    done=$((done + 1))
    "$AOS_WORKFLOW" shadow run --resume "$out/killed" >>"$out/killed.log" 2>&1 &
    pid=$!
done
pid=
[ "$status" -le 1 ] || { cat "$out/killed.log" >&2; exit "$status"; }
killed=$(digest "$out/killed")
echo "killed $done times: $killed"
[ "$done" -gt 0 ] || { echo "nothing was killed: give more cycles than $cycles" >&2; exit 1; }

if [ "$calm" = "$killed" ]; then
    echo "Nothing lost, nothing counted twice"
else
    echo "DIFFERENT: see $out" >&2
    exit 1
fi
