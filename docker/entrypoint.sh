#!/bin/sh
# Runs its arguments as the user `holdfast`, with those of the wanted capabilities that the container
# was given, and no other. HOLDFAST_USER=root stays root: file systems that are mounted here and
# applications that need root ask for it. Without root at the start nothing is changed.
# tini becomes the first process: it buries what an application left behind.
set -eu

user="${HOLDFAST_USER:-holdfast}"
if [ "$(id -u)" != 0 ] || [ "$user" = root ]; then
  exec tini -- "$@"
fi

# What a node asks of the kernel: addresses and packet filter, announcements, real-time scheduling.
wanted='net_admin:12 net_raw:13 sys_nice:23'
granted=$(sed -n 's/^CapPrm:[[:space:]]*//p' /proc/self/status)
kept=
for one in $wanted; do
  if [ $(( (0x$granted >> ${one#*:}) & 1 )) = 1 ]; then
    kept="$kept,+${one%:*}"
  fi
done

chown -R "$user": /run/holdfast /var/lib/holdfast
exec setpriv --reuid="$user" --regid="$user" --init-groups \
  --inh-caps="-all$kept" --ambient-caps="-all$kept" --bounding-set="-all$kept" -- tini -- "$@"
