# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($POLICIES, $KNOWN, $PAUSED, $RECENTLY, $STARTED);

# --- Policies ---

sub policies {
    my $known = known();
    my @files = sort keys %$known;
    if (opendir my $dir, $POLICIES) { @files = sort grep { /^[^.].*\.policy$/ && !tr/\t\n// } readdir $dir }
    # Where the folder has gone or cannot be read, nobody said that anything is free again.
    elsif (@files) { trouble("$POLICIES cannot be read: what was blocked before stays blocked") }
    my ($is_news, @policies) = @files != keys %$known;
    for my $file (@files) {
        my ($text, $stamp) = ($known->{$file}, stamp("$POLICIES/$file"));
        # Reading YAML takes longer than all the rest: a file that has not changed since is taken as it was known.
        my $is_known = defined $text && $stamp ne '-' && index($text, "$stamp\t") == 0;
        push @policies, $is_known ? { file => $file, text => $text } : policy_anew($file, $stamp, $text);
        $is_news = 1 if !$is_known;
    }
    remember(@policies) if $is_news;
    return @policies;
}

sub stamp {
    my ($inode, $size, $mtime, $ctime) = (lstat $_[0])[1, 7, 9, 10];
    return !defined $inode || $ctime > $RECENTLY ? '-' : "$inode $size $mtime $ctime";
}

# What an operator has paused must not start, whatever the policies say: a file for each unit, named like it.
sub paused {
    opendir my $dir, $PAUSED or return;
    my @units = grep { !/^\./ } readdir $dir or return;
    return policy_of_paused(@units);
}

# Tells which policies block one of the actions on a unit, and which of those that it drags along are why if not itself.
sub verdict {
    my ($unit, $actions, $policies) = @_;
    my $blocked_by = blocked_by($unit, $actions, $policies);
    $blocked_by = blocked_by($unit, ['start'], $policies) if @$blocked_by && means_start($unit, $actions);
    # A start takes nothing down.
    return { blocked_by => $blocked_by, drags => [] } if @$blocked_by || is_pattern($unit) || "@$actions" eq 'start';
    return verdict_by_drags($unit, $actions, $policies);
}

# Whether a restart would but start the unit: a script stopped it in this run of dpkg or the one before, without asking.
sub means_start {
    my ($unit, $actions) = @_;
    return !-l "$STARTED/invocation:$unit" && "@$actions" =~ /start/ && went_down($unit);
}

sub is_blocked { return scalar @{ $_[0]{blocked_by} } }

sub blocked_by {
    my ($unit, $actions, $policies) = @_;
    my @names = names_of($unit);
    # Most policies have nothing to do with a unit: they are read only where one of its names, or a pattern, is in them.
    my @written  = map { my $base = base($_); ("\t" . plain($_) . "\t", "\t$base\t", "\t$base@\t") } @names;
    my $is_any   = "@names" =~ tr/*?[//;
    my @policies = grep {
        my $text = $_->{text};
        $is_any || $_->{broken} || grep { index($text, $_) >= 0 } @written, '*', '?', '['
    } @$policies;
    return [grep { my $policy = $_; grep { policy_blocks($policy, $_, \@names) } @$actions } @policies];
}

sub policy_blocks {
    my ($policy, $action, $names) = @_;
    my @means = index(' start stop reload restart try-restart ', " $action ") >= 0 ? $action : meanings($action, $names->[0]);
    for my $line (lines($policy)) {
        my (undef, $listed, $blocked) = split /\t/, $line;
        return 1 if (grep { index($blocked, " $_ ") >= 0 } @means) && grep { covers($listed, plain($_)) } @$names;
    }
    return $policy->{broken} && is_named($policy, \@means, $names);
}

# A listed name covers the unit of that name.
sub covers {
    my ($listed, $unit) = @_;
    return $listed eq $unit || "$listed$unit" =~ tr/*?[@// && covers_more($listed, $unit);
}

sub plain { my ($name) = @_; $name =~ s/\.(?:service|sh)$//; $name =~ tr/\\//d; return $name }
sub base { my ($name) = @_; $name =~ s/\.service$//; $name =~ s/@.*//; return $name }

# All names that systemd knows a unit by.
sub names_of {
    my ($unit) = @_;
    return ($unit, grep { $_ ne $unit && canonical($_) eq $unit } sort keys %{ links() });
}

# --- What was known last: a line for each policy, and one for each unit that it lists, which the shell reads too ---

# By the name of the file: its stamp, type and name of the requestor, and then the lines.
sub known {
    my %known;
    my ($file, @parts) = split /\t=\t/, slurp($KNOWN) || '';    # each ends with the name of the file of the next
    for my $part (@parts) {
        my $next = rindex($part, "\n") + 1;
        $known{$file} = substr $part, 0, $next;
        $file = substr $part, $next;
    }
    return \%known;
}

sub requestor { return (split /[\t\n]/, $_[0]{text}, 4)[1, 2] }

sub lines { my (undef, @lines) = split /\n/, $_[0]{text}; return @lines }
