#!/bin/busybox sh
# First stage of a guest: / is the host's over hostfs, read-only. Lays a tmpfs overlay on it and goes there.
# The kernel command line gives, as environment: lab_id, lab_share (a directory of the host), HOLDFAST_ROOT.
b=/bin/busybox; export PATH=/usr/sbin:/usr/bin:/sbin:/bin
$b mount -t proc proc /proc
modules=/usr/lib/uml/modules/$($b uname -r)
$b insmod $modules/kernel/fs/overlayfs/overlay.ko
o=$lab_share/overlay; root=$o/root
$b mount -t tmpfs tmpfs $o; $b mkdir $o/upper $o/work $root
$b mount -t overlay -o lowerdir=/,upperdir=$o/upper,workdir=$o/work overlay $root
$b mount -t proc proc $root/proc; $b mount -t sysfs sys $root/sys; $b mount -t devtmpfs dev $root/dev
$b mkdir -p $root/dev/pts $root/dev/shm $root/lib/modules $root/lab
$b mount -t devpts pts $root/dev/pts
for d in dev/shm run var/tmp tmp; do $b mount -t tmpfs tmpfs $root/$d; done
# A repository below one of these is hidden now: it is shown again.
[ -e $root$HOLDFAST_ROOT/package.json ] || {
  $b mkdir -p $root$HOLDFAST_ROOT; $b mount -r -t hostfs none $root$HOLDFAST_ROOT -o $HOLDFAST_ROOT
}
$b mkdir -p $root/run/lock; $b ln -s $modules $root/lib/modules/
# The one writable way out: commands, their outputs and the daemon's log. Written through, so it survives power loss.
$b mount -t hostfs none $root/lab -o $lab_share
exec $b chroot $root /bin/sh $HOLDFAST_ROOT/test/lab/kernel/guest/start.sh
