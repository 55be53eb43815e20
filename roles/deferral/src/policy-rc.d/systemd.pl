# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our (@ABOUT_UNITS, $STARTED, @TAKES_ALONG);

# --- What only systemd knows, and names that are patterns ---

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

sub can_reload { my ($shown) = shown(@_); return $shown && ($shown->{CanReload} || '') eq 'yes' }

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
