# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our $STARTED;

# --- Names that are patterns or templates ---

# The instances of a template, and what either of the two matches as a pattern.
sub covers_more {
    my ($from, $to) = @_;
    return 1 if !is_of_other_type($to) && $to =~ /^([^@]+)@/ && ($from eq $1 || $from eq "$1@");
    return 1 if $from =~ /[*?\[]/ && $to =~ pattern($from);
    return $to =~ /[*?\[]/ && $from =~ pattern($to);
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
