# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;

# --- YAML as policies are written in it, and no more; whatever else is an error ---

sub parsed { my $data = eval { parse_yaml($_[0]) }; return ref $data eq 'HASH' ? $data : undef }

my ($SINGLE, $DOUBLE) = (qr/'(?:[^']|'')*'/, qr/"(?:[^"\\]|\\.)*"/s);
my $DEEPEST = 20;    # levels; Perl warns at a hundred

sub parse_yaml {
    my ($text) = @_;
    my @lines;
    for my $line (split /\n/, $text) {
        $line =~ s/\r$//;
        die "a line is too long\n" if length $line > 16384;
        next if $line =~ /^\s*(?:#|$)/ || $line =~ /^\.\.\.\s*$/ || (!@lines && $line =~ /^(?:%|---\s*(?:#.*)?$)/);
        die "indented with a tab\n" if $line =~ /^ *\t/;
        $line =~ /^( *)(.*\S)/;
        push @lines, [length $1, $2];
    }
    @lines or die "empty\n";
    my $value = parse_block(\@lines, $lines[0][0], 0);
    die "not understood: $lines[0][1]\n" if @lines;
    return $value;
}

sub parse_block {
    my ($lines, $indent, $depth) = @_;
    die "more than $DEEPEST levels\n" if $depth > $DEEPEST;
    return parse_sequence($lines, $indent) if $lines->[0][1] =~ /^-(?: |$)/;
    return parse_mapping($lines, $indent, $depth) if has_key($lines->[0][1]);
    return parse_inline($lines, $indent, (shift @$lines)->[1]);
}

sub parse_mapping {
    my ($lines, $indent, $depth) = @_;
    my %mapping;
    while (@$lines && $lines->[0][0] == $indent && $lines->[0][1] !~ /^-(?: |$)/) {
        my ($key, $rest) = split_key($lines->[0][1]) or die "no key: $lines->[0][1]\n";
        shift @$lines;
        die "twice: $key\n" if exists $mapping{$key};
        if ($rest ne '') { $mapping{$key} = parse_inline($lines, $indent + 1, $rest) }
        elsif (@$lines && ($lines->[0][0] > $indent || $lines->[0][0] == $indent && $lines->[0][1] =~ /^-(?: |$)/)) {
            $mapping{$key} = parse_block($lines, $lines->[0][0], $depth + 1);
        }
        else { $mapping{$key} = undef }
    }
    die "indentation: $lines->[0][1]\n" if @$lines && $lines->[0][0] > $indent;
    return \%mapping;
}

sub parse_sequence {
    my ($lines, $indent) = @_;
    my @sequence;
    while (@$lines && $lines->[0][0] == $indent && $lines->[0][1] =~ s/^-(?: +|$)//) {
        my $rest = $lines->[0][1];
        die "nested: $rest\n" if $rest =~ /^-(?: |$)/ || has_key($rest);
        shift @$lines;
        push @sequence, $rest =~ /^(?:#|$)/ ? undef : parse_inline($lines, $indent + 1, $rest);
    }
    return \@sequence;
}

sub has_key { my @pair = split_key($_[0]); return @pair > 0 }

sub split_key {
    my ($text) = @_;
    return if $text =~ /^\?\s/;
    my ($key, $rest) = $text =~ /^($SINGLE|$DOUBLE)\s*:(?: +(.*)|$)/s;
    ($key, $rest) = $text =~ /^([^\s"'\[\]{},#&*!|>%\@`](?:[^:#]|:(?=\S)|(?<=\S)#)*):(?:\s+(.*)|$)/s if !defined $key;
    return if !defined $key;
    $key =~ s/(?<!\s)\s+$//;    # one try for each run of spaces, however long
    $rest = '' if !defined $rest || $rest =~ /^#/;
    return (unquote($key), $rest);
}

# A value that begins on this line; it goes on for as long as lines are indented at least so far.
sub parse_inline {
    my ($lines, $indent, $text) = @_;
    if ($text =~ /^[\[{"']/) {
        while (@$lines && ($lines->[0][0] >= $indent || $lines->[0][1] =~ /^[\]}]/)) {
            $text =~ s/(?<!\\)\\$// or $text .= ' ';    # a line that ends so goes on without a space
            $text .= (shift @$lines)->[1];
        }
        my $value = parse_flow(\$text, 0);
        $text =~ /^\s*(?:#.*)?$/s or die "after a value: $text\n";
        return $value;
    }
    $text =~ /^[&*!|>%\@`\]},]/ and die "not understood: $text\n";
    $text =~ s/(?<!\s)\s+#.*//s;
    $text .= ' ' . (shift @$lines)->[1] while @$lines && $lines->[0][0] >= $indent;
    $text =~ /: |\s#|:$/ and die "not understood: $text\n";
    return scalar_value($text);
}

sub parse_flow {
    my ($text, $depth) = @_;
    die "more than $DEEPEST levels\n" if $depth > $DEEPEST;
    $$text =~ s/^\s+//;
    return unquote($1) if $$text =~ s/^($SINGLE|$DOUBLE)//;
    if ($$text =~ s/^\[\s*//) {
        my @items;
        until ($$text =~ s/^\]//) {
            push @items, parse_flow($text, $depth + 1);
            $$text =~ s/^\s*,\s*// || $$text =~ /^\s*\]/ or die "list not closed\n";
            $$text =~ s/^\s+//;
        }
        return \@items;
    }
    if ($$text =~ s/^\{\s*//) {
        my %items;
        until ($$text =~ s/^\}//) {
            $$text =~ s/^($SINGLE|$DOUBLE|[^\s"'\[\]{},:&*!|>%\@`]+(?::[^\s,\[\]{}:]+)*)\s*:(?=[\s\[{"']|$)\s*// or die "no key: $$text\n";
            my $key = unquote($1);
            die "twice: $key\n" if exists $items{$key};
            $items{$key} = $$text =~ /^[,}]/ ? undef : parse_flow($text, $depth + 1);
            $$text =~ s/^\s*,\s*// || $$text =~ /^\s*\}/ or die "mapping not closed\n";
            $$text =~ s/^\s+//;
        }
        return \%items;
    }
    $$text =~ s/^([^\s"'\[\]{},&*!|>%\@`#](?:[^,\[\]{}:#]|:(?=[^\s,\[\]{}])|(?<=\S)#)*)// or die "not understood: $$text\n";
    my $plain = $1;
    $plain =~ s/(?<!\s)\s+$//;
    return scalar_value($plain);
}

sub scalar_value { my ($text) = @_; return $text =~ /^(?:~|null|Null|NULL)$/ ? undef : $text }
