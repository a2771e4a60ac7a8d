# storage-down.sh: the service of the target ends in order, as `systemctl stop target` does it: everything that
# storage.sh made in configfs is taken away again, reservations and registrations in memory with it.
C=/sys/kernel/config/target; T=$C/iscsi/iqn.2026-01.lab:san/tpgt_1
echo 0 > $T/enable
for acl in $T/acls/*; do
  for lun in $acl/lun_*; do rm $lun/lun; rmdir $lun; done
  rmdir $acl
done
for lun in $T/lun/lun_*; do rm $lun/device; rmdir $lun; done
for portal in $T/np/*; do rmdir $portal; done
rmdir $T ${T%/*}
for disk in $C/core/iblock_*/lun*; do rmdir $disk ${disk%/*}; done
