/** Makes the test host: boots it once, prepares it, and keeps its memory and state, from which each run goes on. */
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentBinary } from "../../../src/host/testing/gate.ts";
import { tinyArtifacts } from "../../../src/images/testing/tiny.ts";
import { kept, keyOf } from "../../hosts/kept.ts";
import { hostInitramfs } from "./initramfs.ts";
import { dataBytes, type HostFiles, storeBytes } from "./qemu.ts";
import { ensureRootfs } from "./rootfs.ts";
import { type HostStart, HostVm } from "./vm.ts";

/** The ordinary user of the host, who may use `/dev/kvm`. */
export const tester = { name: "tester", uid: 1000 } as const;
/** Another one, who may not. */
export const stranger = "stranger";

const sources = ["make.ts", "qemu.ts", "initramfs.ts"].map((name) => join(import.meta.dirname, name));

/** What a boot needs, the first one and each later one. */
export const prepare = `set -e
modprobe kvm-amd && modprobe tun
getent group kvm >/dev/null || groupadd -r kvm
chgrp kvm /dev/kvm && chmod 660 /dev/kvm
id ${tester.name} >/dev/null 2>&1 || useradd -u ${tester.uid} -m -s /bin/bash -G kvm ${tester.name}
id ${stranger} >/dev/null 2>&1 || useradd -m -s /bin/bash ${stranger}`;

/** Of what was read, only what every run needs again stays in memory. */
const settle = `sync; echo 3 > /proc/sys/vm/drop_caches
for program in qemu-system-x86_64 passt ip setpriv; do $program --version >/dev/null 2>&1; done; mkfs.ext4 -V 2>/dev/null; sync`;

export type MadeHost = { folder: string; files: Omit<HostFiles, "store">; bytes: HostStart["bytes"] };

/** What a host goes on from; made in well under two minutes where it is missing. */
export async function ensureHost(): Promise<MadeHost> {
  const agent = agentBinary();
  if (agent === null) throw new Error("banger-vsock-agent is not built");
  const [{ kernel, paths }, root] = await Promise.all([tinyArtifacts(), ensureRootfs()]);
  const { vmlinux, modules } = paths.kernel(kernel.digest);
  const filesBelow = (folder: string) => ({
    ...{ vmlinux, root, modules },
    initramfs: join(folder, "initramfs"),
    data: join(folder, "data.ext4"),
  });
  const bytes = { root: statSync(root).size, modules: statSync(modules).size, data: dataBytes };
  const key = keyOf([root, kernel.digest], [agent, ...sources]);
  const folder = await kept(`host-${key}`, (making) =>
    make({ folder: making, files: filesBelow(making), bytes }, agent),
  );
  return { folder, files: filesBelow(folder), bytes };
}

/** How a host is started from what was made: in an instant, or anew. @param store path of its disk with the product */
export function startOf({ folder, files, bytes }: MadeHost, store: string): HostStart {
  const memory = { path: join(folder, "memory"), isKept: false };
  return { files: { ...files, store }, bytes, memory, state: join(folder, "state") };
}

async function make(host: MadeHost, agent: string): Promise<void> {
  const { folder, files } = host;
  writeFileSync(files.initramfs, await hostInitramfs(readFileSync(agent), files.modules));
  const store = join(folder, "no-store");
  makeDisk(files.data, dataBytes);
  makeEmpty(store, storeBytes);
  const { state = "", ...booting } = startOf(host, store);
  const vm = await HostVm.start(join(folder, "run"), { ...booting, memory: { ...booting.memory, isKept: true } });
  try {
    await vm.shell(prepare);
    await vm.shell(settle);
    await vm.save(state);
  } finally {
    await vm.close();
  }
}

function makeEmpty(path: string, bytes: number): void {
  writeFileSync(path, "");
  truncateSync(path, bytes);
}

/** @param content a folder that is copied into it */
export function makeDisk(path: string, bytes: number, content?: string): void {
  makeEmpty(path, bytes);
  const more = content === undefined ? [] : ["-d", content];
  const argv = ["mkfs.ext4", "-q", "-F", "-m0", "-E", "lazy_itable_init=1,lazy_journal_init=1", ...more, path];
  const made = Bun.spawnSync(argv, { env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } });
  if (made.exitCode !== 0) throw new Error(`mkfs.ext4 failed: ${made.stderr}`);
}
