#!/bin/sh
# Makes the mounts of a room in the new namespaces that this runs in, changes into it for good, and runs a command there.
# pivot_root and not chroot: nothing of the machine is left to come back to, also for who joins a pinned namespace.
# Usage: enter ROOT COMMAND…
set -eu
root=$1
shift
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mount --rbind /sys/fs/cgroup sys/fs/cgroup
fi
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/net dev/pts dev/shm
for node in null zero full random urandom tty net/tun fuse; do
    [ -e "/dev/$node" ] || continue
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for number_name in 0stdin 1stdout 2stderr; do ln -s "/proc/self/fd/${number_name%std*}" "dev/${number_name#?}"; done
mount -t tmpfs -o mode=755 tmpfs run
mkdir -m 1777 run/lock
tries=0
until [ -e sys/class/net/tap0 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 400 ] || { echo "room: there is no network: slirp4netns did not start" >&2 && exit 1; }
    sleep 0.05
done
echo bare >proc/sys/kernel/hostname
mkdir -p .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
# The first process takes in orphans, as init does, and the namespaces end with it. Every Debian has this much Perl.
exec perl -e '
    my $child = fork // die $!;
    if (!$child) { exec @ARGV; die "$ARGV[0]: $!\n" }
    while ((my $ended = wait) != -1) {
        exit($? & 127 ? 128 + ($? & 127) : $? >> 8) if $ended == $child;
    }' "$@"
