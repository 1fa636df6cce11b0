#!/bin/sh
# Makes a root file system from Debian's static busybox: make-rootfs.sh [DIRECTORY]
# (default: rootfs beside this script, which the sample bundles share). An existing one is left as it is.
set -eu
here=$(CDPATH= cd "$(dirname "$0")" && pwd)
root=${1:-$here/rootfs}

busybox=$(command -v busybox || true)
if [ -z "$busybox" ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "make-rootfs.sh: busybox is missing: install the package busybox-static" >&2
    exit 1
  fi
  apt-get update -q >&2 && apt-get install -y -q --no-install-recommends busybox-static >&2
  busybox=$(command -v busybox)
fi
# A dynamic busybox would start nowhere: its loader is not in the new root.
if ldd "$busybox" >/dev/null 2>&1; then
  echo "make-rootfs.sh: $busybox is not static: install the package busybox-static" >&2
  exit 1
fi

# What the bundles write to; nothing in it is kept.
if [ $# = 0 ]; then
  for name in one two; do
    mkdir -p "$here/overlay-$name/changes/upper" "$here/overlay-$name/changes/work"
  done
  mkdir -p "$here/hooks/log"
fi

[ ! -e "$root/bin/busybox" ] || exit 0
umask 022
mkdir -p "$root"
cd "$root"
mkdir -p bin etc home dev proc sys run tmp var/tmp var/log mnt srv root usr/local/bin usr/local/sbin
chmod 1777 tmp var/tmp
chmod 700 root
for link in sbin usr/bin usr/sbin; do
  case $link in
    usr/*) ln -sfn ../bin "$link" ;;
    *) ln -sfn bin "$link" ;;
  esac
done
cp "$busybox" bin/busybox.new
chmod 755 bin/busybox.new
# One process: four hundred of ln take minutes in an emulated machine.
"$busybox" --list | perl -lne 'next if $_ eq "busybox"; unlink "bin/$_"; symlink "busybox", "bin/$_" or die "bin/$_: $!"'
printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'daemon:x:1:1:daemon:/:/bin/false' \
  'user:x:1000:1000:user:/home:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/false' >etc/passwd
printf '%s\n' 'root:x:0:' 'daemon:x:1:' 'tty:x:5:' 'user:x:1000:' 'nogroup:x:65534:' >etc/group
printf '%s\n' '127.0.0.1 localhost' '::1 localhost' >etc/hosts
echo tsrun >etc/hostname
: >etc/resolv.conf
# Last, so that an interrupted run is done again.
mv bin/busybox.new bin/busybox
