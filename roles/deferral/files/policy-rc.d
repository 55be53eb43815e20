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

# The shell never comes here; Perl starts at its own line. As a document the rest is no concern of sh -n either.
: <<'END_OF_PERL'
#!perl -w
#line 5 "policy-rc.d/constants.pl"
# --- Constants ---

# Written under "use strict", as a test checks; but loading even that takes a tenth of the time that an answer takes.

# Codes for the shell; whatever else Perl ends with means that it could not decide.
our ($ALLOWED, $DENIED) = (10, 101);

our %OTHER_TYPES = map { (".$_" => 1) } qw(socket target timer path mount automount swap slice scope device);    # than services

# Words that need no quotes in YAML, unless they mean something else.
our $WORDS = qr/^[\w@.+-]+(?: [\w@.+-]+)*\z/a;

our $ROOT     = shift @ARGV;
our $POLICIES = "$ROOT/etc/policy-rc.d";
our $CHAINED  = "$ROOT/usr/lib/orderly/policy-rc.d.chained";
our $KNOWN    = "$ROOT/var/lib/orderly/policy.known";
our $PAUSED   = "$ROOT/var/lib/orderly/paused";
our $FORMAT   = 1;    # of records
our @RECORDS  = ("$ROOT/var/lib/policy-rc.d", "$ROOT/run/policy-rc.d");    # the second one for when the first is full
our $RUN      = "$ROOT/run/orderly";
our $RECENTLY = time - 2;    # what changed since may change again without a trace in its times: it is not taken as known
our $LINKS    = "$RUN/units.links";
our $STARTED  = "$ROOT/run/systemd/units";
our @UNITS    = map { "$ROOT$_" } (    # in systemd's order: the first that has a name decides
    '/etc/systemd/system', '/run/systemd/system', '/run/systemd/generator', '/usr/local/lib/systemd/system',
    '/usr/lib/systemd/system', '/lib/systemd/system', '/run/systemd/generator.late',
);

#line 5 "policy-rc.d/read.pl"
# --- Files ---

sub slurp {
    my ($file) = @_;
    return if !-f $file || -s _ > 1 << 20;
    return contents($file);
}

sub contents {
    my ($file) = @_;
    open my $handle, '<', $file or return '';
    local $/;
    return scalar <$handle>;
}

#line 6 "policy-rc.d/question.pl"
# --- The question ---

sub question {
    my @args = @_;
    my @options;
    push @options, shift @args while @args && is_option($args[0]);
    my ($asked, $actions, @rest) = @args;
    return (\@options, $asked, defined $actions ? $actions : '', @rest);
}

sub is_option { return substr($_[0], 0, 2) eq '--' }

# Who asks: the options and units of the command that asked, and the maintainer script that ran it, with its arguments.
sub caller_of_question {
    my %caller = (options => [], units => [], script => '', arguments => []);
    my ($pid, $script) = (getppid, $ENV{DPKG_MAINTSCRIPT_NAME} || '');
    for (my $levels = 16; $pid > 1 && $levels; $levels--) {
        my @rest = split /\0/, contents("/proc/$pid/cmdline");
        for (1 .. 4) {    # an interpreter and its options may stand before the name
            my $word = shift @rest;
            last if !defined $word;
            my $name = substr $word, rindex($word, '/') + 1;
            if (!$caller{command} && ($name eq 'invoke-rc.d' || $name eq 'deb-systemd-invoke')) {
                $caller{command} = $name;
                $caller{options} = [grep { is_option($_) } @rest];
                my (undef, @units) = grep { !is_option($_) } @rest;
                $caller{units} = \@units if $name eq 'deb-systemd-invoke';
            }
            elsif ($script ne '' && ($name eq $script || substr($name, -1 - length $script) eq ".$script")) {
                @caller{ 'script', 'arguments' } = ($script, \@rest);
                return \%caller;
            }
        }
        last if $caller{command} && $script eq '';
        ($pid) = contents("/proc/$pid/stat") =~ /.*\) . (\d+)/s or last;
    }
    return \%caller;
}

# The units that a question is about: the name as systemd has it, or the running units that a pattern matches.
# The caller's shell has eaten the backslashes of escaped names, so the whole name comes from the caller's arguments.
sub concrete {
    my ($asked, $caller) = @_;
    my ($whole) = grep { plain($_) eq plain($asked) } @{ $caller->{units} };
    my $unit = canonical(defined $whole ? $whole : $asked);
    return is_pattern($unit) ? ($unit, running($unit)) : $unit;
}

sub is_pattern { return $_[0] =~ tr/*?[// }

sub canonical {
    my ($name) = @_;
    $name =~ s/\.sh$//;
    $name .= '.service' if substr($name, -8) ne '.service' && !is_of_other_type($name);
    return links()->{$name} || $name =~ tr/@// ? linked($name) : $name;
}

sub is_of_other_type { my ($name) = @_; return $OTHER_TYPES{ substr $name, rindex $name, '.' } }

# What systemd knows under more than one name: the other names, and the unit that each is a link to. Reading all links
# takes long, so what was found holds until one of the folders changes.
my $links;

sub links {
    return $links if $links;
    my $stamp = folders_stamp();
    my ($found_at, @found) = split /[\t\n]/, slurp($LINKS) || '';
    return $links = {@found} if $stamp ne '' && defined $found_at && $found_at eq $stamp && @found % 2 == 0;
    return $links = links_anew($stamp);
}

sub folders_stamp {
    my $stamp = '';
    for my $dir (@UNITS) {
        my ($device, $inode, $ctime) = (stat $dir)[0, 1, 10];
        return '' if defined $inode && $ctime > $RECENTLY;
        $stamp .= defined $inode ? "$device $inode $ctime " : 'none ';
    }
    return $stamp;
}

# systemd marks what it runs a process for, which is read much faster than systemd is asked. What bears no mark may run
# all the same: a socket, a timer, a unit that had another name when it was started.
sub mark { my ($unit) = @_; return readlink "$STARTED/invocation:$unit" }

# In systemd's words; "unknown" where it does not answer, which is never read as "inactive".
sub activity { my ($unit) = @_; return defined mark($unit) ? 'active' : asked_activity($unit) }

# What proves later that a unit was started anew; nothing where it does not run.
sub invocation { my ($unit) = @_; my $mark = mark($unit); return defined $mark ? $mark : asked_invocation($unit) }

#line 6 "policy-rc.d/policies.pl"
# --- Policies ---

sub policies {
    my $known = known();
    my @files = sort keys %$known;
    if (opendir my $dir, $POLICIES) { @files = sort grep { /^[^.].*\.policy$/ && !tr/\t\n// } readdir $dir }
    # Where the folder has gone or cannot be read, nobody said that anything is free again.
    elsif (@files) { trouble("$POLICIES cannot be read: what was blocked before stays blocked") }
    my ($is_news, @policies) = @files != keys %$known;
    for my $file (@files) {
        my ($text, $stamp) = ($known->{$file}, stamp("$POLICIES/$file"));
        # Reading YAML takes longer than all the rest: a file that has not changed since is taken as it was known.
        my $is_known = defined $text && $stamp ne '-' && index($text, "$stamp\t") == 0;
        push @policies, $is_known ? { file => $file, text => $text } : policy_anew($file, $stamp, $text);
        $is_news = 1 if !$is_known;
    }
    remember(@policies) if $is_news;
    return @policies;
}

sub stamp {
    my ($inode, $size, $mtime, $ctime) = (lstat $_[0])[1, 7, 9, 10];
    return !defined $inode || $ctime > $RECENTLY ? '-' : "$inode $size $mtime $ctime";
}

# What an operator has paused must not start, whatever the policies say: a file for each unit, named like it.
sub paused {
    opendir my $dir, $PAUSED or return;
    my @units = grep { !/^\./ } readdir $dir or return;
    return policy_of_paused(@units);
}

# Tells which policies block one of the actions on a unit, and which of those that it drags along are why if not itself.
sub verdict {
    my ($unit, $actions, $policies) = @_;
    my $blocked_by = blocked_by($unit, $actions, $policies);
    $blocked_by = blocked_by($unit, ['start'], $policies) if @$blocked_by && means_start($unit, $actions);
    # A start takes nothing down.
    return { blocked_by => $blocked_by, drags => [] } if @$blocked_by || is_pattern($unit) || "@$actions" eq 'start';
    return verdict_by_drags($unit, $actions, $policies);
}

# Whether a restart would but start the unit: a script stopped it in this run of dpkg or the one before, without asking.
sub means_start {
    my ($unit, $actions) = @_;
    return !-l "$STARTED/invocation:$unit" && "@$actions" =~ /start/ && went_down($unit);
}

sub is_blocked { return scalar @{ $_[0]{blocked_by} } }

sub blocked_by {
    my ($unit, $actions, $policies) = @_;
    my @names = names_of($unit);
    # Most policies have nothing to do with a unit: they are read only where one of its names, or a pattern, is in them.
    my @written  = map { my $base = base($_); ("\t" . plain($_) . "\t", "\t$base\t", "\t$base@\t") } @names;
    my $is_any   = "@names" =~ tr/*?[//;
    my @policies = grep {
        my $text = $_->{text};
        $is_any || $_->{broken} || grep { index($text, $_) >= 0 } @written, '*', '?', '['
    } @$policies;
    return [grep { my $policy = $_; grep { policy_blocks($policy, $_, \@names) } @$actions } @policies];
}

sub policy_blocks {
    my ($policy, $action, $names) = @_;
    my @means = index(' start stop reload restart try-restart ', " $action ") >= 0 ? $action : meanings($action, $names->[0]);
    for my $line (lines($policy)) {
        my (undef, $listed, $blocked) = split /\t/, $line;
        return 1 if (grep { index($blocked, " $_ ") >= 0 } @means) && grep { covers($listed, plain($_)) } @$names;
    }
    return $policy->{broken} && is_named($policy, \@means, $names);
}

# A listed name covers the unit of that name.
sub covers {
    my ($listed, $unit) = @_;
    return $listed eq $unit || "$listed$unit" =~ tr/*?[@// && covers_more($listed, $unit);
}

sub plain { my ($name) = @_; $name =~ s/\.(?:service|sh)$//; $name =~ tr/\\//d; return $name }
sub base { my ($name) = @_; $name =~ s/\.service$//; $name =~ s/@.*//; return $name }

# All names that systemd knows a unit by.
sub names_of {
    my ($unit) = @_;
    return ($unit, grep { $_ ne $unit && canonical($_) eq $unit } sort keys %{ links() });
}

# --- What was known last: a line for each policy, and one for each unit that it lists, which the shell reads too ---

# By the name of the file: its stamp, type and name of the requestor, and then the lines.
sub known {
    my %known;
    my ($file, @parts) = split /\t=\t/, slurp($KNOWN) || '';    # each ends with the name of the file of the next
    for my $part (@parts) {
        my $next = rindex($part, "\n") + 1;
        $known{$file} = substr $part, 0, $next;
        $file = substr $part, $next;
    }
    return \%known;
}

sub requestor { return (split /[\t\n]/, $_[0]{text}, 4)[1, 2] }

sub lines { my (undef, @lines) = split /\n/, $_[0]{text}; return @lines }

#line 6 "policy-rc.d/main.pl"
# --- The answer ---

sub main {
    my @question = question(@_);
    my ($options, $asked, $actions) = @question;
    my ($command) = grep { index(' --dpkg-begins --restart-collateral --list ', " $_ ") >= 0 } @$options;
    return command($command, $asked) if defined $command;
    return $ALLOWED if !defined $asked;
    # Debian's own rule asks in parentheses about units that are disabled and do not run: they stay down.
    return $DENIED if $actions =~ /^\s*\(/;
    my $is_chained = is_chained();
    my @policies = (policies(), paused());
    return $ALLOWED if !@policies && !$is_chained;
    my $caller = caller_of_question();
    push @policies, my @chained = $is_chained ? chained($caller, \@question, $asked) : ();
    my $otherwise = @chained ? $DENIED : $ALLOWED;
    my $how = " @{ $caller->{options} } ";
    # One user's unit of the same name is none of ours; and who removes a package may stop its daemon.
    return $otherwise if index($how, ' --user ') >= 0;
    my @actions = split ' ', $actions;
    my %verdicts = map { $_ => verdict($_, \@actions, \@policies) } concrete($asked, $caller);
    my @blocked  = grep { is_blocked($verdicts{$_}) } keys %verdicts or return $otherwise;
    if ($caller->{script} eq 'prerm' && removes_package($caller, @actions)) {
        note_removal(@blocked);
        return $otherwise;
    }
    # --query only asks, and --force goes on whatever the answer is.
    return $DENIED if index($how, ' --query ') >= 0 || index($how, ' --force ') >= 0;
    eval { record_call(\@question, \@policies, $caller, \%verdicts); 1 } or trouble("no record about $asked: $@");
    return $DENIED;
}

sub is_chained {
    return if $ENV{ORDERLY_ASKED} ne 'x' || !-f $CHAINED || !-x _;
    return is_another_script();
}

# Compiling takes most of an answer's time: the chapters after __DATA__ are read and compiled when something in them is
# called first. Each begins with the #line that says which part it is, and ends with a form feed; what is called most
# often comes first.
my @chapters;

sub AUTOLOAD {
    our $AUTOLOAD;
    local $@;    # it may be what the function is called with
    my $name = substr $AUTOLOAD, length 'main::';
    my $chapter = chapter_with("\nsub $name ");
    defined $chapter && eval "$chapter; 1" or die "$name: ", $chapter ? $@ : "is in no chapter\n";
    goto &$AUTOLOAD;
}

sub chapter_with {
    my ($head) = @_;
    local $. = 0;    # an error does not say up to where DATA was read
    local $/ = "\f";
    for (@chapters) { return $_ if index($_, $head) >= 0 }
    while (defined(my $next = <DATA>)) {
        push @chapters, $next;
        return $next if index($next, $head) >= 0;
    }
    return;
}

my $answer = eval { main(@ARGV) };
trouble($@) if !defined $answer;
exit(defined $answer ? $answer : 99);
__DATA__

#line 6 "policy-rc.d/records.pl"
# --- Records ---

# deb-systemd-invoke drops the whole call at the first denial, so every unit of the call is recorded: those that a policy
# blocks, and under the policy that denied it those that none does.
sub record_call {
    my ($question, $policies, $caller, $verdicts) = @_;
    my $actions = [split ' ', $question->[2]];
    my ($denied_by) = map { @{ $verdicts->{$_}{blocked_by} } } sort keys %$verdicts;
    my %units = map { $_ => 1 } keys %$verdicts, map { concrete($_, $caller) } @{ $caller->{units} };
    my $lock = lock_records();
    for my $unit (sort grep { !is_pattern($_) } keys %units) {
        my $verdict = $verdicts->{$unit} || verdict($unit, $actions, [@$policies, is_chained() ? chained($caller, $question, $unit) : ()]);
        my $collateral = !is_blocked($verdict);
        # What does not run has nothing to restart; but it would have been started if it were not for the neighbour, or if
        # it has failed.
        my $activity = activity($unit);
        if ($activity eq 'inactive' || $activity eq 'failed') {
            my @starts = ($activity eq 'failed' || $collateral ? 'restart' : (), $collateral ? 'start' : ());
            next if !grep { my $action = $_; grep { $_ eq $action } @starts } @$actions;
        }
        record($unit, $actions, $caller, $_, $verdict) for $collateral ? $denied_by : @{ $verdict->{blocked_by} };
    }
    merge_fallback() if -d $RECORDS[1];
}

sub record {
    my ($unit, $actions, $caller, $policy, $verdict) = @_;
    my ($type, $requestor) = requestor($policy);
    my $name  = record_name($type, $requestor, $unit);
    my @found = grep { defined } map { read_any_record($_) } files_named($name);
    ($name, @found) = name_beside_newer($name, @found) if @found;
    my ($boot_id) = split /\n/, contents('/proc/sys/kernel/random/boot_id');
    my %now = (boot_id => $boot_id, invocation_id => invocation($unit));
    my @executables = executables($unit);
    my $old = @found ? old_record(\%now, \@executables, @found) : {};
    my %actions = map { $_ => 1 } @$actions, @{ $old->{actions} || [] };
    my $reason = defined $old->{reason} ? $old->{reason} : '';
    my %record = (
        %now,
        action                => effective(keys %actions),
        actions               => [sort keys %actions],
        collateral            => \(is_blocked($verdict) && !$policy->{is_guess} ? 'false' : 'true'),
        count                 => \(($old->{count} || 0) + 1),
        executables           => $old->{executables} || \@executables,
        first_timestamp       => \($old->{first_timestamp} || time),
        format                => \$FORMAT,
        maintainer_script     => join(' ', grep { length } $caller->{script}, @{ $caller->{arguments} }),
        package               => $ENV{DPKG_MAINTSCRIPT_PACKAGE},
        package_before        => $old->{package_before},
        policy_requestor_name => $requestor,
        policy_requestor_type => $type,
        reason                => $reason =~ /^(?:Package update|$)/ ? $reason || 'Package update' : "Package update; $reason",
        service               => $unit,
        timestamp             => \time,
        undone_by_version     => \'false',
        unit                  => $unit,
        ($caller->{script} ne '' ? about_package($caller, $old) : ()),
    );
    $record{drags} = $verdict->{drags} if @{ $verdict->{drags} };
    store($name, join '', map { "$_: " . yaml_value($record{$_}) . "\n" } sort keys %record);
}

# What there is under a name, the newest first.
sub files_named { my ($name) = @_; return grep { -e } map { "$_/$name" } reverse @RECORDS }

sub store {
    my ($name, $text) = @_;
    my ($lasting, $fallback) = @RECORDS;
    return store_elsewhere($name, $text) if !write_file("$lasting/$name", $text);
    unlink "$fallback/$name", grep { -e && !is_newer(read_any_record($_)) } "$lasting/" . substr($name, 0, -8) . 'dismissed';
}

sub record_name {
    my @names = @_;
    my $name = join '-', @names;
    # A dash is what parts the names, so there is none in the first two.
    return "$name.deferred" if "$names[0]$names[1]" !~ tr/A-Za-z0-9_.+//c && $names[2] !~ tr/A-Za-z0-9_@:.+-//c && length $name <= 220;
    return record_name_in_full(@names);
}

# What has to be done to the unit in the end: a stop that was to be followed by a start is a restart.
sub effective {
    my $actions = join ' ', sort @_;
    return 'restart' if $actions =~ /restart|stop|force-reload|upgrade/;
    return index(" $actions ", ' reload ') >= 0 ? 'reload' : $actions;
}

# Device and inode of the programs that a unit runs: a reload that executes a new one keeps PID and invocation id.
sub executables {
    my ($unit) = @_;
    my $at = index $unit, '@';
    my $group = $at < 0 ? $unit : 'system-' . substr($unit, 0, $at) . ".slice/$unit";
    my %running;
    for my $hierarchy ('', '/systemd', '/unified') {
        for my $pid (split /\n/, contents("$ROOT/sys/fs/cgroup$hierarchy/system.slice/$group/cgroup.procs")) {
            my ($device, $inode) = stat "/proc/$pid/exe";
            $running{"$device:$inode"} = 1 if defined $inode;
        }
    }
    return sort keys %running;
}

# Packages are configured one at a time, but nothing forbids many callers; a lock that hangs must not hang dpkg.
sub lock_records {
    mkdir $RUN, 0755;
    my (undef, undef, $mode, undef, $owner) = lstat "$RUN/records.lock";
    # One that others can open, as the first versions made it, may be held by anybody.
    unlink "$RUN/records.lock" if defined $mode && (!-f _ || $mode & 077 || $owner != $>);
    sysopen my $lock, "$RUN/records.lock", 0102, 0600 or return;    # O_CREAT | O_RDWR
    # LOCK_EX, at first without waiting, as it is free nearly always
    return flock($lock, 2 | 4) || is_free_at_last($lock) ? $lock : undef;
}

# Numbers and words of YAML are handed over by reference.
sub yaml_value {
    my ($value) = @_;
    return 'null' if !defined $value;
    return $$value if ref $value eq 'SCALAR';
    return ref $value ? '[' . join(', ', map { yaml_text($_) } @$value) . ']' : yaml_text($value);
}

sub yaml_text {
    my ($text) = @_;
    my $is_plain = $text =~ $WORDS && " $text" !~ /[+]| [^A-Za-z]/;
    return $text if $is_plain && index(' y n yes no on off true false null ', lc " $text ") < 0;
    return $text =~ tr/ !#-[]-~//c ? yaml_quoted($text) : qq("$text");
}

#line 6 "policy-rc.d/write.pl"
# --- Files that are written ---

# The kernel's number of fsync, by the machine that this Perl was made for.
our %FSYNC = (
    x86_64 => 74, aarch64 => 82, riscv64 => 82, loongarch64 => 82,
    i386 => 118, arm => 118, powerpc64le => 118, s390x => 118,
);

# By rename, so that at any moment there is the old file or the new one; O_SYNC and sync, so that after a power cut too.
sub write_file {
    my ($file, $text) = @_;
    my ($dir, $name) = $file =~ m{(.*)/(.*)};
    my $wanted = $dir eq "$ROOT/var/lib/orderly" ? 0700 : 0755;
    mkdir $dir, $wanted;
    my (undef, undef, $mode, undef, $owner) = lstat $dir;
    return 0 if !defined $mode || !-d _ || $owner && $owner != $>;    # somebody else's, or a link that leads elsewhere
    chmod $wanted, $dir if ($mode & 07777) != $wanted;
    tidy($dir);
    my $new = "$dir/." . substr($name, 0, 230) . ".$$";
    unlink $new;
    sysopen my $handle, $new, 04010301 or return 0;    # O_SYNC | O_EXCL | O_CREAT | O_WRONLY
    my $written = syswrite $handle, $text;
    if (defined $written && $written == length($text) && close($handle) && rename($new, $file)) {
        sync_folder($dir) if index($dir, "$ROOT/run/");
        return 1;
    }
    unlink $new;
    return 0;
}

# A process that does it takes as long as a sixth of an answer; where the number of the call is not known, there is one.
sub sync_folder {
    my ($folder) = @_;
    my ($machine) = "@INC" =~ m{/usr/lib/([a-z0-9_]+)-linux-gnu[a-z]*/perl-base};
    my $call = defined $machine ? $FSYNC{$machine} : undef;
    open my $handle, '<', $folder or return;
    system { 'sync' } 'sync', $folder if !$call || syscall $call, fileno $handle;
    return;
}

# What a process that was killed left behind: its PID ends the name.
sub tidy {
    for my $dir (@_) {
        opendir my $handle, $dir or next;
        my @hidden = grep { /^\../ && $_ ne '..' } readdir $handle;
        remove_leftovers($dir, @hidden) if @hidden;
    }
}

#line 6 "policy-rc.d/old_records.pl"
# --- Records that are there already ---

# The record so far, unless the unit was started again since: then that is settled, and this is a new one.
sub old_record {
    my ($now, $executables, @found) = @_;
    for my $old (@found) {
        next if grep { (defined $old->{$_} ? $old->{$_} : '') ne (defined $now->{$_} ? $now->{$_} : '') } keys %$now;
        delete @$old{ grep { ref $old->{$_} ne 'ARRAY' } 'actions', 'executables' };
        delete @$old{ grep { !defined $old->{$_} || $old->{$_} !~ /^[0-9]{1,12}$/ } 'count', 'first_timestamp' };
        my $executed_anew = ($old->{action} || '') eq 'reload' && "@{ $old->{executables} || [] }" ne "@$executables";
        return $old if !$executed_anew;
    }
    return {};
}

# What a newer version wrote stays as it is: it may mean what this one cannot know.
sub name_beside_newer {
    my ($name, @found) = @_;
    return ($name, @found) if !grep { is_newer($_) } @found;
    $name =~ s/\.deferred$/.format-$FORMAT.deferred/;
    return ($name, grep { defined && !is_newer($_) } map { read_any_record($_) } files_named($name));
}

sub is_newer { my ($record) = @_; return defined $record && defined $record->{format} && $record->{format} ne $FORMAT }

sub read_record { my $record = read_any_record($_[0]); return is_newer($record) ? undef : $record }

# Our own records are one key a line; what is laid out in another way needs more to be read.
sub read_any_record {
    my ($file) = @_;
    my (undef, undef, undef, $links, $owner) = lstat $file;
    return if !$links || !-f _ || $owner && $owner != $>;
    my $text = slurp($file);
    return if !defined $text || $text eq '';
    my %record;
    for my $line (split /\n/, $text) {
        my ($key, $value) = split /: /, $line, 2;
        return parsed($text) if !defined $value || $key =~ tr/a-z_//c;
        $record{$key} = $value eq 'null' ? undef : $value =~ $WORDS ? $value : yaml_read($value);
        return parsed($text) if !defined $record{$key} && $value ne 'null';
    }
    return \%record;
}

sub yaml_read {
    my ($text) = @_;
    return $1 if $text =~ /^"([^"\\]*)"\z/;
    return [map { tr/"//dr } split /, /, $1] if $text =~ /^\[([^\\\[\]{}']*)\]\z/;
    return yaml_read_more($text);
}

#line 6 "policy-rc.d/packages.pl"
# --- What dpkg says of the package whose script asks ---

sub about_package {
    my ($caller, $old) = @_;
    return (
        package_before => defined $old->{package_before} ? $old->{package_before} : package_before($caller),
        undone_by_version => \(is_undone_by_version($caller, $old) ? 'true' : 'false'),
    );
}

# The version that ran before, which not every script is told: postinst is told another package's paths by a trigger.
sub package_before {
    my ($caller) = @_;
    my ($what, $version) = (@{ $caller->{arguments} }, '', '');
    my $call = "$caller->{script} $what";
    return $version if $version ne '' && is_one_of($call, 'postinst configure', 'preinst upgrade', 'prerm failed-upgrade', 'postrm failed-upgrade');
    return version_in_status($ENV{DPKG_MAINTSCRIPT_PACKAGE}) if is_one_of($call, 'prerm upgrade', 'prerm remove', 'prerm deconfigure');
    return undef;
}

sub is_one_of { my ($text, @texts) = @_; return scalar grep { $_ eq $text } @texts }

# Whether the restart is wanted for nothing but another version of one package, so that the version before, were it
# installed again, would need none.
sub is_undone_by_version {
    my ($caller, $old) = @_;
    return 0 if !$ENV{DPKG_MAINTSCRIPT_PACKAGE} || !is_of_another_version($caller);
    return 1 if !%$old;
    return ($old->{undone_by_version} || '') eq 'true' && ($old->{package} || '') eq $ENV{DPKG_MAINTSCRIPT_PACKAGE};
}

sub is_of_another_version {
    my ($caller) = @_;
    my ($what, $version, $new) = (@{ $caller->{arguments} }, '', '', '');
    my $call = "$caller->{script} $what";
    return $version ne $new && $new ne '' if $call eq 'preinst upgrade';
    return 0 if $version eq '' || !is_one_of($call, 'postinst configure', 'prerm upgrade');
    my $on_file = version_in_status($ENV{DPKG_MAINTSCRIPT_PACKAGE});
    return defined $on_file && $on_file ne $version;
}

# As dpkg has it on file, where nothing changes before prerm has ended; what it noted last it adds to the file later.
sub version_in_status {
    my ($package) = @_;
    return if !defined $package;
    my $version;
    for my $file ("$ROOT/var/lib/dpkg/status", files("$ROOT/var/lib/dpkg/updates", qr/^[0-9]/)) {
        my $paragraph = paragraph_about($package, $file);
        $version = $1 if $paragraph =~ /^Version: (\S+)/m;
    }
    return $version;
}

# Piece by piece: the file is large, and memory that was not used yet takes time.
sub paragraph_about {
    my ($package, $file) = @_;
    my ($begin, $text) = ("\nPackage: $package\n", "\n");
    open my $status, '<', $file or return '';
    while (sysread $status, $text, 65536, length $text) {
        my $at = index $text, $begin;
        if ($at >= 0) {
            sysread $status, $text, 65536, length $text;
            return (split /\n\n/, substr($text, $at + 1), 2)[0];
        }
        $text = substr $text, -length $begin;
    }
    return '';
}

#line 6 "policy-rc.d/seldom.pl"
# --- What is seldom needed when records are written ---

# What people should know, each sentence once; deferred_restarts_info shows it. Tells the sentence as it is written.
sub trouble {
    my ($sentence) = @_;
    $sentence =~ s/[^ -~]+/ /g;
    $sentence = 'policy-rc.d: ' . substr($sentence, 0, 500);
    my $said = slurp("$RUN/policy.trouble");
    return $sentence if defined $said && (index($said, "$sentence\n") >= 0 || length $said > 16384);
    mkdir $RUN, 0755;
    open my $handle, '>>', "$RUN/policy.trouble" or return $sentence;
    syswrite $handle, "$sentence\n";
    return $sentence;
}

# The files in a folder that have such names, in order; Perl's own glob would load a module.
sub files {
    my ($folder, $names) = @_;
    opendir my $handle, $folder or return;
    return map { "$folder/$_" } sort grep { $_ =~ $names } readdir $handle;
}

sub remove_leftovers {
    my ($dir, @names) = @_;
    for my $left (@names) {
        next if $left !~ /^\.(?:last-known-.+|.+\.(?:deferred|dismissed|policy|known|links|before))\.(\d+)$/a;
        unlink "$dir/$left" if !kill 0, $1;
    }
}

sub store_elsewhere {
    my ($name, $text) = @_;
    my ($lasting, $fallback) = @RECORDS;
    return if write_file("$fallback/$name", $text);
    trouble("the record $name could be written neither to $lasting nor to $fallback");
}

sub record_name_in_full {
    my ($type, $requestor, $unit) = @_;
    s/([^\w.+])/sprintf '%%%02x', ord $1/age for $type, $requestor;
    $unit =~ s/([^\w\@:.+-])/sprintf '%%%02x', ord $1/age;
    my $name = "$type-$requestor-$unit";
    if (length $name > 220) {
        my $checksum = 5381;
        $checksum = ($checksum * 33 + $_) & 0xffffffff for unpack 'C*', $name;
        $name = substr($name, 0, 200) . sprintf '%08x', $checksum;
    }
    return "$name.deferred";
}

# A lock that hangs must not hang dpkg.
sub is_free_at_last {
    my ($lock) = @_;
    my $is_held = eval {
        local $SIG{ALRM} = sub { die "somebody else holds it\n" };
        alarm 10;
        flock $lock, 2;    # LOCK_EX
        alarm 0;
        1;
    };
    trouble("$RUN/records.lock has been held by another process for more than ten seconds: records were written without it")
        if !$is_held;
    return $is_held;
}

#line 6 "policy-rc.d/links.pl"
# --- Names that are links to others ---

# The unit that a name is a link to, or an instance of a template that is a link.
sub linked {
    my ($name) = @_;
    my $links = links();
    for (1 .. 8) {    # a name may be a link to a name that is a link, but not without end
        my ($prefix, $instance, $suffix) = $name =~ /^([^@]+@)(.+)(\.\w+)$/;
        my $next = $links->{$name} || (defined $prefix && $links->{"$prefix$suffix"}) or last;
        $next =~ s/^([^@]+@)(?=\.\w+$)/$1$instance/ if defined $prefix;
        last if $next eq $name;
        $name = $next;
    }
    return $name;
}

sub links_anew {
    my ($stamp) = @_;
    my (%seen, %folders);
    for my $dir (@UNITS) {
        opendir my $handle, $dir or next;
        next if $folders{ join ' ', (stat $dir)[0, 1] }++;
        for my $name (readdir $handle) {
            next if exists $seen{$name};
            my $target = readlink "$dir/$name";
            $seen{$name} = defined $target && $target =~ m{([^/]+\.\w+)$} && $1 ne $name ? $1 : undef;
        }
    }
    my %found = map { defined $seen{$_} ? ($_ => $seen{$_}) : () } keys %seen;
    my $text = join "\n", $stamp, map { "$_\t$found{$_}" } sort keys %found;
    write_file($LINKS, "$text\n") if $stamp ne '' && !grep { /[\t\n]/ } %found;
    return \%found;
}

#line 6 "policy-rc.d/patterns.pl"
# --- Names that are patterns or templates ---

# The instances of a template, and what either of the two matches as a pattern.
sub covers_more {
    my ($from, $to) = @_;
    return 1 if !is_of_other_type($to) && $to =~ /^([^@]+)@/ && ($from eq $1 || $from eq "$1@");
    return 1 if $from =~ /[*?\[]/ && $to =~ pattern($from);
    return $to =~ /[*?\[]/ && $from =~ pattern($to);
}

sub running {
    my ($glob) = @_;
    my $pattern = pattern($glob);
    opendir my $dir, $STARTED or return;
    my %running = map { /^invocation:(.+)/ && $1 =~ $pattern ? (substr($_, 11) => 1) : () } readdir $dir;
    my @states  = '--state=active,reloading,activating,deactivating';
    my $listed  = systemctl('list-units', '--plain', '--no-legend', @states, '--', $glob);
    $running{$_} = 1 for $listed =~ /^(\S+)/mg;
    return sort keys %running;
}

sub pattern {
    my ($glob) = @_;
    my $regex = join '', map { $_ eq '*' ? '.*' : $_ eq '?' ? '.' : /^\[(.+)\]$/s ? "[\Q$1\E]" : quotemeta }
        $glob =~ /(\[[^\]]+\]|.)/gs;
    $regex =~ s/\\-/-/g;
    $regex =~ s/\[\\[!^]/[^/g;
    return eval { qr/^$regex$/s } || qr/^\Q$glob\E$/;
}

#line 5 "policy-rc.d/actions.pl"
# --- Actions that mean others ---

our %ACTIONS_OF = (    # what an action comes down to
    'force-reload'          => ['reload', 'restart'],
    'reload-or-restart'     => ['reload', 'restart'],
    'try-reload-or-restart' => ['reload', 'try-restart'],
    'condrestart'           => ['try-restart'],
    'upgrade'               => ['upgrade', 'restart'],    # nginx's init script: a new program takes over
);

sub meanings {
    my ($action, $unit) = @_;
    my $means = $ACTIONS_OF{$action} || [$action, $action =~ /^force-(.+)/ ? $1 : ()];
    return @$means > 1 && $means->[0] eq 'reload' && can_reload($unit) ? ($action, 'reload') : ($action, @$means);
}

#line 6 "policy-rc.d/changed_policies.pl"
# --- Policies that changed ---

our @DISRUPTIVE = ('stop', 'restart', 'try-restart');

sub policy_anew {
    my ($file, $stamp, $known) = @_;
    my $text = eval { read_policy($file, slurp_own("$POLICIES/$file")) };
    return { file => $file, text => "$stamp\t$text" } if defined $text;
    # What cannot be understood still blocks what it blocked before, and whatever it names.
    my (undef, $before) = split /\t/, defined $known ? $known : "-\tunknown\t$file\n", 2;
    return { file => $file, text => "-\t$before", broken => 1, names => scalar eval { slurp_own("$POLICIES/$file") } };
}

# Whether a policy that cannot be understood has the name of a unit in it, which it may block.
sub is_named {
    my ($policy, $means, $names) = @_;
    return 0 if !defined $policy->{names};
    my %disruptive = map { $_ => 1 } @DISRUPTIVE;
    return 0 if !grep { $disruptive{$_} } @$means;
    return grep { my $name = base($_); $policy->{names} =~ /(?<![\w@.-])\Q$name\E(?![\w-])/a } @$names;
}

sub policy_of_paused {
    my @units = grep { !/[\t\n]/ } sort @_ or return;
    my $lines = join '', map { "paused\t" . plain($_) . "\t start restart try-restart reload \n" } @units;
    return { file => 'paused', path => $PAUSED, text => "-\torderly\tpaused\n$lines" };
}

sub one_line {
    my ($text) = @_;
    return 'unknown' if !defined $text || ref $text || $text eq '';
    $text =~ tr/\t\n/ /;
    return $text;
}

# The text of a policy, if it is a file that root wrote; what anybody else wrote, or links to, is not even looked at.
sub slurp_own {
    my ($file) = @_;
    my (undef, undef, $mode, undef, $owner) = lstat $file;
    defined $mode && -f _ or die "$file is not a regular file\n";
    !$owner || $owner == $> or die "$file does not belong to root\n";
    my $text = slurp($file);
    defined $text or die "$file cannot be read\n";
    return $text;
}

# What is known of a policy, but for the stamp of its file.
sub read_policy {
    my ($file, $yaml) = @_;
    my $data = parse_yaml($yaml);
    ref $data eq 'HASH' && ref $data->{blocked_actions} eq 'HASH' or die "blocked_actions is not a mapping\n";
    my $lines = '';
    for my $unit (sort keys %{ $data->{blocked_actions} }) {
        my $actions = $data->{blocked_actions}{$unit};
        $actions = \@DISRUPTIVE if !defined $actions;
        $actions = [split /[\s,]+/, $actions] if !ref $actions;
        ref $actions eq 'ARRAY' && !grep { !defined || ref } @$actions or die "actions of $unit are not names\n";
        my $names = join ' ', '', sort(@$actions), '';
        "$unit$names" =~ /[\t\n]/ || plain($unit) eq '=' and die "$unit or its actions are not names\n";
        $lines .= "$file\t" . plain($unit) . "\t$names\n";
    }
    return join("\t", map { one_line($data->{"policy_requestor_$_"}) } 'type', 'name') . "\n$lines";
}

# A line for each policy, and one for each unit that it lists, which the shell reads too.
sub remember {
    my $text = join '', map { "$_->{file}\t=\t$_->{text}" } @_;
    my $written = slurp($KNOWN);
    return if $text eq (defined $written ? $written : '');
    write_file($KNOWN, $text) or trouble("$KNOWN cannot be written: should a policy become unreadable, it blocks only what it names");
}

#line 6 "policy-rc.d/systemd.pl"
# --- What only systemd knows ---

our @ABOUT_UNITS = ('Id', 'Type', 'LoadState', 'ActiveState', 'InactiveEnterTimestamp', 'InvocationID', 'CanReload', 'Triggers');
our @TAKES_ALONG = ('RequiredBy', 'RequisiteOf', 'BoundBy', 'ConsistsOf', 'PropagatesStopTo');    # of systemd's units

my %shown;

# What systemd says of units, nothing in the place of one of which it says nothing.
sub shown {
    my @units = @_;
    my @new = grep { !exists $shown{$_} } @units;
    if (@new && -d $STARTED) {
        my @properties = (@ABOUT_UNITS, @TAKES_ALONG);
        my $text  = systemctl('show', '--property=' . join(',', @properties), '--', @new);
        my @found = map { +{ /^(\w+)=(.*)$/mg } } split /\n{2,}/, $? ? '' : $text;
        @shown{@new} = @found == @new ? @found : ();
    }
    return map { $shown{$_} } @units;
}

sub forget_shown { %shown = (); return }

sub asked_activity { my ($shown) = shown(@_); return $shown && $shown->{ActiveState} || 'unknown' }

sub asked_invocation {
    my ($unit) = @_;
    my $activity = activity($unit);
    return $activity if $activity eq 'unknown';
    return $activity =~ /^(?:inactive|failed)$/ ? undef : (shown($unit))[0]{InvocationID};
}

sub can_reload { my ($shown) = shown(@_); return $shown && ($shown->{CanReload} || '') eq 'yes' }

sub systemctl {
    my @arguments = @_;
    $? = -1;    # unless it is asked
    open my $quiet, '>&', \*STDERR or return '';
    open STDERR, '>', '/dev/null';
    my $pid = open my $handle, '-|', 'systemctl', @arguments;
    open STDERR, '>&', $quiet;
    return '' if !$pid;
    my $text = eval {
        local $SIG{ALRM} = sub { die "systemd does not answer\n" };
        alarm 10;
        my $all = join '', <$handle>;
        alarm 0;
        $all;
    };
    kill 'KILL', $pid if !defined $text;
    close $handle;
    return defined $text ? $text : '';
}

#line 6 "policy-rc.d/drags.pl"
# --- What goes down with a unit ---

# On whose account a restart waits of which systemd does not say what it takes along.
our $NO_ANSWER = { file => '', text => "-\torderly\tsystemd-does-not-answer\n", is_guess => 1 };

# Which policies block that units which run go down with this one, which no policy blocks itself.
sub verdict_by_drags {
    my ($unit, $actions, $policies) = @_;
    return { blocked_by => [], drags => [] } if !stops($unit, $actions);
    my $dragged = dragged_by($unit);
    if (!$dragged) {
        trouble("systemd does not say what it would restart together with $unit, so that waits too");
        return { blocked_by => [$NO_ANSWER], drags => [] };
    }
    my (%blocked_by, @drags);
    for my $other (@$dragged) {
        my $found = blocked_by($other, ['restart'], $policies);
        push @drags, $other if @$found;
        $blocked_by{ $_->{file} } = $_ for @$found;
    }
    return { blocked_by => [map { $blocked_by{$_} } sort keys %blocked_by], drags => \@drags };
}

# What does not run is not restarted by try-restart; but stop and restart go on to what depends on it.
sub stops {
    my ($unit, $actions) = @_;
    return if !-d $STARTED;
    my @stopping = grep { /stop|restart|force-reload|upgrade/ } @$actions;
    return (grep { !/^(?:try-|cond)/ } @stopping) || @stopping && is_running($unit);
}

sub is_running { return activity($_[0]) !~ /^(?:inactive|failed)$/ }

# The running units that systemd stops or restarts together with a unit, and those that go with them in turn, in a list;
# no list where systemd does not say.
sub dragged_by {
    my ($unit) = @_;
    my %dragged = ($unit => 1);
    for (my @level = ($unit); @level;) {
        my @shown = shown(@level);
        return if grep { !$_ } @shown;
        @level = grep { !$dragged{$_}++ } map { takes_along($_) } @shown;
    }
    delete $dragged{$unit};
    return [grep { is_running($_) } sort keys %dragged];
}

sub takes_along {
    my ($shown) = @_;
    return map { split ' ' } grep { defined } @$shown{@TAKES_ALONG}, $shown->{Id} =~ /\.socket$/ ? $shown->{Triggers} : ();
}

# A unit, and what has to be restarted together with it: systemd refuses to start a socket under its running service.
sub together {
    my ($unit) = @_;
    my ($shown) = $unit =~ /\.socket$/ ? shown($unit) : ();
    return ($unit, grep { is_running($_) } split ' ', $shown && $shown->{Triggers} || '');
}

#line 6 "policy-rc.d/commands.pl"
# --- Commands, and lists for people ---

sub command {
    my ($command, $asked) = @_;
    return dpkg_begins(policies(), paused()) if $command eq '--dpkg-begins';
    return restart_collateral(policies(), paused()) if $command eq '--restart-collateral';
    return list($asked, policies(), paused());
}

sub list {
    my ($asked, @policies) = @_;
    print "What ", readlink $CHAINED || $CHAINED, " denies is denied too.\n" if is_chained();
    return list_unit(canonical($asked), @policies) if defined $asked;
    tidy($POLICIES, $KNOWN =~ m{(.*)/}, @RECORDS, $RUN);
    print "No policy blocks anything.\n" if !@policies;
    for my $policy (@policies) {
        print join(' ', requestor($policy)), ' (', $policy->{path} || "$POLICIES/$policy->{file}", ") blocks:\n";
        print "  (the file cannot be read; it blocks what it blocked before, and whatever it names)\n" if $policy->{broken};
        for my $line (lines($policy)) {
            my (undef, $listed, $actions) = split /\t/, $line;
            print "  $listed", (is_of_other_type($listed) ? '' : '.service'), ':', (map { " $_" } split ' ', $actions), "\n";
        }
    }
    return $ALLOWED;
}

sub list_unit {
    my ($unit, @policies) = @_;
    for my $action ('start', 'stop', 'restart', 'try-restart', 'reload', 'force-reload', 'rotate', 'status') {
        my @by = map { join ' ', requestor($_) } @{ blocked_by($unit, [$action], \@policies) };
        print "$unit $action: ", (@by ? 'denied by ' . join(', ', @by) : 'allowed'), ", no fallback\n";
    }
    return $ALLOWED;
}

#line 6 "policy-rc.d/collateral.pl"
# --- Restarts that nobody forbade ---

# deb-systemd-invoke dropped these with a neighbour that must not be restarted; now, with dpkg done, they are made up for.
sub restart_collateral {
    my @policies = @_;
    tidy(@RECORDS);
    tell_if_not_asked(@policies);
    tell_what_happened(@policies);
    return $ALLOWED if !-d "$ROOT/run/systemd/system";
    my $lock = lock_records();
    my %outcomes;    # by unit: what fails is tried once, whoever had it denied
    for my $file (map { files($_, qr/^[^.].*\.deferred$/) } @RECORDS) {
        my $record = read_record($file);
        next if !$record || ($record->{collateral} || '') ne 'true' || ref $record->{actions} ne 'ARRAY';
        next if defined $record->{failed_at};
        my ($unit, $actions) = @$record{ 'unit', 'actions' };
        next if !defined $unit || $unit !~ /^[\w:.@\\-]+$/a;
        my @chained = is_chained() ? chained({ units => [] }, [[], $unit, "@$actions"], $unit) : ();
        next if is_blocked(verdict($unit, $actions, [@policies, @chained]));
        my $outcome = $outcomes{$unit} ||= make_up_for($unit, $record);
        unlink $file if $outcome eq 'done';
        write_file($file, slurp($file) . 'failed_at: ' . time . "\n") if $outcome eq 'failed';
    }
    return $ALLOWED;
}

# Tells whether that is done, has failed, or is still owed.
sub make_up_for {
    my ($unit, $record) = @_;
    my ($then, $now) = map { defined $_ ? $_ : '' } $record->{invocation_id}, invocation($unit);
    return 'owed' if $now eq 'unknown';
    return 'done' if $then ne $now && $then ne 'unknown';
    my $action = $now ne '' ? $record->{action} : (grep { /^(?:re)?start$/ } @{ $record->{actions} }) ? 'start' : '';
    return 'done' if !$action;
    if ($now eq '') {    # as Debian does it: what is disabled and does not run stays down
        my $enabled = systemctl('is-enabled', '--', $unit);
        return (shown($unit))[0]{LoadState} eq 'not-found' ? 'done' : 'owed' if $enabled eq '';
        return 'done' if $enabled !~ /enabled/;
    }
    my $failed = system { 'systemctl' } 'systemctl', '--quiet', $action, '--', $action eq 'restart' ? together($unit) : $unit;
    forget_shown();
    note_made_up($unit, $action, defined $record->{package} ? $record->{package} : '') if !$failed;
    return $failed ? 'failed' : 'done';
}

# ansible.builtin.apt with policy_rc_d, among others, puts a script of its own in the place of ours for a while.
sub tell_if_not_asked {
    return if !@_;
    my ($asked, $ours) = map { join ' ', (stat)[0, 1] } "$ROOT/usr/sbin/policy-rc.d", "$ROOT/usr/lib/orderly/policy-rc.d";
    trouble('dpkg ran while packages asked another script at /usr/sbin/policy-rc.d (ansible.builtin.apt does so with'
        . ' policy_rc_d): what it blocked is on no record, and what it did not block may have been restarted')
        if $asked ne $ours;
}

# Records that could not be written to the disk are newer than what is there.
sub merge_fallback {
    my ($lasting, $fallback) = @RECORDS;
    for my $file (files($fallback, qr/^[^.].*\.deferred$/)) {
        next if !read_record($file);
        my ($name) = $file =~ m{([^/]+)$};
        write_file("$lasting/$name", slurp($file)) or return;
        unlink $file;
    }
    rmdir $fallback;
}

#line 6 "policy-rc.d/in_spite.pl"
# --- What was started anew in spite of a policy ---

# Not everything asks: systemctl in a maintainer script does not. What ran when dpkg began is compared at its end.
our $BEFORE  = "$RUN/dpkg.before";
our $REMOVED = "$RUN/dpkg.removed";    # units that could stop with their package, and the package
our $ENDED   = "$RUN/dpkg.ended";      # units that went down while dpkg was at work, and what was told of them
our $MADE_UP = "$RUN/dpkg.made-up";    # units that were started anew at its end, when, how, and whose package wanted it

sub dpkg_begins {
    my @policies = @_;
    tell_what_happened(@policies) if is_unfinished();
    unlink $BEFORE;
    forget($REMOVED);
    forget($ENDED);
    forget($MADE_UP);
    return $ALLOWED if !@policies || !-d "$ROOT/run/systemd/system";
    my %runs = invocations(@policies);
    write_file($BEFORE, join '', map { "$_\t$runs{$_}\n" } sort keys %runs);
    return $ALLOWED;
}

# A dpkg that was killed has told nothing. What happens long after its last word is not its doing.
sub is_unfinished { return -e $BEFORE && ((stat "$ROOT/var/log/dpkg.log")[9] || time) >= time - 600 }

sub tell_what_happened {
    my @policies = @_;
    my $since   = (stat $BEFORE)[9] || time;
    my %before  = noted($BEFORE);
    my %removed = noted($REMOVED);
    my %ended   = noted($ENDED);
    my ($frontend) = grep { defined } delete $removed{frontend}, delete $ended{frontend}, frontend();
    unlink $BEFORE;
    my %all = (%before, %removed, %ended);
    return if !%all || is_restarting_since($since);
    my %now = invocations(@policies);
    for my $unit (sort keys %all) {
        if (!defined $now{$unit}) {
            my $told = defined $ended{$unit} || defined $removed{$unit} ? undef : tell_end($unit, @policies);
            $ended{$unit} = $told if defined $told;
        }
        elsif (defined $ended{$unit}) {
            take_back(delete $ended{$unit});
            tell_start($unit, @policies) if start_of($unit) >= $since;
        }
        elsif (defined $removed{$unit}) {
            tell_return($unit, $removed{$unit}, @policies);
            delete $removed{$unit};
        }
        elsif ($now{$unit} ne $before{$unit}) {
            tell_start($unit, @policies);
        }
    }
    note_again($REMOVED, $frontend, %removed);
    note_again($ENDED,   $frontend, %ended);
}

sub note_again { my ($file, $frontend, %notes) = @_; return %notes ? note($file, frontend => $frontend, %notes) : unlink $file }

sub tell_start {
    my ($unit, @policies) = @_;
    my $by   = who_blocks($unit, 'restart', @policies) or return;
    my $when = start_of($unit);
    trouble("$unit was started anew at " . in_utc($when) . ', while dpkg was at work with ' . work_at(in_local_time($when))
        . ", though $by blocks that: whoever did it did not ask");
}

sub tell_return {
    my ($unit, $package, @policies) = @_;
    my $by   = who_blocks($unit, 'restart', @policies) or return;
    return if -e "$ROOT/var/lib/dpkg/info/$package.prerm";    # which asked, and is there again: the package came back
    my $when = in_utc(start_of($unit));
    trouble("$unit was stopped when the package $package was removed, and started anew at $when, though $by blocks that:"
        . ' another package has taken it over');
}

sub tell_end {
    my ($unit, @policies) = @_;
    my $by       = who_blocks($unit, 'stop', @policies) or return;
    my $activity = activity($unit);
    my ($shown)  = shown($unit);
    return if $activity !~ /^(?:inactive|failed)$/ || ends_by_itself($shown) || -e "$ROOT/var/lib/orderly/paused/$unit";
    my ($when) = ($shown->{InactiveEnterTimestamp} || '') =~ /(\d+-\d+-\d+ \d+:\d+:\d+)/;
    return trouble("$unit ran when dpkg began and went down ($activity) while dpkg was at work with "
        . work_at($when || in_local_time(time)) . ", though $by blocks that: it ended by itself, or whoever stopped it did not ask");
}

# A script that stops a daemon of another package leaves the start to that one's own, which may come with a later dpkg.
sub went_down {
    my ($unit) = @_;
    my %ran = (noted($BEFORE), noted($ENDED));
    return defined $ran{$unit} && activity($unit) =~ /^(?:inactive|failed)$/;
}

sub take_back {
    my ($sentence) = @_;
    my $said = slurp("$RUN/policy.trouble");
    my $left = $said =~ s/^\Q$sentence\E\n//mr;
    return $left eq '' ? unlink "$RUN/policy.trouble" : $left eq $said || write_file("$RUN/policy.trouble", $left);
}

sub ends_by_itself { my ($shown) = @_; return ($shown->{Type} || '') =~ /^(?:oneshot|dbus)$/ }

# A removal in favour of another package is an upgrade under a new name: its daemon must go on.
sub removes_package {
    my ($caller, @actions) = @_;
    my ($what, $how) = (@{ $caller->{arguments} }, '', '');
    return $what eq 'remove' && $how ne 'in-favour' && !grep { !/^(?:force-)?stop$/ } @actions;
}

# Who removes a package may stop its daemon, which may come back with the package that takes its place: apt runs dpkg
# once to remove the one, and once more to install the other.
sub note_removal {
    my @units = @_;
    forget($REMOVED);
    return note($REMOVED, noted($REMOVED), frontend => frontend(), map { $_ => $ENV{DPKG_MAINTSCRIPT_PACKAGE} } @units);
}

sub forget {
    my ($file) = @_;
    my %notes = noted($file) or return;
    return if $notes{frontend} eq frontend() && (stat $file)[9] > time - 3600;
    return unlink $file;
}

# What runs dpkg, told from others that had its number before.
sub frontend {
    my $pid = getppid;
    for (1 .. 16) {
        my ($name, $parent) = contents("/proc/$pid/stat") =~ /\((.*)\) \S+ (\d+)/s or last;
        return "$parent:" . (split ' ', contents("/proc/$parent/stat") =~ s/.*\) //sr)[19] if $name eq 'dpkg';
        $pid = $parent;
    }
    return 'none';
}

# Without a trace nobody would know who started it anew. What an earlier run of apt was made up for is forgotten.
sub note_made_up {
    my ($unit, $action, $package) = @_;
    $package =~ s/[^\w.+-]//ga;
    my $for = $package eq '' ? '' : ", for $package";
    print "orderly.services: $unit: $action is done at the end of dpkg's run$for, as no policy lists it\n";
    note($MADE_UP, noted($MADE_UP), frontend => frontend(), $unit => time . " $action $package");
    return;
}

sub note { my ($file, %notes) = @_; return write_file($file, join '', map { "$_\t$notes{$_}\n" } sort keys %notes) }

sub noted { my ($file) = @_; my %notes = split /[\t\n]/, slurp($file) || ''; return %notes }

sub who_blocks {
    my ($unit, $action, @policies) = @_;
    return join ', ', map { join ' ', requestor($_) } @{ blocked_by($unit, [$action], \@policies) };
}

sub start_of { my ($unit) = @_; return (lstat "$STARTED/invocation:$unit")[9] || time }

sub in_utc { my ($when) = @_; return sprintf '%d-%02d-%02dT%02d:%02d:%02dZ', date_of(gmtime $when) }

sub in_local_time { my ($when) = @_; return sprintf '%d-%02d-%02d %02d:%02d:%02d', date_of(localtime $when) }

sub date_of { my ($second, $minute, $hour, $day, $month, $year) = @_; return ($year + 1900, $month + 1, $day, $hour, $minute, $second) }

# The units that run, and what changes with each start: services by systemd's marks, others that policies list by asking.
sub invocations {
    my @others = grep { is_of_other_type($_) && !is_pattern($_) } map { (split /\t/)[1] } map { lines($_) } @_;
    shown(@others);
    opendir my $dir, $STARTED or return;
    my @units = (@others, map { /^invocation:(.+)/ ? $1 : () } readdir $dir);
    my %runs = map { $_ => invocation($_) } @units;
    return map { defined $runs{$_} && $runs{$_} =~ /^\w+$/ && $runs{$_} ne 'unknown' ? ($_ => $runs{$_}) : () } keys %runs;
}

# Our own restarts note what they begin and what came back in this folder.
sub is_restarting_since { my $changed = (stat "$ROOT/var/lib/orderly/restarting")[9]; return $changed && $changed >= $_[0] }

# What dpkg was doing at a time, as its log writes it, which knows no less than a second.
sub work_at {
    my ($time) = @_;
    open my $log, '<', "$ROOT/var/log/dpkg.log" or return 'a package';
    seek $log, -65536, 2;
    my ($last, @then) = '';
    while (my $line = <$log>) {
        my ($at, $package) = $line =~ /^(\S+ \S+) (?:install|upgrade|configure|trigproc|remove|purge) ([^\s:]+)/ or next;
        if ($at eq $time) { push @then, $package }
        elsif ($at lt $time) { $last = $package }
    }
    my %once;
    return join(' or ', grep { length && !$once{$_}++ } $last, @then) || 'a package';
}

#line 6 "policy-rc.d/chained.pl"
# --- The script that was asked before ours came ---

# What it denies, as a policy that blocks it; nothing where it denies none of the units. What it answers besides ("not
# this action", an error, a signal) is no permission either.
sub chained {
    my ($caller, $question, @asked) = @_;
    my ($options, undef, $actions, @rest) = @$question;
    my @denied = grep { !permits($CHAINED, @$options, $_, $actions, @rest) } @asked or return;
    # Nothing waits for a start that was denied, or for logs that were not rotated.
    my $held  = join ' ', grep { /restart|stop|reload|upgrade/ } split ' ', $actions;
    my $lines = join '', map { "chained\t" . plain($_) . "\t $held \n" } map { concrete($_, $caller) } @denied;
    return { file => 'chained', text => "-\tchained\t" . one_line(readlink $CHAINED || $CHAINED) . "\n$lines" };
}

sub is_another_script {
    my ($chained, $ours) = map { join ' ', (stat)[0, 1] } $CHAINED, $0;
    return $chained ne $ours;
}

sub permits {
    my @command = @_;
    open my $told, '>&', \*STDOUT or return 0;
    open STDOUT, '>', '/dev/null';
    my $status = system { $command[0] } @command;
    open STDOUT, '>&', $told;
    return scalar grep { $status == $_ << 8 } 0, 104, 105;
}

#line 5 "policy-rc.d/yaml.pl"
# --- YAML as policies are written in it, and no more; whatever else is an error ---

sub parsed { my $data = eval { parse_yaml($_[0]) }; return ref $data eq 'HASH' ? $data : undef }

my ($SINGLE, $DOUBLE) = (qr/'(?:[^']|'')*'/, qr/"(?:[^"\\]|\\.)*"/s);
my $DEEPEST = 20;    # levels; Perl warns at a hundred

sub parse_yaml {
    my ($text) = @_;
    my @lines;
    for my $line (split /\n/, $text) {
        $line =~ s/\r$//;
        die "a line is too long\n" if length $line > 16384;
        next if $line =~ /^\s*(?:#|$)/ || $line =~ /^\.\.\.\s*$/ || (!@lines && $line =~ /^(?:%|---\s*(?:#.*)?$)/);
        die "indented with a tab\n" if $line =~ /^ *\t/;
        $line =~ /^( *)(.*\S)/;
        push @lines, [length $1, $2];
    }
    @lines or die "empty\n";
    my $value = parse_block(\@lines, $lines[0][0], 0);
    die "not understood: $lines[0][1]\n" if @lines;
    return $value;
}

sub parse_block {
    my ($lines, $indent, $depth) = @_;
    die "more than $DEEPEST levels\n" if $depth > $DEEPEST;
    return parse_sequence($lines, $indent) if $lines->[0][1] =~ /^-(?: |$)/;
    return parse_mapping($lines, $indent, $depth) if has_key($lines->[0][1]);
    return parse_inline($lines, $indent, (shift @$lines)->[1]);
}

sub parse_mapping {
    my ($lines, $indent, $depth) = @_;
    my %mapping;
    while (@$lines && $lines->[0][0] == $indent && $lines->[0][1] !~ /^-(?: |$)/) {
        my ($key, $rest) = split_key($lines->[0][1]) or die "no key: $lines->[0][1]\n";
        shift @$lines;
        die "twice: $key\n" if exists $mapping{$key};
        if ($rest ne '') { $mapping{$key} = parse_inline($lines, $indent + 1, $rest) }
        elsif (@$lines && ($lines->[0][0] > $indent || $lines->[0][0] == $indent && $lines->[0][1] =~ /^-(?: |$)/)) {
            $mapping{$key} = parse_block($lines, $lines->[0][0], $depth + 1);
        }
        else { $mapping{$key} = undef }
    }
    die "indentation: $lines->[0][1]\n" if @$lines && $lines->[0][0] > $indent;
    return \%mapping;
}

sub parse_sequence {
    my ($lines, $indent) = @_;
    my @sequence;
    while (@$lines && $lines->[0][0] == $indent && $lines->[0][1] =~ s/^-(?: +|$)//) {
        my $rest = $lines->[0][1];
        die "nested: $rest\n" if $rest =~ /^-(?: |$)/ || has_key($rest);
        shift @$lines;
        push @sequence, $rest =~ /^(?:#|$)/ ? undef : parse_inline($lines, $indent + 1, $rest);
    }
    return \@sequence;
}

sub has_key { my @pair = split_key($_[0]); return @pair > 0 }

sub split_key {
    my ($text) = @_;
    return if $text =~ /^\?\s/;
    my ($key, $rest) = $text =~ /^($SINGLE|$DOUBLE)\s*:(?: +(.*)|$)/s;
    ($key, $rest) = $text =~ /^([^\s"'\[\]{},#&*!|>%\@`](?:[^:#]|:(?=\S)|(?<=\S)#)*):(?:\s+(.*)|$)/s if !defined $key;
    return if !defined $key;
    $key =~ s/(?<!\s)\s+$//;    # one try for each run of spaces, however long
    $rest = '' if !defined $rest || $rest =~ /^#/;
    return (unquote($key), $rest);
}

# A value that begins on this line; it goes on for as long as lines are indented at least so far.
sub parse_inline {
    my ($lines, $indent, $text) = @_;
    if ($text =~ /^[\[{"']/) {
        while (@$lines && ($lines->[0][0] >= $indent || $lines->[0][1] =~ /^[\]}]/)) {
            $text =~ s/(?<!\\)\\$// or $text .= ' ';    # a line that ends so goes on without a space
            $text .= (shift @$lines)->[1];
        }
        my $value = parse_flow(\$text, 0);
        $text =~ /^\s*(?:#.*)?$/s or die "after a value: $text\n";
        return $value;
    }
    $text =~ /^[&*!|>%\@`\]},]/ and die "not understood: $text\n";
    $text =~ s/(?<!\s)\s+#.*//s;
    $text .= ' ' . (shift @$lines)->[1] while @$lines && $lines->[0][0] >= $indent;
    $text =~ /: |\s#|:$/ and die "not understood: $text\n";
    return scalar_value($text);
}

sub parse_flow {
    my ($text, $depth) = @_;
    die "more than $DEEPEST levels\n" if $depth > $DEEPEST;
    $$text =~ s/^\s+//;
    return unquote($1) if $$text =~ s/^($SINGLE|$DOUBLE)//;
    if ($$text =~ s/^\[\s*//) {
        my @items;
        until ($$text =~ s/^\]//) {
            push @items, parse_flow($text, $depth + 1);
            $$text =~ s/^\s*,\s*// || $$text =~ /^\s*\]/ or die "list not closed\n";
            $$text =~ s/^\s+//;
        }
        return \@items;
    }
    if ($$text =~ s/^\{\s*//) {
        my %items;
        until ($$text =~ s/^\}//) {
            $$text =~ s/^($SINGLE|$DOUBLE|[^\s"'\[\]{},:&*!|>%\@`]+(?::[^\s,\[\]{}:]+)*)\s*:(?=[\s\[{"']|$)\s*// or die "no key: $$text\n";
            my $key = unquote($1);
            die "twice: $key\n" if exists $items{$key};
            $items{$key} = $$text =~ /^[,}]/ ? undef : parse_flow($text, $depth + 1);
            $$text =~ s/^\s*,\s*// || $$text =~ /^\s*\}/ or die "mapping not closed\n";
            $$text =~ s/^\s+//;
        }
        return \%items;
    }
    $$text =~ s/^([^\s"'\[\]{},&*!|>%\@`#](?:[^,\[\]{}:#]|:(?=[^\s,\[\]{}])|(?<=\S)#)*)// or die "not understood: $$text\n";
    my $plain = $1;
    $plain =~ s/(?<!\s)\s+$//;
    return scalar_value($plain);
}

sub scalar_value { my ($text) = @_; return $text =~ /^(?:~|null|Null|NULL)$/ ? undef : $text }

#line 5 "policy-rc.d/yaml_quotes.pl"
# --- YAML: texts in quotes ---

sub unquote {
    my ($text) = @_;
    if ($text =~ s/^'(.*)'$/$1/s) { $text =~ s/''/'/g }
    elsif ($text =~ s/^"(.*)"$/$1/s) {
        my %escape = (n => "\n", t => "\t", r => "\r", 0 => "\0", e => "\e", a => "\a", b => "\b", f => "\f", v => "\x0b");
        $text =~ s/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/
            my ($code) = grep { defined } $1, $2, $3;
            defined $code ? encoded(hex $code) : exists $escape{$4} ? $escape{$4} : $4/gsex;
    }
    return $text;
}

sub encoded { my $character = chr($_[0] > 0x10ffff ? 0xfffd : $_[0]); utf8::encode($character); return $character }

sub yaml_quoted {
    my ($text) = @_;
    $text =~ s/(["\\])/\\$1/g;
    utf8::decode($text);
    $text =~ s/([^\x20-\x7e])/my $c = ord $1; sprintf $c < 256 ? '\\x%02x' : $c < 65536 ? '\\u%04x' : '\\U%08x', $c/ge;
    utf8::encode($text);
    return qq("$text");
}

# A value of one of our records that is not just words: a list, or a text with escapes; nothing where it is neither.
sub yaml_read_more {
    my ($text) = @_;
    my $word = qr/"(?:[^"\\]|\\.)*"|[^,"\s\[\]{}][^,"\[\]{}]*/a;
    return unquote($text) if $text =~ /^"(?:[^"\\]|\\.)*"\z/;
    my ($list) = $text =~ /^\[((?:$word)(?:, (?:$word))*)\]\z/;
    return defined $list ? [map { unquote($_) } $list =~ /($word)/g] : undef;
}


1;
__END__
END_OF_PERL
