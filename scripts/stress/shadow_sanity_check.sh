#!/bin/sh
# Checks that a simulation is sound: shadow_sanity_check.sh [DIR]; the newest one if none is named.
# State, progress, mismatches, errors, disk, memory; after four hours also the rate and the growth of memory.
# Exit code 0 and "All checks pass", 1 if one fails, 2 if there is no simulation.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
exec "$AOS_WORKFLOW" shadow sanity "$@"
