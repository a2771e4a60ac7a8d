#!/bin/sh
# engine.sh NAME DIRECTORY: a container engine of its own, in a network namespace NAME, with a process
# table, mounts and a control group that nobody else has. Prints "ready" when it listens on
# DIRECTORY/docker.sock. It ends when its standard input ends, however that came about, and nothing of
# it is left: neither processes nor namespaces, control groups, mounts or DIRECTORY.
name=$1
directory=$2
outlet=

clean() {
  [ -n "$outlet" ] && kill -KILL "$outlet" 2>/dev/null
  for try in $(seq 50); do
    left=$(ip netns pids "$name" 2>/dev/null)
    [ -z "$left" ] && break
    kill -KILL $left 2>/dev/null
    sleep 0.1
  done
  ip netns del "$name" 2>/dev/null
  find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2>/dev/null
  rm -rf "$directory"
}
trap clean EXIT
trap "" INT TERM HUP # inherited: what is ended here is killed

ip netns add "$name"
mkdir -p "$directory"
# The way out, for packages: a network stack in a process, so that the host's rules stay as they are.
slirp4netns --configure --mtu=1400 --disable-host-loopback --netns-type=path \
  "/run/netns/$name" outlet >"$directory/outlet.log" 2>&1 &
outlet=$!

# The first process of the new table: with it, everything in the table ends. It is told by its input.
# (`ip netns exec` would hide the control groups.)
nsenter --net="/run/netns/$name" unshare --mount --pid --fork --kill-child --mount-proc sh -c '
  name=$1 directory=$2
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 tmpfs /run
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  for try in $(seq 100); do
    ip link show outlet >/dev/null 2>&1 && break
    sleep 0.1
  done
  # Where the kernel rations real-time scheduling by control group, containers get none without this.
  realtime=
  [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] && realtime=--cpu-rt-runtime=900000
  dockerd $realtime --host "unix://$directory/docker.sock" --data-root "$directory/data" \
    --exec-root /run/docker --pidfile /run/dockerd.pid --cgroup-parent "/$name" \
    --storage-driver overlay2 --dns 10.0.2.3 >"$directory/dockerd.log" 2>&1 &
  engine=$!
  for try in $(seq 300); do
    docker --host "unix://$directory/docker.sock" version >/dev/null 2>&1 && break
    kill -0 $engine 2>/dev/null || { tail -n 20 "$directory/dockerd.log" >&2; exit 1; }
    sleep 0.1
  done
  echo ready
  cat >/dev/null
' engine "$name" "$directory"
