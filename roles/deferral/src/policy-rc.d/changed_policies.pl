# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($POLICIES, $KNOWN, $PAUSED);

# --- Policies that changed ---

our @DISRUPTIVE = ('stop', 'restart', 'try-restart');

sub policy_anew {
    my ($file, $stamp, $known) = @_;
    my $policy = eval { read_policy(slurp_own("$POLICIES/$file")) };
    # What cannot be understood still blocks what it blocked before, and whatever it names.
    my $text = $policy ? '' : eval { slurp_own("$POLICIES/$file") };
    $policy ||= { $known ? %$known : (type => 'unknown', name => $file, lines => ''), broken => 1, text => $text };
    $policy->{lines} = join '', map { "$file\t$_\n" } split /\n/, $policy->{own_lines} if defined $policy->{own_lines};
    return { %$policy, file => $file, stamp => $policy->{broken} ? '-' : $stamp };
}

# Whether a policy that cannot be understood has the name of a unit in it, which it may block.
sub is_named {
    my ($policy, $means, $names) = @_;
    return 0 if !defined $policy->{text};
    my %disruptive = map { $_ => 1 } @DISRUPTIVE;
    return 0 if !grep { $disruptive{$_} } @$means;
    return grep { my $name = base($_); $policy->{text} =~ /(?<![\w@.-])\Q$name\E(?![\w-])/a } @$names;
}

sub policy_of_paused {
    my @units = grep { !/[\t\n]/ } sort @_ or return;
    my $lines = join '', map { "paused\t" . plain($_) . "\t start restart try-restart reload \n" } @units;
    return { type => 'orderly', name => 'paused', file => 'paused', path => $PAUSED, lines => $lines };
}

sub one_line {
    my ($text) = @_;
    return 'unknown' if !defined $text || ref $text || $text eq '';
    $text =~ tr/\t\n/ /;
    return $text;
}

# The text of a policy, if it is a file that root wrote; what anybody else wrote, or links to, is not even looked at.
sub slurp_own {
    my ($file) = @_;
    my (undef, undef, $mode, undef, $owner) = lstat $file;
    defined $mode && -f _ or die "$file is not a regular file\n";
    !$owner || $owner == $> or die "$file does not belong to root\n";
    my $text = slurp($file);
    defined $text or die "$file cannot be read\n";
    return $text;
}

sub read_policy {
    my $data = parse_yaml($_[0]);
    ref $data eq 'HASH' && ref $data->{blocked_actions} eq 'HASH' or die "blocked_actions is not a mapping\n";
    my $lines = '';
    for my $unit (sort keys %{ $data->{blocked_actions} }) {
        my $actions = $data->{blocked_actions}{$unit};
        $actions = \@DISRUPTIVE if !defined $actions;
        $actions = [split /[\s,]+/, $actions] if !ref $actions;
        ref $actions eq 'ARRAY' && !grep { !defined || ref } @$actions or die "actions of $unit are not names\n";
        my $names = join ' ', '', sort(@$actions), '';
        "$unit$names" =~ /[\t\n]/ || plain($unit) eq '=' and die "$unit or its actions are not names\n";
        $lines .= plain($unit) . "\t$names\n";
    }
    return { own_lines => $lines, map { $_ => one_line($data->{"policy_requestor_$_"}) } 'type', 'name' };
}

# A line for each policy, and one for each unit that it lists, which the shell reads too.
sub remember {
    my $text = join '', map { join("\t", $_->{file}, '=', @$_{ 'stamp', 'type', 'name' }) . "\n$_->{lines}" } @_;
    my $written = slurp($KNOWN);
    return if $text eq (defined $written ? $written : '');
    write_file($KNOWN, $text) or trouble("$KNOWN cannot be written: should a policy become unreadable, it blocks only what it names");
}
