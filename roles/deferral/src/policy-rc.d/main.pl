# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ALLOWED, $DENIED, $CHAINED);

# --- The answer ---

sub main {
    my @question = question(@_);
    my ($options, $asked, $actions) = @question;
    my ($command) = grep { index(' --dpkg-begins --restart-collateral --list ', " $_ ") >= 0 } @$options;
    return command($command, $asked) if defined $command;
    return $ALLOWED if !defined $asked;
    # Debian's own rule asks in parentheses about units that are disabled and do not run: they stay down.
    return $DENIED if $actions =~ /^\s*\(/;
    my $is_chained = is_chained();
    my @policies = (policies(), paused());
    return $ALLOWED if !@policies && !$is_chained;
    my $caller = caller_of_question();
    push @policies, my @chained = $is_chained ? chained($caller, \@question, $asked) : ();
    my $otherwise = @chained ? $DENIED : $ALLOWED;
    my $how = " @{ $caller->{options} } ";
    # One user's unit of the same name is none of ours; and who removes a package may stop its daemon.
    return $otherwise if index($how, ' --user ') >= 0;
    my @actions = split ' ', $actions;
    my %verdicts = map { $_ => verdict($_, \@actions, \@policies) } concrete($asked, $caller);
    my @blocked  = grep { is_blocked($verdicts{$_}) } keys %verdicts or return $otherwise;
    if ($caller->{script} eq 'prerm' && removes_package($caller, @actions)) {
        note_removal(@blocked);
        return $otherwise;
    }
    # --query only asks, and --force goes on whatever the answer is.
    return $DENIED if index($how, ' --query ') >= 0 || index($how, ' --force ') >= 0;
    eval { record_call(\@question, \@policies, $caller, \%verdicts); 1 } or trouble("no record about $asked: $@");
    return $DENIED;
}

sub is_chained {
    return if $ENV{ORDERLY_ASKED} ne 'x' || !-f $CHAINED || !-x _;
    return is_another_script();
}

# Compiling takes most of an answer's time: the chapters after __DATA__ are read and compiled when something in them is
# called first. Each begins with the #line that says which part it is, and ends with a form feed; what is called most
# often comes first.
my @chapters;

sub AUTOLOAD {
    our $AUTOLOAD;
    local $@;    # it may be what the function is called with
    my $name = substr $AUTOLOAD, length 'main::';
    my $chapter = chapter_with("\nsub $name ");
    defined $chapter && eval "$chapter; 1" or die "$name: ", $chapter ? $@ : "is in no chapter\n";
    goto &$AUTOLOAD;
}

sub chapter_with {
    my ($head) = @_;
    local $. = 0;    # an error does not say up to where DATA was read
    local $/ = "\f";
    for (@chapters) { return $_ if index($_, $head) >= 0 }
    while (defined(my $next = <DATA>)) {
        push @chapters, $next;
        return $next if index($next, $head) >= 0;
    }
    return;
}

my $answer = eval { main(@ARGV) };
trouble($@) if !defined $answer;
exit(defined $answer ? $answer : 99);
__DATA__
