#!/bin/sh
# `node.sh NODE`: runs a node of the example. Which network device is the public one is the engine's
# to say, and the same on every node; the configuration wants its name.
set -eu

device=$(ip -o -4 address show to 10.77.3.0/24 | sed -n '1s/^[0-9]*: *\([^ ]*\).*/\1/p')
sed "s/PUBLIC-DEVICE/$device/" /etc/holdfast/cluster.yaml > /run/holdfast/holdfast.yaml
exec holdfast run --config /run/holdfast/holdfast.yaml --node "$1"
