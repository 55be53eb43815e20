# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ALLOWED, $DENIED, $CHAINED);

# --- The answer ---

sub main {
    my @question = question(@_);
    my ($options, $asked, $actions) = @question;
    return dpkg_begins(policies(), paused()) if grep { $_ eq '--dpkg-begins' } @$options;
    return restart_collateral(policies(), paused()) if grep { $_ eq '--restart-collateral' } @$options;
    return list($asked, policies(), paused()) if grep { $_ eq '--list' } @$options;
    return $ALLOWED if !defined $asked;
    # Debian's own rule asks in parentheses about units that are disabled and do not run: they stay down.
    return $DENIED if $actions =~ /^\s*\(/;
    my @policies = (policies(), paused());
    return $ALLOWED if !@policies && !is_chained();
    my $caller = caller_of_question();
    push @policies, my @chained = is_chained() ? chained($caller, \@question, $asked) : ();
    my $otherwise = @chained ? $DENIED : $ALLOWED;
    # One user's unit of the same name is none of ours; and who removes a package may stop its daemon.
    return $otherwise if grep { $_ eq '--user' } @{ $caller->{options} };
    my @actions = split ' ', $actions;
    my %verdicts = map { $_ => verdict($_, \@actions, \@policies) } concrete($asked, $caller);
    my @blocked  = grep { is_blocked($verdicts{$_}) } keys %verdicts or return $otherwise;
    if (removes_package($caller) && !grep { !/^(?:force-)?stop$/ } @actions) {
        note_removal(@blocked);
        return $otherwise;
    }
    # --query only asks, and --force goes on whatever the answer is.
    if (!grep { /^--(?:query|force)$/ } @{ $caller->{options} }) {
        eval { record_call(\@question, \@policies, $caller, \%verdicts); 1 } or trouble("no record about $asked: $@");
    }
    return $DENIED;
}

sub is_chained {
    return if $ENV{ORDERLY_ASKED} ne 'x' || !-f $CHAINED || !-x _;
    my ($chained, $ours) = map { join ' ', (stat)[0, 1] } $CHAINED, $0;
    return $chained ne $ours;
}

# Compiling takes most of an answer's time: the chapters after __DATA__ are compiled when something in them is called
# first. Each begins with the #line that says which part it is, and ends with a form feed.
my @chapters;

sub AUTOLOAD {
    our $AUTOLOAD;
    local $@;    # it may be what the function is called with
    my ($name) = $AUTOLOAD =~ /(\w+)$/;
    @chapters = do { local $/ = "\f\n"; <DATA> } if !@chapters;
    my ($chapter) = grep { index($_, "\nsub $name ") >= 0 } @chapters;
    defined $chapter && eval "$chapter; 1" or die "$name: $@";
    goto &$AUTOLOAD;
}

my $answer = eval { main(@ARGV) };
trouble($@) if !defined $answer;
exit(defined $answer ? $answer : 99);
__DATA__
