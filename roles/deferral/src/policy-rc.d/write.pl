# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ROOT, $RUN);

# --- Files that are written ---

# By rename, so that at any moment there is the old file or the new one; O_SYNC and sync, so that after a power cut too.
sub write_file {
    my ($file, $text) = @_;
    my ($dir, $name) = $file =~ m{(.*)/(.*)};
    my $wanted = $dir =~ m{/var/lib/orderly$} ? 0700 : 0755;
    mkdir $dir, $wanted;
    my (undef, undef, $mode, undef, $owner) = lstat $dir;
    return 0 if !defined $mode || !-d _ || $owner && $owner != $>;    # somebody else's, or a link that leads elsewhere
    chmod $wanted, $dir if ($mode & 07777) != $wanted;
    tidy($dir);
    my $new = "$dir/." . substr($name, 0, 230) . ".$$";
    unlink $new;
    sysopen my $handle, $new, 04010301 or return 0;    # O_SYNC | O_EXCL | O_CREAT | O_WRONLY
    my $written = syswrite $handle, $text;
    if (defined $written && $written == length($text) && close($handle) && rename($new, $file)) {
        system { 'sync' } 'sync', $dir if $dir !~ m{^\Q$ROOT\E/run/};
        return 1;
    }
    unlink $new;
    return 0;
}

# What a process that was killed left behind: its PID ends the name.
sub tidy {
    for my $dir (@_) {
        opendir my $handle, $dir or next;
        for my $left (readdir $handle) {
            next if $left !~ /^\.(?:last-known-.+|.+\.(?:deferred|dismissed|policy|known|links|before))\.(\d+)$/a;
            unlink "$dir/$left" if !kill 0, $1;
        }
    }
}

# What people should know, each sentence once; deferred_restarts_info shows it.
sub trouble {
    my ($sentence) = @_;
    $sentence =~ s/[^ -~]+/ /g;
    $sentence = 'policy-rc.d: ' . substr($sentence, 0, 500);
    my $said = slurp("$RUN/policy.trouble");
    return if defined $said && (index($said, "$sentence\n") >= 0 || length $said > 16384);
    mkdir $RUN, 0755;
    open my $handle, '>>', "$RUN/policy.trouble" or return;
    syswrite $handle, "$sentence\n";
}
