#!/bin/sh
# Everything that an incident is looked into with, in one archive.
#
#   collect-incident.sh FOLDER [WHAT...]    e.g. collect-incident.sh /tmp/incident_$(date +%s) /tmp/shadow_simulation_*
#
# Copies WHAT (what is missing is said and left out) and the worker's log, and adds versions, settings without secrets,
# the state of database and fleet, and a hash of each file. Writes FOLDER and FOLDER.tgz.
set -eu

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    '' | -*)
        echo "usage: $(basename "$0") FOLDER [WHAT...]; got '$*'" >&2
        usage >&2
        exit 2
        ;;
esac
folder=$1
shift
mkdir -p "$folder"

for what in "$@" ${AOS_LOG_FILE:+"$AOS_LOG_FILE"}; do
    if [ -e "$what" ]; then
        cp -r "$what" "$folder/"
    else
        echo "left out, not there: $what"
    fi
done

# What a command says, also if it fails: a database that is down is a finding.
keep() {
    name=$1
    shift
    "$@" >"$folder/$name" 2>&1 || echo "exit code $?" >>"$folder/$name"
}
keep version.json aos-workflow version --json
keep policy.json aos-workflow policy show --json
keep stop.json aos-workflow stop status --json
keep running.json aos-workflow list-running --json
keep database.json aos-workflow inspect --database --json
keep schema.json aos-workflow db status --json
env | grep -E '^(AOS|GOLDEN|WORKFLOW|POLICY|BUDGET|DEFAULT_WORKFLOW|SHADOW)_' |
    sed -E 's/^([^=]*(SECRET|KEY|PASSWORD|TOKEN|HOOK)[^=]*)=.*/\1=***/' | sort >"$folder/settings.env" || true

(cd "$folder" && find . -type f ! -name hashes.sha256 -exec sha256sum {} + | sort -k 2 >hashes.sha256)
tar -czf "$folder.tgz" -C "$(dirname "$folder")" "$(basename "$folder")"
echo "Artifacts: $folder.tgz"
