# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our (@DISRUPTIVE, %ACTIONS_OF, $OTHER_SUFFIX, $NO_ANSWER, $POLICIES, $KNOWN, $PAUSED, $STARTED);

# --- Policies ---

sub policies {
    my $known = known();
    my @files = keys %$known;
    if (opendir my $dir, $POLICIES) { @files = grep { /\.policy$/ && !/^\.|[\t\n]/ } readdir $dir }
    # Where the folder has gone or cannot be read, nobody said that anything is free again.
    elsif (@files) { trouble("$POLICIES cannot be read: what was blocked before stays blocked") }
    my @policies = map { policy($_, $known->{$_}) } sort @files;
    my $is_news = @policies != keys %$known || grep { !$known->{ $_->{file} } || $_ != $known->{ $_->{file} } } @policies;
    remember(@policies) if $is_news;
    return @policies;
}

# Reading YAML takes longer than all the rest: a file that has not changed since is taken as it was known.
sub policy {
    my ($file, $known) = @_;
    my $stamp = stamp("$POLICIES/$file");
    return $known if $known && $stamp ne '-' && $known->{stamp} eq $stamp;
    return policy_anew($file, $stamp, $known);
}

sub stamp {
    my ($file) = @_;
    my ($inode, $size, $mtime, $ctime) = (lstat $file)[1, 7, 9, 10];
    return !defined $inode || is_recent($ctime) ? '-' : "$inode $size $mtime $ctime";
}

# What changed this very moment may change again without a trace in its times, so it is not taken as known.
sub is_recent { return $_[0] > time - 2 }

# What an operator has paused must not start, whatever the policies say: a file for each unit, named like it.
sub paused {
    opendir my $dir, $PAUSED or return;
    my @units = sort grep { !/^\.|[\t\n]/ } readdir $dir or return;
    my $lines = join '', map { "paused\t" . plain($_) . "\t start restart try-restart reload \n" } @units;
    return { type => 'orderly', name => 'paused', file => 'paused', path => $PAUSED, lines => $lines };
}

# Tells which policies block one of the actions on a unit, and which of those that it drags along are why if not itself.
sub verdict {
    my ($unit, $actions, $policies) = @_;
    my $blocked_by = blocked_by($unit, $actions, $policies);
    return { blocked_by => $blocked_by, drags => [] } if @$blocked_by || is_pattern($unit) || !stops($unit, $actions);
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

sub is_blocked { return scalar @{ $_[0]{blocked_by} } }

sub blocked_by {
    my ($unit, $actions, $policies) = @_;
    my @names = names_of($unit);
    my %written = map { ("\t$_\t" => 1, "\t$_@\t" => 1) } map { (plain($_), base($_)) } @names;
    # Most policies have nothing to do with a unit: their lines are read only where one of its names may be in them.
    my @policies = "@names" =~ tr/*?[// ? @$policies : grep { may_cover($_, keys %written) } @$policies;
    return [grep { my $policy = $_; grep { policy_blocks($policy, $_, \@names) } @$actions } @policies];
}

sub may_cover {
    my ($policy, @written) = @_;
    return 1 if $policy->{broken} || $policy->{lines} =~ tr/*?[//;
    return scalar grep { index($policy->{lines}, $_) >= 0 } @written;
}

sub policy_blocks {
    my ($policy, $action, $names) = @_;
    my @means = meanings($action, $names->[0]);
    if (!$policy->{blocked}) {    # alpha and alpha.service are two entries of one name
        $policy->{blocked}{ $_->[1] } .= $_->[2] for map { [split /\t/] } split /\n/, $policy->{lines};
    }
    for my $listed (keys %{ $policy->{blocked} }) {
        next if !grep { index($policy->{blocked}{$listed}, " $_ ") >= 0 } @means;
        return 1 if grep { covers($listed, $_) } @$names;
    }
    return 0 if !$policy->{broken} || !defined $policy->{text};
    my %disruptive = map { $_ => 1 } @DISRUPTIVE;
    return 0 if !grep { $disruptive{$_} } @means;
    return grep { my $name = base($_); $policy->{text} =~ /(?<![\w@.-])\Q$name\E(?![\w-])/ } @$names;
}

sub meanings {
    my ($action, $unit) = @_;
    my $means = $ACTIONS_OF{$action} || [$action, $action =~ /^force-(.+)/ ? $1 : ()];
    return @$means > 1 && $means->[0] eq 'reload' && can_reload($unit) ? ($action, 'reload') : ($action, @$means);
}

# A listed name covers a unit of that name, the instances of a template, and what either of the two, as a pattern, matches.
sub covers {
    my ($listed, $unit) = @_;
    my ($from, $to) = (plain($listed), plain($unit));
    return 1 if $from eq $to;
    return 1 if $to !~ $OTHER_SUFFIX && $to =~ /^([^@]+)@/ && ($from eq $1 || $from eq "$1@");
    return 1 if $from =~ /[*?\[]/ && $to =~ pattern($from);
    return $to =~ /[*?\[]/ && $from =~ pattern($to);
}

sub plain { my ($name) = @_; $name =~ s/\.(?:service|sh)$//; $name =~ tr/\\//d; return $name }
sub base { my ($name) = @_; $name =~ s/\.service$//; $name =~ s/@.*//; return $name }

# All names that systemd knows a unit by.
sub names_of {
    my ($unit) = @_;
    return ($unit, grep { $_ ne $unit && canonical($_) eq $unit } sort keys %{ links() });
}

# --- What was known last: a line for each policy, and one for each unit that it lists, which the shell reads too ---

sub known {
    my (undef, @fields) = split /^([^\t\n]+)\t=\t(.*)\t(.*)\t(.*)\n/m, slurp($KNOWN) || '', -1;
    my %policies;
    while (my ($file, $stamp, $type, $name, $lines) = splice @fields, 0, 5) {
        $policies{$file} = { file => $file, stamp => $stamp, type => $type, name => $name, lines => $lines };
    }
    return \%policies;
}
