/** Fake kernels for tests of what banger reads in them. */

/** A 64-bit x86 ELF file with one segment. */
export function elfSample(size = 4096): Uint8Array {
  const bytes = new Uint8Array(size).map((_, i) => (i * 7) & 0x3f);
  const view = new DataView(bytes.buffer);
  bytes.fill(0, 0, 120);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setBigUint64(64 + 8, 120n, true);
  view.setBigUint64(64 + 32, BigInt(size - 120), true);
  return bytes;
}

/** A bzImage around a compressed payload. @param setup sectors of real-mode code */
export function bzImageSample(payload: Uint8Array, setup = 3, offset = 64): Uint8Array {
  const start = (setup + 1) * 512 + offset;
  const image = new Uint8Array(start + payload.length + 100);
  const view = new DataView(image.buffer);
  view.setUint8(0x1f1, setup);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x20f, true);
  view.setUint32(0x248, offset, true);
  view.setUint32(0x24c, payload.length, true);
  image.set(payload, start);
  return image;
}

/** Appends the unpacked size, as the kernel build does. */
export function withSize(payload: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(payload.length + 4);
  bytes.set(payload);
  new DataView(bytes.buffer).setUint32(payload.length, size, true);
  return bytes;
}

export const configSample = `CONFIG_BLK_DEV_INITRD=y
CONFIG_DEVTMPFS=y
CONFIG_TMPFS=y
CONFIG_PVH=y
CONFIG_SERIAL_8250_CONSOLE=y
CONFIG_UNIX=y
CONFIG_INET=y
CONFIG_CGROUPS=y
CONFIG_VIRTIO_MMIO=m
CONFIG_VIRTIO_BLK=m
CONFIG_VIRTIO_NET=m
CONFIG_VIRTIO_CONSOLE=m
CONFIG_SQUASHFS=m
CONFIG_SQUASHFS_LZ4=y
CONFIG_OVERLAY_FS=m
CONFIG_EXT4_FS=y
CONFIG_VIRTIO_VSOCKETS=m
`;

export const depSample = `kernel/drivers/virtio/virtio_mmio.ko.xz: kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/virtio/virtio.ko.xz:
kernel/drivers/virtio/virtio_ring.ko.xz: kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/char/virtio_console.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/net/virtio_net.ko.xz: kernel/net/core/failover.ko.xz
kernel/net/core/failover.ko.xz:
kernel/fs/squashfs/squashfs.ko.xz:
kernel/fs/overlayfs/overlay.ko.xz:
kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio.ko.xz
kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko.xz:
kernel/sound/snd.ko.xz:
`;
