#!/bin/sh
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Made of its parts in roles/deferral/src/policy-rc.d by tests/write_policy_rc_d.py; a change belongs there.
#
# policy-rc.d [--quiet] UNIT ACTIONS [RUNLEVEL]: may a package do this to this unit now?
# policy-rc.d --list [UNIT]: what packages may not do on this host, or to this unit, and who says so.
# policy-rc.d --dpkg-begins: what dpkg runs first; notes which units run, so that it is told what was started in spite.
# policy-rc.d --restart-collateral: what dpkg runs at its end; restarts what was denied only for its neighbour's sake.
#
# Exits 0 (it may) or 101 (it may not, and the record is in /var/lib/policy-rc.d), never anything else: every other
# code makes dpkg fail or is taken for permission. It needs the shell and perl-base, which are Essential, and no Perl
# module at all: it has to answer in the middle of any upgrade. Where Perl cannot run, the shell decides by the
# list of what was blocked when it last could.

root=''
perl=/usr/bin/perl
chained="$root/usr/lib/orderly/policy-rc.d.chained"
known="$root/var/lib/orderly/policy.known"
paused="$root/var/lib/orderly/paused"
trouble="$root/run/orderly/policy.trouble"

PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
ORDERLY_ASKED="x$ORDERLY_ASKED" # a script before ours that asks ours again is not asked a second time
export PATH LC_ALL ORDERLY_ASKED
unset PERL5LIB PERL5OPT PERLLIB PERL5DB PERL_UNICODE
umask 022

is_chained() { [ "$ORDERLY_ASKED" = x ] && [ -f "$chained" ] && [ -x "$chained" ] && ! [ "$chained" -ef "$0" ]; }

# Who presses Ctrl-C gets dpkg to stop; but a question that was asked is answered, since no answer means permission.
# Where files may not grow, writing fails, and who writes goes on. Perl is started with this, and leaves it so.
trap '' HUP INT TERM PIPE XFSZ

asks=true
# The shell gives up, with a code of its own, where it has no file or process left to work with.
trap 'case $?:$asks in 0:* | 101:*) ;; *:true) exit 101 ;; *) exit 0 ;; esac' EXIT
case " $* " in
    *" --restart-collateral "* | *" --dpkg-begins "*) asks=false ;;
    *" --list "*)
        asks=false
        if is_chained; then "$chained" "$@"; fi
        ;;
esac

"$perl" -x "$0" "$root" "$@"
case $? in
    10) exit 0 ;;
    101) exit 101 ;;
esac

# --- Perl could not decide; the shell does not even read so far otherwise ---

# What it has no word for ("not this action", an error, a signal) is no permission either.
chained_denies() {
    is_chained || return 1
    "$chained" "$@" >/dev/null
    case $? in 0 | 104 | 105) return 1 ;; esac
    return 0
}

denied_without_perl() {
    by_chained=false
    if chained_denies "$@"; then by_chained=true; fi
    while [ "${1#--}" != "$1" ]; do shift; done
    unit=${1%.service}
    unit=${unit%.sh}
    if $by_chained; then
        case $2 in \(*) ;; *restart* | *stop* | *reload* | *upgrade*) record_without_perl chained "$(readlink "$chained" || echo "$chained")" ;; esac
        return 0
    fi
    case $2 in \(*) return 0 ;; esac
    case $2 in *start* | *reload*) if [ -e "$paused/$unit" ] || [ -e "$paused/$unit.service" ]; then return 0; fi ;; esac
    last_known_denies "$2" || return 1
    record_without_perl orderly last-known
    return 0
}

last_known_denies() {
    [ -r "$known" ] || return 1
    tab=$(printf '\t')
    plain=$(printf %s "$unit" | tr -d '\134') # names are listed without backslashes
    while IFS="$tab" read -r _ listed denied; do
        # shellcheck disable=SC2254 # what is listed may be a pattern
        case $plain in $listed | ${listed%@}@*) ;; *) continue ;; esac
        for action in $1; do
            case $action in force-reload | *-or-restart | upgrade) action=restart ;; esac
            case $denied in *" ${action#force-} "*) return 0 ;; esac
        done
    done <"$known" || return 0 # it is there, and cannot be opened
    return 1
}

record_without_perl() { # the type and the name of who denied it
    case $unit in
        *[!A-Za-z0-9@:._-]*) return ;;
        *.socket | *.target | *.timer | *.path | *.mount) ;;
        *) unit=$unit.service ;;
    esac
    name=$1-$(printf %s "$2" | tr -c 'A-Za-z0-9_.+-' _)-$unit.deferred
    for folder in "$root/var/lib/policy-rc.d" "$root/run/policy-rc.d"; do
        mkdir -p "$folder" && cat >"$folder/.last-known-$unit.$$" <<END &&
action: restart
boot_id: $(cat /proc/sys/kernel/random/boot_id)
format: 1
invocation_id: "$(readlink "$root/run/systemd/units/invocation:$unit" || echo unknown)"
policy_requestor_name: "$(printf %s "$2" | tr '"\134' __)"
policy_requestor_type: $1
reason: Package update
service: $unit
timestamp: $(date +%s)
END
            sync "$folder/.last-known-$unit.$$" &&
            mv -f "$folder/.last-known-$unit.$$" "$folder/$name" && {
                sync "$folder"
                return
            }
    done
}

mkdir -p "${trouble%/*}" && [ "$(wc -c 2>/dev/null <"$trouble" || echo 0)" -lt 16384 ] &&
    printf 'policy-rc.d: Perl could not decide about: %s\n' "$(printf %.200s "$*" | tr -c '[:print:]' '?')" >>"$trouble"
if $asks && denied_without_perl "$@"; then exit 101; fi
exit 0
