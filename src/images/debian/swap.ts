/** Swap files in the Debian image: where its root is an overlay, the kernel takes the file on the disk below it. */

/** In root's PATH before swapon(8) and swapoff(8), which get the same arguments otherwise. */
export const swapNames: readonly string[] = ["usr/local/sbin/swapon", "usr/local/sbin/swapoff"];

export const swapScript = `#!/bin/sh
# An overlay can't hold a swap file, the disk below it can: swapon(2). A file that is named here is meant there.
disk=/run/initramfs/banger/upper
for word; do
  shift
  path=$(realpath -qe -- "$word") || path=
  if [ -f "$path" ] && [ "$(stat -fc %T -- "$path")" = overlayfs ] && [ -f "$disk$path" ]; then word=$disk$path; fi
  set -- "$@" "$word"
done
exec "/usr/sbin/\${0##*/}" "$@"
`;
