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
