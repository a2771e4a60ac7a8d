# Command agent. A line "ID" on the serial line: run /lab/ID.sh in a subshell, its output to /lab/ID.out, then say
# "@@ID STATUS". Commands run side by side; texts of any size travel by file, so the line carries a few bytes only.
echo "@@READY 0"
while read -r id; do
  ( ( . /lab/$id.sh ) </dev/null >/lab/$id.out 2>&1; echo "@@$id $?" ) &
done
