# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($LINKS, @UNITS);

# --- Names that are links to others ---

# The unit that a name is a link to, or an instance of a template that is a link.
sub linked {
    my ($name) = @_;
    my $links = links();
    for (1 .. 8) {    # a name may be a link to a name that is a link, but not without end
        my ($prefix, $instance, $suffix) = $name =~ /^([^@]+@)(.+)(\.\w+)$/;
        my $next = $links->{$name} || (defined $prefix && $links->{"$prefix$suffix"}) or last;
        $next =~ s/^([^@]+@)(?=\.\w+$)/$1$instance/ if defined $prefix;
        last if $next eq $name;
        $name = $next;
    }
    return $name;
}

sub links_anew {
    my ($stamp) = @_;
    my (%seen, %folders);
    for my $dir (@UNITS) {
        opendir my $handle, $dir or next;
        next if $folders{ join ' ', (stat $dir)[0, 1] }++;
        for my $name (readdir $handle) {
            next if exists $seen{$name};
            my $target = readlink "$dir/$name";
            $seen{$name} = defined $target && $target =~ m{([^/]+\.\w+)$} && $1 ne $name ? $1 : undef;
        }
    }
    my %found = map { defined $seen{$_} ? ($_ => $seen{$_}) : () } keys %seen;
    my $text = join "\n", $stamp, map { "$_\t$found{$_}" } sort keys %found;
    write_file($LINKS, "$text\n") if $stamp ne '' && !grep { /[\t\n]/ } %found;
    return \%found;
}
