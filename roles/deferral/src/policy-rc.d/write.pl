# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ROOT, $RUN);

# --- Files that are written ---

# The kernel's number of fsync, by the machine that this Perl was made for.
our %FSYNC = (
    x86_64 => 74, aarch64 => 82, riscv64 => 82, loongarch64 => 82,
    i386 => 118, arm => 118, powerpc64le => 118, s390x => 118,
);

# By rename, so that at any moment there is the old file or the new one; O_SYNC and sync, so that after a power cut too.
sub write_file {
    my ($file, $text) = @_;
    my ($dir, $name) = $file =~ m{(.*)/(.*)};
    my $wanted = $dir eq "$ROOT/var/lib/orderly" ? 0700 : 0755;
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
        sync_folder($dir) if index($dir, "$ROOT/run/");
        return 1;
    }
    unlink $new;
    return 0;
}

# A process that does it takes as long as a sixth of an answer; where the number of the call is not known, there is one.
sub sync_folder {
    my ($folder) = @_;
    my ($machine) = "@INC" =~ m{/usr/lib/([a-z0-9_]+)-linux-gnu[a-z]*/perl-base};
    my $call = defined $machine ? $FSYNC{$machine} : undef;
    open my $handle, '<', $folder or return;
    system { 'sync' } 'sync', $folder if !$call || syscall $call, fileno $handle;
    return;
}

# What a process that was killed left behind: its PID ends the name.
sub tidy {
    for my $dir (@_) {
        opendir my $handle, $dir or next;
        my @hidden = grep { /^\../ && $_ ne '..' } readdir $handle;
        remove_leftovers($dir, @hidden) if @hidden;
    }
}
