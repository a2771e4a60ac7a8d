# First process of a host: its own process ids, mounts, network, name; becomes its command agent (../kernel/guest).
# Environment: lab_id, lab_share (directory of the real host), lab_state (survives power loss), lab_cgroup (the group that
# is this host's power switch), LAB_TOOLS (built programs), HOLDFAST_ROOT.
set -e
exec 1>&3 3>&-
[ "$lab_id" = 0 ] && name=storage || name=node$lab_id
b=$lab_share/machine root=$lab_share/machine/root
mkdir -p $b; mount -t tmpfs machine $b; mkdir $b/upper $b/work $root
mount -t overlay -o lowerdir=/,upperdir=$b/upper,workdir=$b/work overlay $root
mkdir -p $root/lab $root/var/lib/holdfast
for d in run tmp srv dev; do mount -t tmpfs $d $root/$d; done
mount -t proc proc $root/proc; mount -t sysfs sys $root/sys
mkdir -p $root/sys/fs/cgroup; mount -t cgroup2 cgroup $root/sys/fs/cgroup
mkdir -p $root/dev/pts $root/dev/shm $root/run/lock
mount -t devpts pts $root/dev/pts; mount -t tmpfs shm $root/dev/shm
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fuse /dev/loop-control $root/dev/
ln -s pts/ptmx $root/dev/ptmx; ln -s /proc/self/fd $root/dev/fd
# What lies below a directory that is hidden now is shown again; nothing of it can be written but the compile cache.
real=$(readlink -f $HOLDFAST_ROOT/node_modules)
mkdir -p $root$HOLDFAST_ROOT $root$real $root$LAB_TOOLS
mount --bind $HOLDFAST_ROOT $root$HOLDFAST_ROOT; mount --bind $real $root$real
mkdir -p $real/.cache/holdfast-lab; mount --bind $LAB_TOOLS $root$LAB_TOOLS
mount --bind $lab_share $root/lab; mount --bind $lab_state $root/var/lib/holdfast
cd $root; mkdir -p run/old; pivot_root . run/old; umount -l /run/old
export HOME=/root TERM=dumb PATH=$HOLDFAST_ROOT/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LAB_NEXUS=/run/nexus NODE_COMPILE_CACHE=$real/.cache/holdfast-lab
hostname $name
# The laboratory moves the cables in when it sees this process.
echo "@@CABLES 0"
read -r plugged
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
{
  echo link set lo up
  for n in 0 1 2 3; do
    echo link set eth$n up
    echo addr add 10.99.$n.$((10 + lab_id))/24 dev eth$n
  done
} | ip -batch -
[ "$lab_id" = 0 ] || export LD_PRELOAD=$LAB_TOOLS/sg-shim.so
exec sh $HOLDFAST_ROOT/test/lab/kernel/guest/agent.sh 2>/dev/null
