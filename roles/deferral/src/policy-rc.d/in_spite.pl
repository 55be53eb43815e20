# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ALLOWED, $ROOT, $RUN, $STARTED);

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
