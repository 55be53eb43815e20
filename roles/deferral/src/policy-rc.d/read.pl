# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;

# --- Files ---

sub slurp {
    my ($file) = @_;
    return if !-f $file || -s _ > 1 << 20;
    return contents($file);
}

sub contents {
    my ($file) = @_;
    open my $handle, '<', $file or return '';
    local $/;
    return scalar <$handle>;
}

# The files in a folder that have such names, in order; Perl's own glob would load a module.
sub files {
    my ($folder, $names) = @_;
    opendir my $handle, $folder or return;
    return map { "$folder/$_" } sort grep { $_ =~ $names } readdir $handle;
}
