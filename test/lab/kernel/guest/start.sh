# Second stage, inside the overlay: name, addresses 10.99.<net>.<10+id>, the disk of its own, then the command agent.
export HOME=/root TERM=dumb HOLDFAST_ROOT PATH=$HOLDFAST_ROOT/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ "$lab_id" = 0 ] && name=storage || name=node$lab_id
echo $name > /proc/sys/kernel/hostname
# A parent interface must not answer for its macvlan's address, or clients learn the wrong MAC.
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
echo 1 > /proc/sys/kernel/sysrq
{
  echo link set lo up
  # The public interface is a bridge over the wire: of nftables this kernel has the bridge family only (no inet,
  # ip, arp, netdev), and a filter for floating addresses needs a bridge to look at. macvlan works on it too.
  echo link set vec3 name wire3; echo link add eth3 type bridge forward_delay 0 mcast_snooping 0
  echo link set wire3 master eth3 up
  for n in 0 1 2; do echo link set vec$n name eth$n; done
  for n in 0 1 2 3; do
    echo link set eth$n up
    echo addr add 10.99.$n.$((10 + lab_id))/24 dev eth$n
  done
} | ip -batch -
echo "InitiatorName=iqn.2026-01.lab:$name" > /etc/iscsi/initiatorname.iscsi
# Power loss leaves a dirty journal: the mount replays it. Nothing else of a guest survives.
mkdir -p /var/lib/holdfast && mount -t ext4 /dev/ubda /var/lib/holdfast
# Node's compile cache, shared by all guests and kept over runs: stripping types takes a guest a second at each start.
cache=$HOLDFAST_ROOT/node_modules/.cache/holdfast-lab
mkdir -p $cache && mount -t hostfs none $cache -o $cache && export NODE_COMPILE_CACHE=$cache
stty -F /dev/ttyS0 raw -echo
exec sh $HOLDFAST_ROOT/test/lab/kernel/guest/agent.sh </dev/ttyS0 >/dev/ttyS0 2>/dev/console
