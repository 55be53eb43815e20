# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ALLOWED, $ROOT, @RECORDS);

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
