# storage.sh NODES LUNS: in the storage guest, a LIO iSCSI target that exports /dev/ubdb, /dev/ubdc, … to node1..nodeN.
# configfs only. LIO writes its APTPL records below /etc/target, which lies on the guest's own disk; LIO never reads
# them back: that is user space's task (targetcli does it elsewhere), so it is done here before a LUN is exported.
set -e
nodes=$1 luns=$2
# LIO does not fsync its APTPL file; a real array answers a REGISTER only when it is durable. So: a synchronous mount.
mount -o remount,sync /var/lib/holdfast
mkdir -p /var/lib/holdfast/target/pr /var/lib/holdfast/target/alua /etc/target
mount --bind /var/lib/holdfast/target /etc/target
modprobe -a target_core_mod target_core_iblock iscsi_target_mod
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
C=/sys/kernel/config/target; T=$C/iscsi/iqn.2026-01.lab:san/tpgt_1
mkdir -p ${T%/*}; mkdir -p $T
echo 0 > $T/attrib/authentication
for l in $(seq 0 $((luns - 1))); do
  D=$C/core/iblock_$l/lun$l; mkdir -p $D
  letter=$(printf 'bcdefghijklmnop' | cut -c$((l + 1)))
  # NAA of page 83h takes the first 25 hexadecimal digits of the serial: the LUN's number comes first.
  serial=$(printf '%08xa5e0000000000000486f6c64' $l)
  echo udev_path=/dev/ubd$letter > $D/control; echo $serial > $D/wwn/vpd_unit_serial; echo 1 > $D/enable
  for a in emulate_tpu emulate_tpws; do echo 0 > $D/attrib/$a; done
  saved=/etc/target/pr/aptpl_$serial
  if [ -s $saved ]; then
    registration=
    while read -r line; do case $line in
      PR_REG_START:*) registration= ;;
      PR_REG_END:*) printf %s "$registration" > $D/pr/res_aptpl_metadata ;;
      *) registration=${registration:+$registration,}$line ;;
    esac; done < $saved
  fi
  mkdir -p $T/lun/lun_$l; ln -s $D $T/lun/lun_$l/device
done
for n in $(seq 1 "$nodes"); do
  acl=$T/acls/iqn.2026-01.lab:node$n; mkdir -p $acl
  for l in $(seq 0 $((luns - 1))); do mkdir -p $acl/lun_$l; ln -s $T/lun/lun_$l $acl/lun_$l/lun; done
done
mkdir -p $T/np/10.99.0.10:3260
echo 1 > $T/enable
