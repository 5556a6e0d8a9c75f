/** Swap files in the Debian image: if the root is an overlay, swapon is given the file on the disk below it. */

/** In root's PATH before swapon(8) and swapoff(8), which they call with the other arguments unchanged. */
export const swapNames: readonly string[] = ["usr/local/sbin/swapon", "usr/local/sbin/swapoff"];

export const swapScript = `#!/bin/sh
# The kernel takes no swap file on an overlay: swapon(2). Use the same file on the disk below it.
disk=/run/initramfs/banger/upper
for word; do
  shift
  path=$(realpath -qe -- "$word") || path=
  if [ -f "$path" ] && [ "$(stat -fc %T -- "$path")" = overlayfs ] && [ -f "$disk$path" ]; then word=$disk$path; fi
  set -- "$@" "$word"
done
exec "/usr/sbin/\${0##*/}" "$@"
`;
