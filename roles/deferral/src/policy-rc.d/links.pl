# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($LINKS, @UNITS);

# --- Links between units that changed ---

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
