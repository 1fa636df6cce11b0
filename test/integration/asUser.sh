#!/bin/sh
# asUser.sh DIRECTORY ID COMMAND…: the command as an ordinary user with that uid and gid, who has the
# subordinate ids 300000-365535. The user is known in a private mount namespace alone.
set -eu
if [ "${AS_USER_PRIVATE:-}" = "" ]; then
  AS_USER_PRIVATE=1 exec unshare --mount --propagation private sh "$0" "$@"
fi
unset AS_USER_PRIVATE
etc=$1/etc id=$2
shift 2
mkdir -p "$etc"
for file in passwd group; do cp "/etc/$file" "$etc/$file"; done
echo "tester:x:$id:$id::/:/bin/sh" >>"$etc/passwd"
echo "tester:x:$id:" >>"$etc/group"
for file in subuid subgid; do echo "tester:300000:65536" >"$etc/$file"; done
for file in passwd group subuid subgid; do
  # Where the package uidmap was never installed there is no file to cover.
  [ -e "/etc/$file" ] || : >"/etc/$file"
  mount --bind "$etc/$file" "/etc/$file"
done
exec setpriv --reuid "$id" --regid "$id" --clear-groups "$@"
