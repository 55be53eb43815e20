# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;

# --- YAML: texts in quotes ---

sub unquote {
    my ($text) = @_;
    if ($text =~ s/^'(.*)'$/$1/s) { $text =~ s/''/'/g }
    elsif ($text =~ s/^"(.*)"$/$1/s) {
        my %escape = (n => "\n", t => "\t", r => "\r", 0 => "\0", e => "\e", a => "\a", b => "\b", f => "\f", v => "\x0b");
        $text =~ s/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/
            my ($code) = grep { defined } $1, $2, $3;
            defined $code ? encoded(hex $code) : exists $escape{$4} ? $escape{$4} : $4/gsex;
    }
    return $text;
}

sub encoded { my $character = chr($_[0] > 0x10ffff ? 0xfffd : $_[0]); utf8::encode($character); return $character }
