# target.sh LUNS SIZE_MB: in the storage host, an iSCSI target whose disks lie in memory, as behind a battery.
# tgt knows persistent reservations in part: no PREEMPT AND ABORT, no APTPL. Holdfast then resets the logical unit.
set -e
luns=$1 size=$2
mkdir -p /run/luns; mount -t tmpfs luns /run/luns
# It stands for an array with processors of its own.
chrt -r 3 tgtd -f -t 1 >/lab/target.log 2>&1 &
for i in $(seq 200); do tgtadm --op show --mode sys >/dev/null 2>&1 && break; sleep 0.01; done
T="tgtadm --lld iscsi"
$T --op new --mode target --tid 1 -T iqn.2026-01.lab:san
for l in $(seq 0 $((luns - 1))); do
  truncate -s ${size}M /run/luns/lun$l
  $T --op new --mode logicalunit --tid 1 --lun $((l + 1)) -b /run/luns/lun$l
done
$T --op bind --mode target --tid 1 -I ALL
