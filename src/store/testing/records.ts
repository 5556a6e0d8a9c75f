/** Records for tests. */
import type { Digest, ImageName, VmId, VmName } from "../../base/names.ts";
import type { ImageRecord, KernelRecord, LayerRef } from "../../model/artifact.ts";
import { freeLoopbackAddress } from "../../model/loopback.ts";
import type { TemplateRecord } from "../../model/save.ts";
import type { VmRecord } from "../../model/vm.ts";

/** `sha256:` and one digit 64 times */
export function digestOf(digit: string): Digest {
  return `sha256:${digit.repeat(64)}` as Digest;
}

export function layerRef(changes: Partial<LayerRef> = {}): LayerRef {
  return { digest: digestOf("2"), bytes: 4096, root: { mode: 0o755, uid: 0, gid: 0 }, hidesAll: false, ...changes };
}

export function imageRecord(changes: Partial<ImageRecord> = {}): ImageRecord {
  return {
    name: "debian-bookworm" as ImageName,
    digest: digestOf("1"),
    layers: [layerRef({ digest: digestOf("2") })],
    kernel: null,
    direct: null,
    shell: true,
    init: "systemd",
    source: "recipe debian-bookworm",
    config: { env: {}, entrypoint: [], cmd: [], workdir: "", user: "" },
    createdAt: 1000,
    ...changes,
  };
}

export function kernelRecord(changes: Partial<KernelRecord> = {}): KernelRecord {
  return {
    name: "debian-bookworm-cloud" as ImageName,
    digest: digestOf("3"),
    release: "6.1.0-cloud",
    bytes: 8192,
    source: "apt linux-image-cloud-amd64",
    createdAt: 1000,
    ...changes,
  };
}

export function vmRecord(changes: Partial<VmRecord> = {}): VmRecord {
  const image = imageRecord();
  const kernel = kernelRecord();
  const { id = "abcd1234" as VmId } = changes;
  return {
    id,
    name: "web-1" as VmName,
    state: "stopped",
    spec: {
      vcpu: 2,
      memoryMib: 1024,
      diskBytes: 8 * 1024 ** 3,
      image: { name: image.name, digest: image.digest },
      kernel: { name: kernel.name, digest: kernel.digest },
      network: { kind: "user", deny: [] },
      vmm: { driver: "qemu", why: "preferred" },
      env: {},
    },
    ephemeral: false,
    createdAt: 2000,
    startedAt: null,
    generation: 0,
    failure: null,
    startedHow: null,
    suspended: null,
    pausedBy: null,
    troubles: [],
    loopbackAddress: freeLoopbackAddress(1000, id, new Set()),
    syncedPaths: [],
    awaitsSync: false,
    ...changes,
  };
}

export function templateRecord(changes: Partial<TemplateRecord> = {}): TemplateRecord {
  const { image, kernel, vcpu, memoryMib, diskBytes, network } = vmRecord().spec;
  return {
    key: digestOf("5"),
    facts: { image, kernel, vcpu, memoryMib, diskBytes, network: network.kind, vmm: "qemu 7.2.22 tcg" },
    save: { driver: "qemu", version: "7.2.22", memoryBytes: 1024 ** 3, stateBytes: 90_000 },
    bytes: 300 * 1024 ** 2,
    createdAt: 3000,
    lastUsedAt: 3000,
    uses: 0,
    ...changes,
  };
}
