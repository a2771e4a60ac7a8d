# janitor.sh NAMESPACE DIRECTORY: waits until its standard input ends, which happens when the laboratory closes it or
# dies, however it dies. Then ends what still runs in the namespace and removes both. A file "kept" spares the directory.
cat >/dev/null
# Hosts of the native laboratory: their control groups are their power.
for g in /sys/fs/cgroup/holdfast-lab-$1 /sys/fs/cgroup/unified/holdfast-lab-$1; do
  [ -d "$g" ] || continue
  echo 1 > "$g/cgroup.kill"
  # A nexus may wait for its own connection (../native/host.ts).
  for f in "$2"/*/*.fuse; do [ -e "$f" ] && echo 1 > "$2/fuse/$(cat "$f")/abort"; done 2>/dev/null
  for i in $(seq 50); do
    find "$g" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1
  done
done
for i in $(seq 50); do
  left=$(ip netns pids "$1" 2>/dev/null); [ -z "$left" ] && break
  kill -KILL $left 2>/dev/null; sleep 0.1
done
ip netns del "$1" 2>/dev/null
umount "$2/fuse" 2>/dev/null
[ -e "$2/kept" ] || rm -rf "$2"
