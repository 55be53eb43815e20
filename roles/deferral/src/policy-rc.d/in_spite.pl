# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ALLOWED, $OTHER_SUFFIX, $ROOT, $RUN, $STARTED);

# --- What was started anew in spite of a policy ---

# Not everything asks: systemctl in a maintainer script does not. What ran when dpkg began is compared at its end.
our $BEFORE = "$RUN/dpkg.before";

sub dpkg_begins {
    my @policies = @_;
    unlink $BEFORE;
    return $ALLOWED if !@policies || !-d "$ROOT/run/systemd/system";
    my %runs = invocations(@policies);
    write_file($BEFORE, join '', map { "$_\t$runs{$_}\n" } sort keys %runs);
    return $ALLOWED;
}

sub tell_what_was_started {
    my @policies = @_;
    my $since = (stat $BEFORE)[9];
    my %before = split /[\t\n]/, slurp($BEFORE) || '';
    unlink $BEFORE;
    return if !%before || is_restarting_since($since);
    my %now = invocations(@policies);
    for my $unit (sort grep { defined $now{$_} && $now{$_} ne $before{$_} } keys %before) {
        my @by = map { "$_->{type} $_->{name}" } @{ blocked_by($unit, ['restart'], \@policies) } or next;
        my $when = (lstat "$STARTED/invocation:$unit")[9] || time;
        my ($second, $minute, $hour, $day, $month, $year) = gmtime $when;
        my $time = sprintf '%d-%02d-%02dT%02d:%02d:%02dZ', $year + 1900, $month + 1, $day, $hour, $minute, $second;
        trouble("$unit was started anew at $time, while dpkg was at work with " . (join(' or ', packages_at($when)) || 'a package')
            . ', though ' . join(', ', @by) . ' blocks that: whoever did it did not ask');
    }
}

# The units that run, and what changes with each start: services by systemd's marks, others that policies list by asking.
sub invocations {
    my $listed = join '', map { $_->{lines} } @_;
    my @others = grep { /$OTHER_SUFFIX/ && !is_pattern($_) } map { (split /\t/)[1] } split /\n/, $listed;
    shown(@others);
    opendir my $dir, $STARTED or return;
    my @units = (@others, map { /^invocation:(.+)/ ? $1 : () } readdir $dir);
    my %runs = map { $_ => invocation($_) } @units;
    return map { defined $runs{$_} && $runs{$_} =~ /^\w+$/ && $runs{$_} ne 'unknown' ? ($_ => $runs{$_}) : () } keys %runs;
}

# Our own restarts note what they begin and what came back in this folder.
sub is_restarting_since { my $changed = (stat "$ROOT/var/lib/orderly/restarting")[9]; return $changed && $changed >= $_[0] }

# What dpkg was doing at a time, by its log, which knows no less than a second.
sub packages_at {
    my ($when) = @_;
    open my $log, '<', "$ROOT/var/log/dpkg.log" or return;
    seek $log, -65536, 2;
    my ($second, $minute, $hour, $day, $month, $year) = localtime $when;
    my $time = sprintf '%d-%02d-%02d %02d:%02d:%02d', $year + 1900, $month + 1, $day, $hour, $minute, $second;
    my ($last, @then) = '';
    while (my $line = <$log>) {
        my ($at, $package) = $line =~ /^(\S+ \S+) (?:install|upgrade|configure|trigproc|remove|purge) ([^\s:]+)/ or next;
        if ($at eq $time) { push @then, $package }
        elsif ($at lt $time) { $last = $package }
    }
    my %once;
    return grep { length && !$once{$_}++ } $last, @then;
}
