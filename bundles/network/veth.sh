#!/bin/sh
# A hook of runtime-spec: veth.sh up|down, the container's state on standard input. `up` gives the
# container's network namespace one end of a veth pair; `down` removes the host's end.
set -eu
state=$(tr -d '\n')
field() { echo "$state" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# Interface names have 15 characters at most, container ids do not.
host_end=tsr$(field id | cksum | cut -d ' ' -f 1)

case $1 in
  up)
    pid=$(field pid)
    ip link add "$host_end" type veth peer name eth0 netns "$pid"
    ip address add 169.254.77.1/30 dev "$host_end"
    ip link set "$host_end" up
    nsenter --net="/proc/$pid/ns/net" sh -c \
      'ip address add 169.254.77.2/30 dev eth0 && ip link set eth0 up'
    ;;
  down)
    # The kernel removes it with the container's namespace, before, behind or while this runs.
    ip link delete "$host_end" 2>/dev/null || [ ! -e "/sys/class/net/$host_end" ]
    ;;
esac
