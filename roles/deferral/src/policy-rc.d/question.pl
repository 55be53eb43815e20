# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($OTHER_SUFFIX, $LINKS, $STARTED, @UNITS);

# --- The question ---

sub question {
    my @args = @_;
    my @options;
    push @options, shift @args while @args && $args[0] =~ /^--/;
    my ($asked, $actions, @rest) = @args;
    return (\@options, $asked, defined $actions ? $actions : '', @rest);
}

# Who asks: the options and units of the command that asked, and the maintainer script that ran it, with its arguments.
sub caller_of_question {
    my %caller = (options => [], units => [], script => '', arguments => []);
    for (my ($pid, $level) = (getppid(), 0); $pid > 1 && $level < 16; $level++) {
        my @command = split /\0/, contents("/proc/$pid/cmdline");
        for my $i (grep { $_ < @command } 0 .. 3) {
            my @rest = @command[$i + 1 .. $#command];
            if ($command[$i] =~ m{(?:^|/)(invoke-rc\.d|deb-systemd-invoke)$} && !$caller{command}) {
                $caller{command} = $1;
                $caller{options} = [grep { /^--/ } @rest];
                my (undef, @units) = grep { !/^--/ } @rest;
                $caller{units} = \@units if $1 eq 'deb-systemd-invoke';
            }
            elsif ($ENV{DPKG_MAINTSCRIPT_NAME} && $command[$i] =~ m{(?:^|[/.])\Q$ENV{DPKG_MAINTSCRIPT_NAME}\E$}) {
                ($caller{script}, $caller{arguments}) = ($ENV{DPKG_MAINTSCRIPT_NAME}, \@rest);
                return \%caller;
            }
        }
        last if $caller{command} && !$ENV{DPKG_MAINTSCRIPT_NAME};
        ($pid) = contents("/proc/$pid/stat") =~ /.*\) \S+ (\d+)/s or last;
    }
    return \%caller;
}

# A removal in favour of another package is an upgrade under a new name: its daemon must go on.
sub removes_package {
    my ($caller) = @_;
    my ($what, $how) = (@{ $caller->{arguments} }, '', '');
    return $caller->{script} eq 'prerm' && $what eq 'remove' && $how ne 'in-favour';
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
    $name .= '.service' if $name !~ /\.service$|$OTHER_SUFFIX/;
    my $links = links();
    for (1 .. 8) {    # a name may be a link to a name that is a link, but not without end
        my ($prefix, $instance) = $name =~ /^([^@]+@)(.+)(?=\.\w+$)/;
        my $next = $links->{$name} || (defined $prefix && $links->{ $prefix . suffix($name) }) or last;
        $next =~ s/^([^@]+@)(?=\.\w+$)/$1$instance/ if defined $prefix;
        last if $next eq $name;
        $name = $next;
    }
    return $name;
}

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
        return '' if defined $inode && is_recent($ctime);
        $stamp .= defined $inode ? "$device $inode $ctime " : 'none ';
    }
    return $stamp;
}

sub suffix { my ($name) = @_; return $name =~ /(\.\w+)$/ ? $1 : '' }

# systemd marks what it runs a process for, which is read much faster than systemd is asked. What bears no mark may run
# all the same: a socket, a timer, a unit that had another name when it was started.
sub mark { my ($unit) = @_; return readlink "$STARTED/invocation:$unit" }

# In systemd's words; "unknown" where it does not answer, which is never read as "inactive".
sub activity { my ($unit) = @_; return defined mark($unit) ? 'active' : asked_activity($unit) }

# What proves later that a unit was started anew; nothing where it does not run.
sub invocation { my ($unit) = @_; my $mark = mark($unit); return defined $mark ? $mark : asked_invocation($unit) }

sub is_running { return activity($_[0]) !~ /^(?:inactive|failed)$/ }
