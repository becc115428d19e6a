# Sourced by the scripts of this folder.
#
#   aos ...          the command line: $AOS_WORKFLOW, else the checkout's environment, else PATH
#   digest FOLDER    what a simulation came to, in one number: of each cycle, its number, verdict and hash
#   scratch NAME     a new folder for simulations, below $OUT (default: the temporary folder)

here=$(cd "$(dirname "$0")" && pwd)

if [ -z "${AOS_WORKFLOW:-}" ]; then
    AOS_WORKFLOW=$here/../../.venv/bin/aos-workflow
    [ -x "$AOS_WORKFLOW" ] || AOS_WORKFLOW=aos-workflow
fi

aos() {
    "$AOS_WORKFLOW" "$@"
}

digest() {
    sed -n 's/^ *"digest": "\([0-9a-f]*\)",*$/\1/p' "$1/summary.json"
}

scratch() {
    mkdir -p "${OUT:-${TMPDIR:-/tmp}}"
    mktemp -d "${OUT:-${TMPDIR:-/tmp}}/$1_XXXXXX"
}
