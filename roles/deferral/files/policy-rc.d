#!/bin/sh
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# policy-rc.d [--quiet] UNIT ACTIONS [RUNLEVEL]: may a package do this to this unit now?
# policy-rc.d --list: what packages may not do on this host, and who says so.
#
# Exits 0 (it may) or 101 (it may not, and the record is in /var/lib/policy-rc.d), never anything else: every other
# code makes dpkg fail or is taken for permission. It needs the shell and perl-base, which are Essential, and no Perl
# module but strict: it has to answer in the middle of any upgrade. Where Perl cannot run, the shell decides by the
# list of what was blocked when it last could.

root=''
perl=/usr/bin/perl
chained="$root/usr/lib/orderly/policy-rc.d.chained"
known="$root/var/lib/orderly/policy.known"
trouble="$root/run/orderly/policy.trouble"

PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset PERL5LIB PERL5OPT PERLLIB PERL5DB PERL_UNICODE
umask 022

chained_denies() {
    [ -x "$chained" ] && ! [ "$chained" -ef "$0" ] || return 1
    "$chained" "$@" >/dev/null
    [ $? -eq 101 ]
}

denied_without_perl() {
    while [ "${1#--}" != "$1" ]; do shift; done
    case $2 in \(*) return 0 ;; esac
    unit=${1%.service}
    unit=${unit%.sh}
    last_known_denies "$2" || return 1
    record_without_perl
    return 0
}

last_known_denies() {
    [ -r "$known" ] || return 1
    tab=$(printf '\t')
    while IFS="$tab" read -r _ listed denied; do
        case $unit in $listed | $listed@*) ;; *) continue ;; esac
        for action in $1; do
            case $action in force-reload | *-or-restart | upgrade) action=restart ;; esac
            case $denied in *" ${action#force-} "*) return 0 ;; esac
        done
    done <"$known"
    return 1
}

record_without_perl() {
    case $unit in
        *[!A-Za-z0-9@:._-]*) return ;;
        *.socket | *.target | *.timer | *.path | *.mount) ;;
        *) unit=$unit.service ;;
    esac
    for folder in "$root/var/lib/policy-rc.d" "$root/run/policy-rc.d"; do
        mkdir -p "$folder" && cat >"$folder/.last-known-$unit.$$" <<END &&
action: restart
boot_id: $(cat /proc/sys/kernel/random/boot_id)
invocation_id: "$(readlink "$root/run/systemd/units/invocation:$unit")"
policy_requestor_name: last-known
policy_requestor_type: orderly
reason: Package update
service: $unit
timestamp: $(date +%s)
END
            mv -f "$folder/.last-known-$unit.$$" "$folder/orderly-last-known-$unit.deferred" && return
    done
}

answer=0
if chained_denies "$@"; then answer=101; fi

"$perl" -x "$0" "$root" "$@"
case $? in
    10) exit $answer ;;
    101) exit 101 ;;
    *)
        mkdir -p "${trouble%/*}" && echo "policy-rc.d: Perl could not decide about: $*" >"$trouble"
        if denied_without_perl "$@"; then exit 101; fi
        exit $answer
        ;;
esac

# The shell never comes here; Perl starts at its own line. As a document the rest is no concern of sh -n either.
: <<'END_OF_PERL'
#!perl -w
use strict;

# Codes for the shell above; whatever else Perl ends with means that it could not decide.
my ($ALLOWED, $DENIED) = (10, 101);
my @DISRUPTIVE = ('stop', 'restart', 'try-restart');
my %ACTIONS_OF = (    # what an action comes down to, where it is not its own name
    'force-reload'          => ['reload', 'restart'],
    'reload-or-restart'     => ['reload', 'restart'],
    'try-reload-or-restart' => ['reload', 'try-restart'],
    'condrestart'           => ['try-restart'],
    'upgrade'               => ['upgrade', 'restart'],    # nginx's init script: a new program takes over
);

my $OTHER_SUFFIX = qr/\.(?:socket|target|timer|path|mount|automount|swap|slice|scope|device)$/;

my $ROOT     = shift @ARGV;
my $POLICIES = "$ROOT/etc/policy-rc.d";
my $KNOWN    = "$ROOT/var/lib/orderly/policy.known";
my @RECORDS  = ("$ROOT/var/lib/policy-rc.d", "$ROOT/run/policy-rc.d");    # the second one for when the first is full
my $RUN      = "$ROOT/run/orderly";
my $STARTED  = "$ROOT/run/systemd/units";
my @UNITS    = map { "$ROOT$_/systemd/system" } '/etc', '/run', '/usr/lib', '/lib';

sub main {
    my ($options, $asked, $actions) = question(@_);
    my @policies = policies();
    return list(@policies) if grep { $_ eq '--list' } @$options;
    return $ALLOWED if !defined $asked;
    # Debian's own rule asks in parentheses about units that are disabled and do not run: they stay down.
    return $DENIED if $actions =~ /^\(/;
    my $caller = caller_of_question();
    # One user's unit of the same name is none of ours; and who removes a package may stop its daemon.
    return $ALLOWED if grep { $_ eq '--user' } @{ $caller->{options} };
    my @actions = split ' ', $actions;
    return $ALLOWED if removes_package($caller) && !grep { !/^(?:force-)?stop$/ } @actions;
    my %verdicts = map { $_ => verdict($_, \@actions, \@policies) } concrete($asked, $caller);
    my @blocked = sort grep { @{ $verdicts{$_} } } keys %verdicts;
    return $ALLOWED if !@blocked;
    # --query only asks, and --force goes on whatever the answer is.
    if (!grep { /^--(?:query|force)$/ } @{ $caller->{options} }) {
        eval { record_call(\@actions, \@policies, $caller, \%verdicts); 1 } or warn $@;
    }
    return $DENIED;
}

# --- The question ---

sub question {
    my @args = @_;
    my @options;
    push @options, shift @args while @args && $args[0] =~ /^--/;
    my ($asked, $actions) = @args;
    return (\@options, $asked, defined $actions ? $actions : '');
}

# Who asks: the options and units of the command that asked, and the maintainer script that ran it, with its arguments.
sub caller_of_question {
    my %caller = (options => [], units => [], script => '', arguments => []);
    for (my ($pid, $level) = (getppid(), 0); $pid > 1 && $level < 16; $level++) {
        my @command = split /\0/, slurp("/proc/$pid/cmdline") || '';
        for my $i (grep { $_ < @command } 0 .. 3) {
            my @rest = @command[$i + 1 .. $#command];
            if ($command[$i] =~ m{(?:^|/)(invoke-rc\.d|deb-systemd-invoke)$} && !$caller{command}) {
                $caller{command} = $1;
                $caller{options} = [grep { /^--/ } @rest];
                my (undef, @units) = grep { !/^--/ } @rest;
                $caller{units} = \@units if $1 eq 'deb-systemd-invoke';
            }
            elsif ($ENV{DPKG_MAINTSCRIPT_NAME} && $command[$i] =~ m{(?:^|[/.])\Q$ENV{DPKG_MAINTSCRIPT_NAME}\E$}) {
                ($caller{script}, $caller{arguments}) = ($ENV{DPKG_MAINTSCRIPT_NAME}, \@rest);
                return \%caller;
            }
        }
        ($pid) = (slurp("/proc/$pid/stat") || '') =~ /.*\) \S+ (\d+)/s or last;
    }
    return \%caller;
}

# A removal in favour of another package is an upgrade under a new name: its daemon must go on.
sub removes_package {
    my ($caller) = @_;
    my ($what, $how) = (@{ $caller->{arguments} }, '', '');
    return $caller->{script} eq 'prerm' && $what eq 'remove' && $how ne 'in-favour';
}

# The units that a question is about: the name as systemd has it, or the running units that a pattern matches.
# The caller's shell has eaten the backslashes of escaped names, so the whole name comes from the caller's arguments.
sub concrete {
    my ($asked, $caller) = @_;
    my ($whole) = grep { plain($_) eq plain($asked) } @{ $caller->{units} };
    my $unit = canonical(defined $whole ? $whole : $asked);
    return $unit if $unit !~ /[*?\[]/;
    my $pattern = pattern($unit);
    my @running = grep { $_ =~ $pattern } running();
    return ($unit, @running);
}

sub canonical {
    my ($name) = @_;
    $name =~ s/\.sh$//;
    $name .= '.service' if $name !~ /\.service$|$OTHER_SUFFIX/;
    for my $dir (@UNITS) {
        my $target = readlink "$dir/$name";
        next if !defined $target;
        $target =~ s{.*/}{};
        return $target if $target =~ /\.\w+$/ && $target ne $name;
    }
    return $name;
}

sub running {
    opendir my $dir, $STARTED or return;
    return map { /^invocation:(.+)/ ? $1 : () } readdir $dir;
}

sub is_running { my ($unit) = @_; return defined invocation($unit) }
sub invocation { my ($unit) = @_; return readlink "$STARTED/invocation:$unit" }

# --- Policies ---

sub policies {
    my $known = known();
    my $found = opendir(my $dir, $POLICIES);
    # Where the folder has gone or cannot be read, nobody said that anything is free again.
    my @files = $found ? grep { /\.policy$/ && !/^\.|[\t\n]/ } readdir $dir : keys %$known;
    my @policies = map { policy($_, $known->{$_}) } sort @files;
    remember($known, @policies);
    return @policies;
}

# Reading YAML takes longer than all the rest: a file that has not changed since is taken as it was known.
sub policy {
    my ($file, $known) = @_;
    my $stamp = stamp("$POLICIES/$file");
    return $known if $known && $stamp ne '-' && $known->{stamp} eq $stamp;
    my $text = slurp("$POLICIES/$file");
    my $policy = eval { read_policy(defined $text ? parse_yaml($text) : undef) };
    # What cannot be understood still blocks what it blocked before, and whatever it names.
    $policy ||= { $known ? %$known : (type => 'unknown', name => $file, blocked => {}), broken => 1, text => $text };
    return { %$policy, file => $file, stamp => $policy->{broken} ? '-' : $stamp };
}

# A file of this very moment may change again without a trace in its times, so it is not taken as known.
sub stamp {
    my ($file) = @_;
    my ($inode, $size, $mtime, $ctime) = (stat $file)[1, 7, 9, 10];
    return !defined $inode || $ctime > time - 2 ? '-' : "$inode $size $mtime $ctime";
}

sub read_policy {
    my ($data) = @_;
    ref $data eq 'HASH' && ref $data->{blocked_actions} eq 'HASH' or die "blocked_actions is not a mapping\n";
    my %blocked;
    for my $unit (keys %{ $data->{blocked_actions} }) {
        my $actions = $data->{blocked_actions}{$unit};
        $actions = \@DISRUPTIVE if !defined $actions;
        $actions = [split /[\s,]+/, $actions] if !ref $actions;
        ref $actions eq 'ARRAY' && !grep { !defined || ref } @$actions or die "actions of $unit are not names\n";
        $blocked{$unit} = join ' ', '', sort(@$actions), '';
    }
    return { blocked => \%blocked, map { $_ => one_line($data->{"policy_requestor_$_"}) } 'type', 'name' };
}

sub one_line {
    my ($text) = @_;
    return 'unknown' if !defined $text || ref $text || $text eq '';
    $text =~ tr/\t\n/ /;
    return $text;
}

# Tells which policies block one of the actions on a unit, under any of the unit's names.
sub verdict {
    my ($unit, $actions, $policies) = @_;
    my @names = names_of($unit);
    return [grep { my $policy = $_; grep { policy_blocks($policy, $_, \@names) } @$actions } @$policies];
}

sub policy_blocks {
    my ($policy, $action, $names) = @_;
    my @means = meanings($action, $names->[0]);
    for my $listed (keys %{ $policy->{blocked} }) {
        next if !grep { index($policy->{blocked}{$listed}, " $_ ") >= 0 } @means;
        return 1 if grep { covers($listed, $_) } @$names;
    }
    return 0 if !$policy->{broken} || !defined $policy->{text};
    my %disruptive = map { $_ => 1 } @DISRUPTIVE;
    return 0 if !grep { $disruptive{$_} } @means;
    return grep { my $name = base($_); $policy->{text} =~ /(?<![\w@.-])\Q$name\E(?![\w-])/ } @$names;
}

sub meanings {
    my ($action, $unit) = @_;
    my $means = $ACTIONS_OF{$action} || [$action, $action =~ /^force-(.+)/ ? $1 : ()];
    return @$means > 1 && $means->[0] eq 'reload' && can_reload($unit) ? ($action, 'reload') : ($action, @$means);
}

my %can_reload;

sub can_reload {
    my ($unit) = @_;
    if (!exists $can_reload{$unit}) {
        my $pid = open my $systemctl, '-|', 'systemctl', 'show', '--property=CanReload', '--', $unit;
        $can_reload{$unit} = $pid && join('', <$systemctl>) =~ /^CanReload=yes$/m;
    }
    return $can_reload{$unit};
}

# A listed name covers a unit of that name, the instances of a template, and what either of the two, as a pattern, matches.
sub covers {
    my ($listed, $unit) = @_;
    my ($from, $to) = (plain($listed), plain($unit));
    return 1 if $from eq $to;
    return 1 if $to !~ $OTHER_SUFFIX && $to =~ /^([^@]+)@/ && ($from eq $1 || $from eq "$1@");
    return 1 if $from =~ /[*?\[]/ && $to =~ pattern($from);
    return $to =~ /[*?\[]/ && $from =~ pattern($to);
}

sub plain { my ($name) = @_; $name =~ s/\.(?:service|sh)$//; $name =~ tr/\\//d; return $name }
sub base { my ($name) = @_; $name =~ s/\.service$//; $name =~ s/@.*//; return $name }

sub pattern {
    my ($glob) = @_;
    my $regex = join '', map { $_ eq '*' ? '.*' : $_ eq '?' ? '.' : /^\[(.+)\]$/s ? "[\Q$1\E]" : quotemeta }
        $glob =~ /(\[[^\]]+\]|.)/gs;
    $regex =~ s/\\-/-/g;
    $regex =~ s/\[\\[!^]/[^/g;
    return eval { qr/^$regex$/s } || qr/^\Q$glob\E$/;
}

# All names that systemd knows a unit by: an alias is a link to the unit.
sub names_of {
    my ($unit) = @_;
    my %names = ($unit => 1);
    for my $path (@UNITS) {
        opendir my $dir, $path or next;
        for my $name (grep { /\.\w+$/ } readdir $dir) {
            my $target = readlink "$path/$name";
            $names{$name} = 1 if defined $target && $target =~ m{(?:^|/)\Q$unit\E$};
        }
    }
    delete $names{$unit};
    return ($unit, sort keys %names);
}

# --- What was known last: a line for each policy, and one for each unit that it lists, which the shell reads too ---

sub remember {
    my ($known, @policies) = @_;
    return if @policies == keys %$known && !grep { !$known->{ $_->{file} } || $_ != $known->{ $_->{file} } } @policies;
    my $text = '';
    for my $policy (@policies) {
        my ($file, $blocked) = @$policy{ 'file', 'blocked' };
        $text .= join("\t", $file, '=', @$policy{ 'stamp', 'type', 'name' }) . "\n";
        $text .= join '', map { "$file\t" . plain($_) . "\t$blocked->{$_}\n" } grep { !/[\t\n]/ } sort keys %$blocked;
    }
    my $written = slurp($KNOWN);
    return if $text eq (defined $written ? $written : '');
    mkdir "$ROOT/var/lib/orderly", 0700;
    write_file($KNOWN, $text);
}

sub known {
    my %policies;
    my $known = slurp($KNOWN);
    for my $line (split /\n/, defined $known ? $known : '') {
        my ($file, $unit, @fields) = split /\t/, $line;
        if (@fields == 3) {
            $policies{$file} = { file => $file, stamp => $fields[0], type => $fields[1], name => $fields[2], blocked => {} };
        }
        elsif (@fields == 1 && $policies{$file}) {
            $policies{$file}{blocked}{$unit} = $fields[0];
        }
    }
    return \%policies;
}

sub list {
    for my $policy (@_) {
        my $blocked = $policy->{blocked};
        print "$policy->{type} $policy->{name} ($POLICIES/$policy->{file}) blocks:\n";
        print "  (the file cannot be read; what it blocked before, and whatever it names)\n" if $policy->{broken};
        print map { "  $_:$blocked->{$_}\n" } sort keys %$blocked;
    }
    return $ALLOWED;
}

# --- Records ---

# deb-systemd-invoke drops the whole call at the first denial, so every unit of the call is recorded: those that a policy
# blocks, and under the policy that denied it those that none does.
sub record_call {
    my ($actions, $policies, $caller, $verdicts) = @_;
    my ($denied_by) = map { @{ $verdicts->{$_} } } sort keys %$verdicts;
    my %units = map { $_ => 1 } keys %$verdicts, map { concrete($_, $caller) } @{ $caller->{units} };
    my $lock = lock_records();
    for my $unit (sort grep { !/[*?\[]/ } keys %units) {
        my $blocked_by = $verdicts->{$unit} || verdict($unit, $actions, $policies);
        my $collateral = !@$blocked_by;
        # What does not run has nothing to restart; but it would have been started if it were not for the neighbour.
        next if !is_running($unit) && -d $STARTED && !($collateral && grep { /start$/ } @$actions);
        record($unit, $actions, $caller, $_, $collateral) for $collateral ? $denied_by : @$blocked_by;
    }
}

sub record {
    my ($unit, $actions, $caller, $policy, $collateral) = @_;
    my $name = record_name($policy->{type}, $policy->{name}, $unit);
    my %now  = (
        boot_id       => first_line("/proc/sys/kernel/random/boot_id"),
        invocation_id => invocation($unit),
    );
    my $old = old_record($name, \%now);
    my %actions = map { $_ => 1 } @$actions, @{ $old->{actions} || [] };
    my $before = package_before($caller);
    my %record  = (
        %now,
        action                => effective(keys %actions),
        actions               => [sort keys %actions],
        collateral            => $collateral ? 'true' : 'false',
        count                 => ($old->{count} || 0) + 1,
        executables           => [executables($unit)],
        first_timestamp       => $old->{first_timestamp} || time,
        maintainer_script     => join(' ', grep { length } $caller->{script}, @{ $caller->{arguments} }),
        package               => $ENV{DPKG_MAINTSCRIPT_PACKAGE},
        package_before        => defined $old->{package_before} ? $old->{package_before} : $before,
        policy_requestor_name => $policy->{name},
        policy_requestor_type => $policy->{type},
        reason                => 'Package update',
        service               => $unit,
        timestamp             => time,
        unit                  => $unit,
    );
    my $text = join '', map { "$_: " . yaml_value($_, $record{$_}) . "\n" } sort keys %record;
    for my $dir (@RECORDS) {
        mkdir $dir, 0755;
        next if !write_file("$dir/$name", $text);
        unlink map { "$_/$name" } grep { $_ ne $dir } @RECORDS;
        last;
    }
}

# The record so far, unless the unit was started anew since: then that is settled, and this is a new one.
sub old_record {
    my ($name, $now) = @_;
    for my $file (map { "$_/$name" } @RECORDS) {
        my $text = -l $file ? undef : slurp($file);
        my $old = defined $text ? eval { parse_yaml($text) } : undef;
        next if ref $old ne 'HASH';
        next if grep { (defined $old->{$_} ? $old->{$_} : '') ne (defined $now->{$_} ? $now->{$_} : '') } keys %$now;
        delete $old->{actions} if ref $old->{actions} ne 'ARRAY';
        delete @$old{ grep { ($old->{$_} || 0) !~ /^\d+$/ } 'count', 'first_timestamp' };
        return $old;
    }
    return {};
}

sub record_name {
    my $name = join '-', @_;
    $name =~ s/([^\w@:.+-])/sprintf '%%%02x', ord $1/ge;
    $name = substr($name, 0, 200) . unpack('%32C*', $name) if length $name > 220;
    return "$name.deferred";
}

# What has to be done to the unit in the end: a stop that was to be followed by a start is a restart.
sub effective {
    my @actions = @_;
    return 'restart' if grep { /restart|stop|force-reload|upgrade/ } @actions;
    return (grep { $_ eq 'reload' } @actions) ? 'reload' : join ' ', sort @actions;
}

sub package_before {
    my ($caller) = @_;
    my ($what, $version) = @{ $caller->{arguments} };
    return "$caller->{script} " . ($what || '') =~ /^(?:postinst configure|preinst upgrade)$/ ? $version : undef;
}

# Device and inode of the programs that a unit runs: a reload that executes a new one keeps PID and invocation id.
sub executables {
    my ($unit) = @_;
    my %running;
    for my $hierarchy ('', '/systemd', '/unified') {
        my $slice = "$ROOT/sys/fs/cgroup$hierarchy/system.slice";
        my ($template) = $unit =~ /^([^@]+)@/;
        my $group = defined $template ? "$slice/system-$template.slice/$unit" : "$slice/$unit";
        my $pids = slurp("$group/cgroup.procs");
        for my $pid (split /\n/, defined $pids ? $pids : '') {
            my ($device, $inode) = stat "/proc/$pid/exe";
            $running{"$device:$inode"} = 1 if defined $inode;
        }
    }
    return sort keys %running;
}

# Packages are configured one at a time, but nothing forbids two callers; a lock that hangs must not hang dpkg.
sub lock_records {
    mkdir $RUN, 0755;
    open my $lock, '>>', "$RUN/records.lock" or return;
    for (1 .. 300) {
        return $lock if flock $lock, 2 | 4;    # exclusive, without waiting
        select undef, undef, undef, 0.01;
    }
    return;
}

# --- Files ---

sub slurp {
    my ($file) = @_;
    return if !-f $file || -s _ > 1 << 20;
    open my $handle, '<', $file or return;
    local $/;
    return scalar <$handle>;
}

sub first_line { my ($text) = map { defined $_ ? $_ : '' } slurp($_[0]); $text =~ s/\n.*//s; return $text }

sub write_file {
    my ($file, $text) = @_;
    my ($dir, $name) = $file =~ m{(.*)/(.*)};
    my $new = "$dir/.$name.$$";
    unlink $new;
    # Nothing is synced to the disk: what is lost with a power cut is about processes that are lost with it.
    open my $handle, '>', $new or return 0;
    my $written = syswrite $handle, $text;
    return 1 if defined $written && $written == length($text) && close($handle) && rename($new, $file);
    unlink $new;
    return 0;
}

# --- YAML: what policies and records are written in, and no more; whatever else is an error ---

sub yaml_value {
    my ($key, $value) = @_;
    return '[' . join(', ', map { yaml_scalar($_) } @$value) . ']' if ref $value;
    return 'null' if !defined $value;
    return $value if $key =~ /^(?:count|timestamp|first_timestamp|collateral)$/;
    return yaml_scalar($value);
}

sub yaml_scalar {
    my ($text) = @_;
    return $text if $text =~ /^[A-Za-z][\w@.-]*(?: [A-Za-z][\w@.-]*)*$/ && $text !~ /^(?:y|n|yes|no|on|off|true|false|null)$/i;
    $text =~ s/(["\\])/\\$1/g;
    $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
    return qq("$text");
}

my ($SINGLE, $DOUBLE) = (qr/'(?:[^']|'')*'/, qr/"(?:[^"\\]|\\.)*"/s);

sub parse_yaml {
    my ($text) = @_;
    my @lines;
    for my $line (split /\n/, $text) {
        $line =~ s/\r$//;
        die "a line is too long\n" if length $line > 16384;
        next if $line =~ /^\s*(?:#|$)/ || $line =~ /^\.\.\.\s*$/ || (!@lines && $line =~ /^(?:%|---\s*(?:#.*)?$)/);
        $line =~ /^( *)(.*?)\s*$/;
        push @lines, [length $1, $2];
    }
    @lines or die "empty\n";
    my $value = parse_block(\@lines, $lines[0][0]);
    die "not understood: $lines[0][1]\n" if @lines;
    return $value;
}

sub parse_block {
    my ($lines, $indent) = @_;
    return parse_sequence($lines, $indent) if $lines->[0][1] =~ /^-(?: |$)/;
    return parse_mapping($lines, $indent) if has_key($lines->[0][1]);
    return parse_inline($lines, $indent, (shift @$lines)->[1]);
}

sub parse_mapping {
    my ($lines, $indent) = @_;
    my %mapping;
    while (@$lines && $lines->[0][0] == $indent && $lines->[0][1] !~ /^-(?: |$)/) {
        my ($key, $rest) = split_key($lines->[0][1]) or die "no key: $lines->[0][1]\n";
        shift @$lines;
        die "twice: $key\n" if exists $mapping{$key};
        if ($rest ne '') { $mapping{$key} = parse_inline($lines, $indent + 1, $rest) }
        elsif (@$lines && ($lines->[0][0] > $indent || $lines->[0][0] == $indent && $lines->[0][1] =~ /^-(?: |$)/)) {
            $mapping{$key} = parse_block($lines, $lines->[0][0]);
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
    ($key, $rest) = $text =~ /^([^\s"'\[\]{},#&*!|>%\@`](?:[^:#]|:(?=\S)|(?<=\S)#)*?)\s*:(?:\s+(.*)|$)/s if !defined $key;
    return if !defined $key;
    $rest = '' if !defined $rest || $rest =~ /^#/;
    return (unquote($key), $rest);
}

# A value that begins on this line; it goes on for as long as lines are indented at least so far.
sub parse_inline {
    my ($lines, $indent, $text) = @_;
    if ($text =~ /^[\[{"']/) {
        $text .= ' ' . (shift @$lines)->[1] while @$lines && ($lines->[0][0] >= $indent || $lines->[0][1] =~ /^[\]}]/);
        my $value = parse_flow(\$text);
        $text =~ /^\s*(?:#.*)?$/s or die "after a value: $text\n";
        return $value;
    }
    $text =~ /^[&*!|>%\@`\]},]/ and die "not understood: $text\n";
    $text =~ s/\s+#.*//s;
    $text .= ' ' . (shift @$lines)->[1] while @$lines && $lines->[0][0] >= $indent;
    $text =~ /: |\s#|:$/ and die "not understood: $text\n";
    return scalar_value($text);
}

sub parse_flow {
    my ($text) = @_;
    $$text =~ s/^\s+//;
    return unquote($1) if $$text =~ s/^($SINGLE|$DOUBLE)//;
    if ($$text =~ s/^\[\s*//) {
        my @items;
        until ($$text =~ s/^\]//) {
            push @items, parse_flow($text);
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
            $items{$key} = $$text =~ /^[,}]/ ? undef : parse_flow($text);
            $$text =~ s/^\s*,\s*// || $$text =~ /^\s*\}/ or die "mapping not closed\n";
            $$text =~ s/^\s+//;
        }
        return \%items;
    }
    $$text =~ s/^([^\s"'\[\]{},&*!|>%\@`#](?:[^,\[\]{}:#]|:(?=[^\s,\[\]{}])|(?<=\S)#)*)// or die "not understood: $$text\n";
    my $plain = $1;
    $plain =~ s/\s+$//;
    return scalar_value($plain);
}

sub scalar_value { my ($text) = @_; return $text =~ /^(?:~|null|Null|NULL)$/ ? undef : $text }

sub unquote {
    my ($text) = @_;
    if ($text =~ s/^'(.*)'$/$1/s) { $text =~ s/''/'/g }
    elsif ($text =~ s/^"(.*)"$/$1/s) {
        my %escape = (n => "\n", t => "\t", r => "\r", 0 => "\0", e => "\e", a => "\a", b => "\b");
        $text =~ s/\\(?:x([0-9a-fA-F]{2})|(.))/defined $1 ? chr hex $1 : exists $escape{$2} ? $escape{$2} : $2/gse;
    }
    return $text;
}

my $answer = eval { main(@ARGV) };
warn $@ if !defined $answer;
exit(defined $answer ? $answer : 99);
__END__
END_OF_PERL
