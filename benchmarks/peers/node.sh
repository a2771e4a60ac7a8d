# node.sh WHAT TUNING NODE, in a node: starts a peer of Holdfast with an address and the small application.
set -e
what=$1 tuning=$2 me=$3 ip=10.99.3.100
mkdir -p /run/peer
cat > /run/application <<END
#!/bin/sh
HOLDFAST_NODE=$(hostname) exec /lab/answerer $ip 7000 /run/peer 20
END
chmod +x /run/application
case $what in
keepalived)
  # No quorum and no data: an address, and the application runs everywhere all the time.
  echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind
  setsid /run/application </dev/null >/dev/null 2>&1 &
  [ "$tuning" = default ] && interval=1 || interval=0.1
  cat > /run/keepalived.conf <<END
global_defs {
  vrrp_version 3
}
vrrp_instance lab {
  state BACKUP
  nopreempt
  interface eth1
  virtual_router_id 51
  priority $((110 - me))
  advert_int $interval
  virtual_ipaddress {
    $ip/24 dev eth3
  }
}
END
  keepalived --use-file=/run/keepalived.conf --pid=/run/k.pid --vrrp_pid=/run/kv.pid --dont-fork --log-console >/lab/peer.log 2>&1 &
  ;;
pacemaker)
  [ "$tuning" = default ] && times= || times="token: 150
  token_retransmits_before_loss_const: 3
  consensus: 180
  join: 30"
  mkdir -p /etc/corosync /var/log/corosync /run/corosync
  {
    printf 'totem {\n  version: 2\n  cluster_name: lab\n  transport: knet\n'
    printf '  crypto_cipher: none\n  crypto_hash: none\n  %s\n}\n' "$times"
    printf 'nodelist {\n'
    for n in 1 2 3; do
      printf '  node {\n    name: node%s\n    nodeid: %s\n' $n $n
      printf '    ring0_addr: 10.99.1.%s\n    ring1_addr: 10.99.2.%s\n  }\n' $((10 + n)) $((10 + n))
    done
    printf '}\nquorum {\n  provider: corosync_votequorum\n}\n'
    printf 'logging {\n  to_logfile: yes\n  logfile: /lab/corosync.log\n  to_syslog: no\n}\n'
  } > /etc/corosync/corosync.conf
  rm -rf /var/lib/pacemaker/cib/* /var/lib/corosync/*
  corosync
  mkdir -p /var/log/pacemaker; chown hacluster:haclient /var/log/pacemaker
  PCMK_logfile=/lab/pacemaker.log setsid pacemakerd </dev/null >/lab/peer.log 2>&1 &
  ;;
esac
