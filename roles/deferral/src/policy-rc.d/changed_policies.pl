# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($POLICIES, $KNOWN, $PAUSED);

# --- Policies that changed ---

our @DISRUPTIVE = ('stop', 'restart', 'try-restart');

sub policy_anew {
    my ($file, $stamp, $known) = @_;
    my $text = eval { read_policy($file, slurp_own("$POLICIES/$file")) };
    return { file => $file, text => "$stamp\t$text" } if defined $text;
    # What cannot be understood still blocks what it blocked before, and whatever it names.
    my (undef, $before) = split /\t/, defined $known ? $known : "-\tunknown\t$file\n", 2;
    return { file => $file, text => "-\t$before", broken => 1, names => scalar eval { slurp_own("$POLICIES/$file") } };
}

# Whether a policy that cannot be understood has the name of a unit in it, which it may block.
sub is_named {
    my ($policy, $means, $names) = @_;
    return 0 if !defined $policy->{names};
    my %disruptive = map { $_ => 1 } @DISRUPTIVE;
    return 0 if !grep { $disruptive{$_} } @$means;
    return grep { my $name = base($_); $policy->{names} =~ /(?<![\w@.-])\Q$name\E(?![\w-])/a } @$names;
}

sub policy_of_paused {
    my @units = grep { !/[\t\n]/ } sort @_ or return;
    my $lines = join '', map { "paused\t" . plain($_) . "\t start restart try-restart reload \n" } @units;
    return { file => 'paused', path => $PAUSED, text => "-\torderly\tpaused\n$lines" };
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

# What is known of a policy, but for the stamp of its file.
sub read_policy {
    my ($file, $yaml) = @_;
    my $data = parse_yaml($yaml);
    ref $data eq 'HASH' && ref $data->{blocked_actions} eq 'HASH' or die "blocked_actions is not a mapping\n";
    my $lines = '';
    for my $unit (sort keys %{ $data->{blocked_actions} }) {
        my $actions = $data->{blocked_actions}{$unit};
        $actions = \@DISRUPTIVE if !defined $actions;
        $actions = [split /[\s,]+/, $actions] if !ref $actions;
        ref $actions eq 'ARRAY' && !grep { !defined || ref } @$actions or die "actions of $unit are not names\n";
        my $names = join ' ', '', sort(@$actions), '';
        "$unit$names" =~ /[\t\n]/ || plain($unit) eq '=' and die "$unit or its actions are not names\n";
        $lines .= "$file\t" . plain($unit) . "\t$names\n";
    }
    return join("\t", map { one_line($data->{"policy_requestor_$_"}) } 'type', 'name') . "\n$lines";
}

# A line for each policy, and one for each unit that it lists, which the shell reads too.
sub remember {
    my $text = join '', map { "$_->{file}\t=\t$_->{text}" } @_;
    my $written = slurp($KNOWN);
    return if $text eq (defined $written ? $written : '');
    write_file($KNOWN, $text) or trouble("$KNOWN cannot be written: should a policy become unreadable, it blocks only what it names");
}
