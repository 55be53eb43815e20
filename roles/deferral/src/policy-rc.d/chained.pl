# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($CHAINED);

# --- The script that was asked before ours came ---

# What it denies, as a policy that blocks it; nothing where it denies none of the units. What it answers besides ("not
# this action", an error, a signal) is no permission either.
sub chained {
    my ($caller, $question, @asked) = @_;
    my ($options, undef, $actions, @rest) = @$question;
    my @denied = grep { !permits($CHAINED, @$options, $_, $actions, @rest) } @asked or return;
    # Nothing waits for a start that was denied, or for logs that were not rotated.
    my $held  = join ' ', grep { /restart|stop|reload|upgrade/ } split ' ', $actions;
    my $lines = join '', map { "chained\t" . plain($_) . "\t $held \n" } map { concrete($_, $caller) } @denied;
    return { file => 'chained', text => "-\tchained\t" . one_line(readlink $CHAINED || $CHAINED) . "\n$lines" };
}

sub is_another_script {
    my ($chained, $ours) = map { join ' ', (stat)[0, 1] } $CHAINED, $0;
    return $chained ne $ours;
}

sub permits {
    my @command = @_;
    open my $told, '>&', \*STDOUT or return 0;
    open STDOUT, '>', '/dev/null';
    my $status = system { $command[0] } @command;
    open STDOUT, '>&', $told;
    return scalar grep { $status == $_ << 8 } 0, 104, 105;
}
