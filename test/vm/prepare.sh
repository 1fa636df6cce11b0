# Sourced by run: what every boot shares is made once and kept in the cache: a kernel with its modules and
# the initramfs, and the layer of files laid over this machine's root. Kernel, busybox and AppArmor are
# downloaded by apt, verified as apt does, and unpacked; they are not installed.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tsrun/vm
mkdir -p "$cache" || exit 125
cache=$(cd "$cache" && pwd -P)
suite=${kernel%-cloud}
flavour=amd64
[ "$suite" = "$kernel" ] || flavour=cloud-amd64
kernel_directory=$cache/kernel-$kernel # vmlinux, initrd.cpio, modules/
contents=$(cat "$here/prepare.sh" "$here"/guest/* | sha256sum) # what is made of other files is made anew

prepare() {
  exec 9>"$cache/lock"
  flock 9
  install_missing
  [ "$(cat "$cache/layer/contents" 2>/dev/null)" = "$contents" ] || make_layer
  [ "$(cat "$kernel_directory/contents" 2>/dev/null)" = "$contents" ] || make_kernel
  exec 9>&-
}

virtiofsd_path() {
  local path
  for path in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
    [ -x $path ] && { echo $path; return; }
  done
  return 1
}

install_missing() {
  local packages=() one
  for one in qemu-system-x86_64:qemu-system-x86 cpio:cpio xz:xz-utils lz4:lz4 zstd:zstd dbus-daemon:dbus \
    mkfs.ext4:e2fsprogs ip:iproute2 /lib/systemd/systemd:systemd; do
    command -v "${one%:*}" >/dev/null || packages+=("${one#*:}")
  done
  apt_install "${packages[@]}"
  # Up to Debian 12 it came with qemu.
  virtiofsd_path >/dev/null || apt_install virtiofsd
}

apt_install() { # PACKAGE...
  [ $# = 0 ] && return
  echo "test/vm/run: installing $*" >&2
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$@"; } >&2 || die "apt-get install"
}

fetch() { # PACKAGE DIRECTORY [OPTION of tar...]: download a package and unpack it there
  local temporary
  temporary=$(mktemp -d) && chmod 755 "$temporary" # apt's own user writes there
  (cd "$temporary" && apt-get download -q "$1" >log 2>&1) || {
    cat "$temporary/log" >&2
    die "apt-get download $1"
  }
  mkdir -p "$2"
  dpkg-deb --fsys-tarfile "$temporary"/*.deb | tar -x -C "$2" --keep-directory-symlink "${@:3}" || die "unpacking $1"
  rm -rf "$temporary"
}

make_layer() {
  local new=$cache/new.$$ one
  rm -rf "$cache/layer" "$new"
  local layer=$new/layer/l/layer
  mkdir -p "$layer/usr/lib/tsrun-vm" "$layer/usr/sbin" "$layer/usr/lib/systemd/system" "$layer/etc/tmpfiles.d" \
    "$layer/etc/systemd/system/user@.service.d" "$layer/etc/systemd/user/sockets.target.wants"
  fetch busybox-static "$new/busybox"
  fetch apparmor "$new/apparmor"
  cp -L "$(find "$new/busybox" -path '*bin/busybox' | head -1)" "$layer/usr/lib/tsrun-vm/busybox"
  for one in modprobe insmod rmmod lsmod depmod; do
    command -v $one >/dev/null || ln -s /usr/lib/tsrun-vm/busybox "$layer/usr/sbin/$one"
  done
  # AppArmor's parser and abstractions, everything under /usr and /etc as on a machine with a merged /usr.
  for one in bin sbin lib; do
    [ -d "$new/apparmor/$one" ] || continue
    mkdir -p "$new/apparmor/usr/$one"
    cp -a "$new/apparmor/$one/." "$new/apparmor/usr/$one/"
  done
  cp -a "$new/apparmor/usr" "$new/apparmor/etc" "$layer/"
  rm -rf "$layer"/usr/share/{doc,man,locale,lintian,bug} "$layer/etc/init.d" \
    "$layer/usr/lib/systemd/system/apparmor.service"
  install -m 755 "$here"/guest/{init,boot,job} "$layer/usr/lib/tsrun-vm/"
  install -m 644 "$here"/guest/tsrun-vm.{service,target} "$layer/usr/lib/systemd/system/"
  install -m 644 "$here/guest/user-manager.conf" "$layer/etc/systemd/system/user@.service.d/"
  for one in service socket; do
    install -m 644 "$here/guest/user-bus.$one" "$layer/etc/systemd/user/dbus.$one"
  done
  ln -s ../dbus.socket "$layer/etc/systemd/user/sockets.target.wants/"
  ln -s /dev/null "$layer/etc/tmpfiles.d/tmp.conf" # it would empty /tmp, where the project may be
  grep -v '^#' "$here/guest/masked-units" | while read -r one; do
    ln -sf /dev/null "$layer/etc/systemd/system/$one"
  done
  (cd "$new/layer" && find . | cpio -o -H newc --quiet) >"$new/layer.cpio" || die cpio
  mkdir "$cache/layer"
  mv "$new/layer.cpio" "$layer/usr/lib/tsrun-vm/busybox" "$cache/layer/"
  echo "$contents" >"$cache/layer/contents"
  rm -rf "$new"
}

make_kernel() {
  local new=$cache/new.$$ meta=linux-image-$flavour version package modules release
  rm -rf "$kernel_directory" "$new"
  version=$(apt-cache madison "$meta" |
    awk -F'|' -v suite="$suite" '$3 ~ " " suite "(-[a-z]+)?/" { gsub(/ /, "", $2); print $2; exit }')
  [ -n "$version" ] || die "apt knows no $meta in $suite"
  package=$(apt-cache show "$meta=$version" | sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -1)
  # Drivers of hardware that no such machine has: most of the package.
  fetch "$package" "$new/package" --exclude='*/kernel/sound' \
    --exclude='*/kernel/drivers/'{gpu,hid,hwmon,iio,media,mtd,platform,scsi,staging,usb,video} \
    --exclude='*/kernel/drivers/'{infiniband/hw,infiniband/ulp,net/ethernet,net/usb,net/wireless}
  modules=$(ls -d "$new"/package/lib/modules/* "$new"/package/usr/lib/modules/* 2>/dev/null | head -1)
  release=${modules##*/}
  find "$modules" -name '*.ko.xz' -print0 | xargs -0 -r -P2 -n64 xz -d
  mkdir -p "$new/chroot/lib/modules" "$new/made"
  mv "$modules" "$new/chroot/lib/modules/"
  cp "$cache/layer/busybox" "$new/chroot/"
  chroot "$new/chroot" /busybox depmod "$release" || die depmod
  mv "$new/chroot/lib/modules" "$new/made/modules"
  vmlinux "$(ls "$new"/package/boot/vmlinuz-*)" "$new/made/vmlinux"
  make_initrd "$new/made/modules/$release" "$new/initrd"
  (cd "$new/initrd" && find . | cpio -o -H newc --quiet) >"$new/made/initrd.cpio" || die cpio
  echo "$contents" >"$new/made/contents"
  mv "$new/made" "$kernel_directory"
  rm -rf "$new"
}

make_initrd() { # MODULES DIRECTORY: busybox, and the modules it takes to mount the shared root and the disk
  local modules=$1 initrd=$2 one
  mkdir -p "$initrd"/{bin,modules,proc,sys,dev,shared,overlay,new}
  cp "$cache/layer/busybox" "$initrd/bin/"
  install -m 755 "$here/guest/init" "$initrd/init"
  : >"$initrd/order"
  add_module() { # a module behind those it needs
    local line file need
    line=$(grep -E "(^|/)$1\.ko:" "$modules/modules.dep") || return 0 # built in
    file=${line%%:*}
    for need in ${line#*:}; do
      need=${need##*/}
      add_module "${need%.ko}"
    done
    grep -qx "${file##*/}" "$initrd/order" && return
    cp "$modules/$file" "$initrd/modules/" && echo "${file##*/}" >>"$initrd/order"
  }
  for one in virtio_pci virtio_console virtio_blk overlay virtiofs ext4 crc32c_generic; do add_module $one; done
}

vmlinux() { # BZIMAGE FILE: the ELF image in it, so that the guest decompresses nothing
  local magic tool position
  for magic in '\x02!L\x18 lz4' '\x28\xb5\x2f\xfd zstd' '\xfd7zXZ\x00 xz' '\x1f\x8b\x08 gzip'; do
    tool=${magic#* }
    for position in $(LC_ALL=C grep -abo -P "${magic% *}" "$1" | cut -d: -f1 | head -4); do
      tail -c +$((position + 1)) "$1" | $tool -dc >"$2" 2>/dev/null
      [ "$(head -c 4 "$2" | tail -c 3)" = ELF ] && return
    done
  done
  cp "$1" "$2" # it boots too, only more slowly
}
