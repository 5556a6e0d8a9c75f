/** Whether a Firecracker's guest kernel finds its devices. */
import { fail } from "../../base/errors/error.ts";
import { contains } from "../../host/files/search.ts";
import { hasAcpi } from "./version.ts";

/** The name of the parameter, in kernels with CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES; Debian's are without. */
const parameter = "virtio_mmio.device";

/** A Firecracker without ACPI describes devices by kernel arguments alone. @throws VMM_START_FAILED */
export async function requireBootable(vmlinux: string, version: string): Promise<void> {
  if (hasAcpi(version) || (await contains(vmlinux, parameter))) return;
  const reason = `version ${version} can't boot a kernel without CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES, such as Debian's; 1.8 can`;
  throw fail("VMM_START_FAILED", { driver: "firecracker", reason });
}
