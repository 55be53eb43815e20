# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ALLOWED, $POLICIES, $CHAINED, $KNOWN, @RECORDS, $RUN);

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
