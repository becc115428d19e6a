#!/bin/sh
# Backs up the goldens of runs. For cron: prints one line, exit code 1 if a golden did not verify (it is in all the same).
#
#   backup-goldens.sh --daily      /var/backups/nova/golden/golden_<date>.tar.gz, once a day
#   backup-goldens.sh --archive    /var/lib/aos/archives/golden_archive_<stamp>.tgz
#
# Goldens are taken from $GOLDEN_DIR, else /var/lib/aos/golden. $BACKUP_DIR is another place for either.
set -eu

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

goldens=${GOLDEN_DIR:-/var/lib/aos/golden}
case "$*" in
    -h | --help)
        usage
        ;;
    --daily)
        to=${BACKUP_DIR:-/var/backups/nova/golden}
        mkdir -p "$to"
        exec aos-workflow golden archive "$goldens" --to "$to" --daily
        ;;
    --archive)
        to=${BACKUP_DIR:-/var/lib/aos/archives}
        mkdir -p "$to"
        exec aos-workflow golden archive "$goldens" --to "$to"
        ;;
    *)
        echo "usage: $(basename "$0") --daily|--archive; got '$*'" >&2
        usage >&2
        exit 2
        ;;
esac
