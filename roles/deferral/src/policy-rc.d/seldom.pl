# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our (@RECORDS, $RUN);

# --- What is seldom needed when records are written ---

# What people should know, each sentence once; deferred_restarts_info shows it. Tells the sentence as it is written.
sub trouble {
    my ($sentence) = @_;
    $sentence =~ s/[^ -~]+/ /g;
    $sentence = 'policy-rc.d: ' . substr($sentence, 0, 500);
    my $said = slurp("$RUN/policy.trouble");
    return $sentence if defined $said && (index($said, "$sentence\n") >= 0 || length $said > 16384);
    mkdir $RUN, 0755;
    open my $handle, '>>', "$RUN/policy.trouble" or return $sentence;
    syswrite $handle, "$sentence\n";
    return $sentence;
}

# The files in a folder that have such names, in order; Perl's own glob would load a module.
sub files {
    my ($folder, $names) = @_;
    opendir my $handle, $folder or return;
    return map { "$folder/$_" } sort grep { $_ =~ $names } readdir $handle;
}

sub remove_leftovers {
    my ($dir, @names) = @_;
    for my $left (@names) {
        next if $left !~ /^\.(?:last-known-.+|.+\.(?:deferred|dismissed|policy|known|links|before))\.(\d+)$/a;
        unlink "$dir/$left" if !kill 0, $1;
    }
}

sub store_elsewhere {
    my ($name, $text) = @_;
    my ($lasting, $fallback) = @RECORDS;
    return if write_file("$fallback/$name", $text);
    trouble("the record $name could be written neither to $lasting nor to $fallback");
}

sub record_name_in_full {
    my ($type, $requestor, $unit) = @_;
    s/([^\w.+])/sprintf '%%%02x', ord $1/age for $type, $requestor;
    $unit =~ s/([^\w\@:.+-])/sprintf '%%%02x', ord $1/age;
    my $name = "$type-$requestor-$unit";
    if (length $name > 220) {
        my $checksum = 5381;
        $checksum = ($checksum * 33 + $_) & 0xffffffff for unpack 'C*', $name;
        $name = substr($name, 0, 200) . sprintf '%08x', $checksum;
    }
    return "$name.deferred";
}

# A lock that hangs must not hang dpkg.
sub is_free_at_last {
    my ($lock) = @_;
    my $is_held = eval {
        local $SIG{ALRM} = sub { die "somebody else holds it\n" };
        alarm 10;
        flock $lock, 2;    # LOCK_EX
        alarm 0;
        1;
    };
    trouble("$RUN/records.lock has been held by another process for more than ten seconds: records were written without it")
        if !$is_held;
    return $is_held;
}
