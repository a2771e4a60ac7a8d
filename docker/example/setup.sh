#!/bin/sh
# Makes the keys of three nodes (/data/nodeN) and the one configuration that serves them all
# (/etc/holdfast/cluster.yaml). What is there already stays as it is.
set -eu

file=/etc/holdfast/cluster.yaml

members=
for n in 1 2 3; do
  peer=$(holdfast identity --data-directory "/data/node$n")
  chown -R holdfast: "/data/node$n"
  members="$members
  - name: node$n
    number: $n
    peer-id: $peer
    addresses: { lan-a: \"10.77.1.1$n:7400\", lan-b: \"10.77.2.1$n:7400\" }"
done
if [ -e "$file" ]; then exit 0; fi

cat > "$file.new" <<YAML
cluster: compose
data-directory: /var/lib/holdfast
socket: /run/holdfast/holdfast.sock
# Several nodes on one machine: the patient profile.
profile: safe
interconnects: [lan-a, lan-b]
members:$members
groups:
  - name: web
    preferred: [node1]
    resources:
      - name: disk
        type: disk
        parameters:
          identity: naa.60014050000000000000000000000001
          device: "emulated:10.77.4.10:7500#0"
          adapter: emulated
      - name: service
        type: application
        needs: [disk]
        parameters:
          command: [node, /opt/holdfast/example/service.js, "8080"]
          readiness: { tcp: "127.0.0.1:8080" }
      - name: address
        type: floating-ip
        needs: [service]
        parameters:
          address: 10.77.3.100/24
          device: PUBLIC-DEVICE
YAML
mv "$file.new" "$file"
