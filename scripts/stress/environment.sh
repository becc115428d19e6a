# Sourced by the scripts of this folder.
#
#   help "$@"        prints what the script says of itself, and ends, if that is what is asked for
#   refuse TEXT      says why it does not begin, and ends with 2
#   aos ...          the command line: $AOS_WORKFLOW, else the checkout's environment, else PATH
#   simulate FOLDER ...    a simulation, with FOLDER.log; ends the script if there cannot be one. Whether it passed: $passed
#   digest FOLDER    what a simulation came to, in one number: of each cycle, its number, verdict and hash
#   scratch NAME     a new folder for simulations, below $OUT (default: the temporary folder)

here=$(cd "$(dirname "$0")" && pwd)

if [ -z "${AOS_WORKFLOW:-}" ]; then
    AOS_WORKFLOW=$here/../../.venv/bin/aos-workflow
    [ -x "$AOS_WORKFLOW" ] || AOS_WORKFLOW=aos-workflow
fi

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

help() {
    for argument in "$@"; do
        case $argument in
            -h | --help)
                usage
                exit 0
                ;;
        esac
    done
}

refuse() {
    echo "$(basename "$0"): $1" >&2
    usage >&2
    exit 2
}

aos() {
    "$AOS_WORKFLOW" "$@"
}

simulate() {
    folder=$1
    shift
    status=0
    aos shadow run "$@" --out "$folder" >"$folder.log" || status=$?
    [ "$status" -le 1 ] || { cat "$folder.log" >&2; exit "$status"; }
    passed=$((1 - status))
}

digest() {
    found=$(sed -n 's/^ *"digest": "\([0-9a-f]\{1,\}\)",*$/\1/p' "$1/summary.json") || found=
    [ -n "$found" ] || { echo "no digest in $1/summary.json: nothing was simulated" >&2; return 1; }
    echo "$found"
}

scratch() {
    mkdir -p "${OUT:-${TMPDIR:-/tmp}}"
    mktemp -d "${OUT:-${TMPDIR:-/tmp}}/$1_XXXXXX"
}
