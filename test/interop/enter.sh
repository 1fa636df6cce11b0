#!/bin/sh
# enter.sh MARK COMMAND...: the command in the cgroups that hold.sh made.
mark=$1
shift
for controller in /sys/fs/cgroup/*; do
  [ ! -e "$controller/$mark" ] || [ -L "$controller" ] || echo $$ >"$controller/$mark/cgroup.procs"
done
exec "$@"
