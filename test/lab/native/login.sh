# login.sh LUNS: in a node, one session for each LUN; leaves a block device and the link /dev/lab/lunN to it.
set -e
name=$(hostname)
mkdir -p /dev/lab $LAB_NEXUS
for l in $(seq 0 $(($1 - 1))); do
  rm -f $LAB_NEXUS/lun$l.loop
  # It stands for a driver of the kernel, which no busy process keeps waiting.
  env -u LD_PRELOAD chrt -r 3 $LAB_TOOLS/nexus iscsi://10.99.0.10/iqn.2026-01.lab:san/$((l + 1)) iqn.2026-01.lab:$name $LAB_NEXUS lun$l >>/lab/nexus.log 2>&1 &
done
for l in $(seq 0 $(($1 - 1))); do
  for i in $(seq 500); do [ -s $LAB_NEXUS/lun$l.loop ] && break; sleep 0.01; done
  # Its number in fusectl: whoever takes the power away ends the connection as well (host.ts).
  mountpoint -d $LAB_NEXUS/lun$l.file | cut -d: -f2 >/lab/lun$l.fuse
  ln -sfn /dev/loop$(cat $LAB_NEXUS/lun$l.loop) /dev/lab/lun$l
done
