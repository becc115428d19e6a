#!/bin/sh
# Runs workflows in pairs and reports what differs; every flag is one of `aos-workflow shadow run --help`.
#
#   run_shadow_simulation.sh --quick --verbose
#   run_shadow_simulation.sh --hours 24 --workers 3 --output DIR [--cycle-interval S] [--workflows-per-cycle N]
#
# Exit code 0: no mismatch; 1: mismatches; 2: bad input. The folder is /tmp/shadow_simulation_<time> unless one is named.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
exec "$AOS_WORKFLOW" shadow run "$@"
