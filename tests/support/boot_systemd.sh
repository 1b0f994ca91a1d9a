#!/bin/sh
# Usage: boot_systemd.sh WORK SOURCE PACKAGES, as process 1 of new mount, process, UTS, IPC and cgroup namespaces.
# Becomes systemd on a copy-on-write view of this machine's files: what happens there is gone with the namespace. SOURCE
# and PACKAGES (the checkout, and what it imports) are seen there as /opt/source and /opt/packages. Devices are those any
# container has, the kernel's settings are read-only, the network is this machine's.
set -eu
work=$1 source=$2 packages=$3 root=$1/root
mount -t tmpfs none "$work"
mkdir "$work/upper" "$work/inner" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/inner" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/dev"
for name in null zero full random urandom tty; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
mkdir -p "$root/opt/source" "$root/opt/packages"
mount --bind "$source" "$root/opt/source"
mount --bind "$packages" "$root/opt/packages"
rm -f "$root/etc/systemd/system/comatrix.service"
rm -rf "$root/etc/comatrix" "$root/var/lib/comatrix"
exec chroot "$root" /usr/bin/env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --show-status=0
