# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($FORMAT, $WORDS);

# --- Records that are there already ---

# The record so far, unless the unit was started again since: then that is settled, and this is a new one.
sub old_record {
    my ($now, $executables, @found) = @_;
    for my $old (@found) {
        next if grep { (defined $old->{$_} ? $old->{$_} : '') ne (defined $now->{$_} ? $now->{$_} : '') } keys %$now;
        delete @$old{ grep { ref $old->{$_} ne 'ARRAY' } 'actions', 'executables' };
        delete @$old{ grep { !defined $old->{$_} || $old->{$_} !~ /^[0-9]{1,12}$/ } 'count', 'first_timestamp' };
        my $executed_anew = ($old->{action} || '') eq 'reload' && "@{ $old->{executables} || [] }" ne "@$executables";
        return $old if !$executed_anew;
    }
    return {};
}

# What a newer version wrote stays as it is: it may mean what this one cannot know.
sub name_beside_newer {
    my ($name, @found) = @_;
    return ($name, @found) if !grep { is_newer($_) } @found;
    $name =~ s/\.deferred$/.format-$FORMAT.deferred/;
    return ($name, grep { defined && !is_newer($_) } map { read_any_record($_) } files_named($name));
}

sub is_newer { my ($record) = @_; return defined $record && defined $record->{format} && $record->{format} ne $FORMAT }

sub read_record { my $record = read_any_record($_[0]); return is_newer($record) ? undef : $record }

# Our own records are one key a line; what is laid out in another way needs more to be read.
sub read_any_record {
    my ($file) = @_;
    my (undef, undef, undef, $links, $owner) = lstat $file;
    return if !$links || !-f _ || $owner && $owner != $>;
    my $text = slurp($file);
    return if !defined $text || $text eq '';
    my %record;
    for my $line (split /\n/, $text) {
        my ($key, $value) = split /: /, $line, 2;
        return parsed($text) if !defined $value || $key =~ tr/a-z_//c;
        $record{$key} = $value eq 'null' ? undef : $value =~ $WORDS ? $value : yaml_read($value);
        return parsed($text) if !defined $record{$key} && $value ne 'null';
    }
    return \%record;
}

sub yaml_read {
    my ($text) = @_;
    return $1 if $text =~ /^"([^"\\]*)"\z/;
    return [map { tr/"//dr } split /, /, $1] if $text =~ /^\[([^\\\[\]{}']*)\]\z/;
    return yaml_read_more($text);
}
