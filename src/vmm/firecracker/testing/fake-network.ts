/** The network devices of the fake Firecracker, whose TAP interfaces are names in its settings. */
import type { Settings } from "./fake-settings.ts";

export type NetworkDevice = { id: string; tap: string };

/** @throws Error with Firecracker's fault message */
export function openedTap(tap: string, { taps }: Settings): void {
  if (taps.includes(tap)) return;
  const advice = "Check our documentation on setting up the network devices.";
  const why = `Operation not permitted (os error 1). Invalid TUN/TAP Backend provided by ${tap}. ${advice}`;
  throw new Error(
    `Network config error: Could not create the network device: Open tap device failed: Error while creating ifreq structure: ${why}`,
  );
}

/** `network_overrides` of a load, applied to what was saved. @throws Error */
export function overridden(saved: readonly NetworkDevice[], overrides: unknown): NetworkDevice[] {
  const devices = saved.map((device) => ({ ...device }));
  for (const override of (overrides ?? []) as { iface_id?: unknown; host_dev_name?: unknown }[]) {
    const device = devices.find(({ id }) => id === override.iface_id);
    if (!device) throw new Error("Failed to get snapshot state from file: Unknown Network Device.");
    device.tap = String(override.host_dev_name);
  }
  return devices;
}
