# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our (%OTHER_TYPES, $RECENTLY, $LINKS, $STARTED, @UNITS);

# --- The question ---

sub question {
    my @args = @_;
    my @options;
    push @options, shift @args while @args && is_option($args[0]);
    my ($asked, $actions, @rest) = @args;
    return (\@options, $asked, defined $actions ? $actions : '', @rest);
}

sub is_option { return substr($_[0], 0, 2) eq '--' }

# Who asks: the options and units of the command that asked, and the maintainer script that ran it, with its arguments.
sub caller_of_question {
    my %caller = (options => [], units => [], script => '', arguments => []);
    my ($pid, $script) = (getppid, $ENV{DPKG_MAINTSCRIPT_NAME} || '');
    for (my $levels = 16; $pid > 1 && $levels; $levels--) {
        my @rest = split /\0/, contents("/proc/$pid/cmdline");
        for (1 .. 4) {    # an interpreter and its options may stand before the name
            my $word = shift @rest;
            last if !defined $word;
            my $name = substr $word, rindex($word, '/') + 1;
            if (!$caller{command} && ($name eq 'invoke-rc.d' || $name eq 'deb-systemd-invoke')) {
                $caller{command} = $name;
                $caller{options} = [grep { is_option($_) } @rest];
                my (undef, @units) = grep { !is_option($_) } @rest;
                $caller{units} = \@units if $name eq 'deb-systemd-invoke';
            }
            elsif ($script ne '' && ($name eq $script || substr($name, -1 - length $script) eq ".$script")) {
                @caller{ 'script', 'arguments' } = ($script, \@rest);
                return \%caller;
            }
        }
        last if $caller{command} && $script eq '';
        ($pid) = contents("/proc/$pid/stat") =~ /.*\) . (\d+)/s or last;
    }
    return \%caller;
}

# The units that a question is about: the name as systemd has it, or the running units that a pattern matches.
# The caller's shell has eaten the backslashes of escaped names, so the whole name comes from the caller's arguments.
sub concrete {
    my ($asked, $caller) = @_;
    my ($whole) = grep { plain($_) eq plain($asked) } @{ $caller->{units} };
    my $unit = canonical(defined $whole ? $whole : $asked);
    return is_pattern($unit) ? ($unit, running($unit)) : $unit;
}

sub is_pattern { return $_[0] =~ tr/*?[// }

sub canonical {
    my ($name) = @_;
    $name =~ s/\.sh$//;
    $name .= '.service' if substr($name, -8) ne '.service' && !is_of_other_type($name);
    return links()->{$name} || $name =~ tr/@// ? linked($name) : $name;
}

sub is_of_other_type { my ($name) = @_; return $OTHER_TYPES{ substr $name, rindex $name, '.' } }

# What systemd knows under more than one name: the other names, and the unit that each is a link to. Reading all links
# takes long, so what was found holds until one of the folders changes.
my $links;

sub links {
    return $links if $links;
    my $stamp = folders_stamp();
    my ($found_at, @found) = split /[\t\n]/, slurp($LINKS) || '';
    return $links = {@found} if $stamp ne '' && defined $found_at && $found_at eq $stamp && @found % 2 == 0;
    return $links = links_anew($stamp);
}

sub folders_stamp {
    my $stamp = '';
    for my $dir (@UNITS) {
        my ($device, $inode, $ctime) = (stat $dir)[0, 1, 10];
        return '' if defined $inode && $ctime > $RECENTLY;
        $stamp .= defined $inode ? "$device $inode $ctime " : 'none ';
    }
    return $stamp;
}

# systemd marks what it runs a process for, which is read much faster than systemd is asked. What bears no mark may run
# all the same: a socket, a timer, a unit that had another name when it was started.
sub mark { my ($unit) = @_; return readlink "$STARTED/invocation:$unit" }

# In systemd's words; "unknown" where it does not answer, which is never read as "inactive".
sub activity { my ($unit) = @_; return defined mark($unit) ? 'active' : asked_activity($unit) }

# What proves later that a unit was started anew; nothing where it does not run.
sub invocation { my ($unit) = @_; my $mark = mark($unit); return defined $mark ? $mark : asked_invocation($unit) }
