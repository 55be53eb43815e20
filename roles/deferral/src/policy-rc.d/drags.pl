# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our (@TAKES_ALONG, $STARTED);

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
