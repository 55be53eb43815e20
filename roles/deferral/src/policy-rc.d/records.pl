# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ROOT, @RECORDS, $RUN, $FORMAT, $WORDS);

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
