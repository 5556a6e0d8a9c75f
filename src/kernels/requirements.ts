/** What a guest kernel must support, checked in its build configuration or its list of modules. */

type Need = { option: string /** it must be built in */; builtin?: true; module?: string };

const needs: readonly Need[] = [
  { option: "BLK_DEV_INITRD", builtin: true },
  { option: "DEVTMPFS", builtin: true },
  { option: "TMPFS", builtin: true },
  { option: "PVH", builtin: true },
  { option: "SERIAL_8250_CONSOLE", builtin: true },
  { option: "UNIX" },
  { option: "INET", builtin: true },
  { option: "CGROUPS", builtin: true },
  { option: "VIRTIO_MMIO", module: "virtio_mmio" },
  { option: "VIRTIO_BLK", module: "virtio_blk" },
  { option: "VIRTIO_NET", module: "virtio_net" },
  { option: "VIRTIO_CONSOLE", module: "virtio_console" },
  { option: "SQUASHFS", module: "squashfs" },
  { option: "SQUASHFS_LZ4", builtin: true },
  { option: "OVERLAY_FS", module: "overlay" },
  { option: "EXT4_FS", module: "ext4" },
  { option: "VIRTIO_VSOCKETS", module: "vmw_vsock_virtio_transport" },
];

/** Names of the missing options, from the text of `/boot/config-*`. */
export function missingOptions(config: string): string[] {
  const set = new Map(pairsOf(config));
  return needs.filter((need) => !isMet(set.get(need.option), need)).map((need) => `CONFIG_${need.option}`);
}

function pairsOf(config: string): [string, string][] {
  const lines = config.matchAll(/^CONFIG_(\w+)=([ym])$/gm);
  return Array.from(lines, ([, option = "", value = ""]): [string, string] => [option, value]);
}

function isMet(value: string | undefined, need: Need): boolean {
  return value === "y" || (value === "m" && !need.builtin);
}

/** Modules that are built in according to the configuration. */
export function builtinModules(config: string): Set<string> {
  const set = new Map(pairsOf(config));
  return new Set(needs.flatMap(({ option, module }) => (module && set.get(option) === "y" ? [module] : [])));
}

/** The check without a configuration: names of modules that are neither loadable nor built in. */
export function missingModules(isThere: (module: string) => boolean): string[] {
  return needs.flatMap((need) => (need.module && !isThere(need.module) ? [need.module] : []));
}
