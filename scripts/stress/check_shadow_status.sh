#!/bin/sh
# Shows how a simulation goes: check_shadow_status.sh [DIR]; the newest one if none is named.
# Exit code 0: it runs or is done, without a mismatch; 1: a mismatch, or it does not go on; 2: there is none.
set -eu
. "$(dirname "$0")/environment.sh"
help "$@"
exec "$AOS_WORKFLOW" shadow status "$@"
