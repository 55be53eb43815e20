# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($STARTED);

# --- Names that are patterns, and what only systemd knows ---

sub running {
    opendir my $dir, $STARTED or return;
    return map { /^invocation:(.+)/ ? $1 : () } readdir $dir;
}

sub pattern {
    my ($glob) = @_;
    my $regex = join '', map { $_ eq '*' ? '.*' : $_ eq '?' ? '.' : /^\[(.+)\]$/s ? "[\Q$1\E]" : quotemeta }
        $glob =~ /(\[[^\]]+\]|.)/gs;
    $regex =~ s/\\-/-/g;
    $regex =~ s/\[\\[!^]/[^/g;
    return eval { qr/^$regex$/s } || qr/^\Q$glob\E$/;
}

my %can_reload;

sub can_reload {
    my ($unit) = @_;
    $can_reload{$unit} = systemctl('show', '--property=CanReload', '--', $unit) =~ /^CanReload=yes$/m
        if !exists $can_reload{$unit};
    return $can_reload{$unit};
}

# The units that systemd stops or restarts together with a unit, and those that go with them in turn.
sub dragged_by {
    my ($unit) = @_;
    my %dragged = ($unit => 1);
    for (my @level = ($unit); @level;) {
        my @properties = map { "--property=$_" } 'RequiredBy', 'BoundBy', 'ConsistsOf', 'PropagatesStopTo';
        my $text = systemctl('show', @properties, '--', @level);
        @level = grep { !$dragged{$_}++ } map { s/^\w+=//r } map { split ' ' } split /\n/, $text;
    }
    delete $dragged{$unit};
    return sort keys %dragged;
}

sub systemctl {
    my @arguments = @_;
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
