#!/bin/sh
# hold.sh MARK: namespaces and cgroups of their own for an engine, until standard input ends. What an engine
# mounts, spawns, adds to the network or to the cgroups is in them, and goes with them.
set -eu
mark=$1
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  # cgroup v2, and systemd perhaps, which knows processes by the machine's numbers and makes cgroups where it
  # likes. So engines' processes are the machine's, and end by cgroup.kill; containers' cgroups are looked for.
  read -r own </proc/self/cgroup
  own=/sys/fs/cgroup${own#0::}/$mark
  mkdir "$own"
  echo $$ >"$own/cgroup.procs"
  exec unshare --mount --net --fork --kill-child --propagation slave sh -c '
set -eu
# Not all of /run: the sockets of systemd and of its bus are there.
cd /run
for directory in cni containerd containers crun docker libpod netns podman runc tsrun; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=755 tmpfs "$directory"
done
for directory in /var/lib/containers /var/lib/cni /var/lib/containerd /var/lib/docker; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=755 tmpfs "$directory"
done
ip link set lo up
echo ready
cat >/dev/null'
fi
for controller in /sys/fs/cgroup/*; do
  [ -e "$controller/cgroup.procs" ] && [ ! -L "$controller" ] || continue
  mkdir "$controller/$mark"
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$controller/$file" ] || cat "$controller/$file" >"$controller/$mark/$file"
  done
  echo $$ >"$controller/$mark/cgroup.procs"
done
exec unshare --cgroup --mount --net --pid --ipc --uts --fork --kill-child --mount-proc \
  --propagation private sh -c '
set -eu
# A cgroup namespace shows in a mount that is made in it.
awk "/ - cgroup/ { split(\$0, half, \" - \"); split(half[2], type, \" \"); print type[1], \$5, type[3] }" \
  /proc/self/mountinfo | while read -r type point options; do
  umount "$point"
  mount -t "$type" -o "$options" "$type" "$point"
done
for directory in /run /var/lib/containers /var/lib/cni /var/lib/containerd /var/lib/docker; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=755 tmpfs "$directory"
done
ip link set lo up
echo ready
# This shell reaps what engines leave to it.
cat >/dev/null'
