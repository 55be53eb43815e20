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

sub yaml_quoted {
    my ($text) = @_;
    $text =~ s/(["\\])/\\$1/g;
    utf8::decode($text);
    $text =~ s/([^\x20-\x7e])/my $c = ord $1; sprintf $c < 256 ? '\\x%02x' : $c < 65536 ? '\\u%04x' : '\\U%08x', $c/ge;
    utf8::encode($text);
    return qq("$text");
}

# A value of one of our records that is not just words: a list, or a text with escapes; nothing where it is neither.
sub yaml_read_more {
    my ($text) = @_;
    my $word = qr/"(?:[^"\\]|\\.)*"|[^,"\s\[\]{}][^,"\[\]{}]*/a;
    return unquote($text) if $text =~ /^"(?:[^"\\]|\\.)*"\z/;
    my ($list) = $text =~ /^\[((?:$word)(?:, (?:$word))*)\]\z/;
    return defined $list ? [map { unquote($_) } $list =~ /($word)/g] : undef;
}
