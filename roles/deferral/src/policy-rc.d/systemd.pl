# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our $STARTED;

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
