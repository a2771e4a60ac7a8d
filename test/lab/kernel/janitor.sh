# janitor.sh NAMESPACE DIRECTORY: waits until its standard input ends, which happens when the laboratory closes it or
# dies, however it dies. Then ends what still runs in the namespace and removes both. A file "kept" spares the directory.
cat >/dev/null
for i in $(seq 50); do
  left=$(ip netns pids "$1" 2>/dev/null); [ -z "$left" ] && break
  kill -KILL $left 2>/dev/null; sleep 0.1
done
ip netns del "$1" 2>/dev/null
[ -e "$2/kept" ] || rm -rf "$2"
