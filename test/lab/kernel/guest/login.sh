# login.sh LUNS: in a node guest, iSCSI login; leaves /dev/sda, /dev/sdb, … and the sg devices beside them, and one
# link /dev/lab/lunN per LUN. Short timeouts, so that a dead SAN shows in seconds: open-iscsi's own take two minutes.
modprobe -a iscsi_tcp sd_mod sg
c=/etc/iscsi/iscsid.conf
sed -i -e 's#^iscsid.startup *=.*#iscsid.startup = /bin/true#' \
  -e 's/^node.session.timeo.replacement_timeout *=.*/node.session.timeo.replacement_timeout = 5/' \
  -e 's/^node.conn\[0\].timeo.noop_out_interval *=.*/node.conn[0].timeo.noop_out_interval = 2/' \
  -e 's/^node.conn\[0\].timeo.noop_out_timeout *=.*/node.conn[0].timeo.noop_out_timeout = 3/' $c
pidof iscsid >/dev/null || iscsid </dev/null >/dev/null 2>&1
for i in $(seq 100); do [ -e /run/iscsid.pid ] && break; sleep 0.05; done
iscsiadm -m discovery -t st -p 10.99.0.10 && iscsiadm -m node -l || exit 1
mkdir -p /dev/lab
for l in $(seq 0 $(($1 - 1))); do
  for i in $(seq 200); do
    d=$(echo /sys/bus/scsi/devices/*:$l/block/*); [ -b "/dev/${d##*/}" ] && break; sleep 0.05
  done
  [ -b "/dev/${d##*/}" ] || exit 1
  ln -sfn "/dev/${d##*/}" /dev/lab/lun$l
done
