/** A host with a fake Firecracker, in a temporary folder: programs that the driver starts, and VMs for it. */
import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { VmId } from "../../../base/names.ts";
import { which } from "../../../host/facts.ts";
import { realPath } from "../../../host/files/files.ts";
import { isAlive, signalProcess } from "../../../host/process/children.ts";
import { createExec } from "../../../host/process/exec-node.ts";
import type { AgentClient } from "../../../wire/agent/types.ts";
import type { BootSpec, VmmDriver } from "../../driver.ts";
import type { ContractSubject } from "../../testing/subject.ts";
import { makeTempFolder } from "../../testing/temp.ts";
import { createFirecrackerDriver, type FirecrackerDeps } from "../driver.ts";
import { defaultSettings, type Settings } from "./fake-settings.ts";

/** In place of `banger-vsock-agent`: says that the cage is complete, and runs the program without it. */
const agentScript = `#!/bin/sh
if [ "$2" = --check ]; then
  echo '{"landlock":7,"seccomp":true,"namespaces":null,"network":null,"processes":null,"signals":null}'
  exit
fi
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
`;

export type FakeHost = {
  readonly program: string;
  readonly path: string;
  driver(change?: Partial<FirecrackerDeps>): VmmDriver;
  spec(change?: Partial<BootSpec>): Promise<BootSpec>;
  /** for programs that start from now on */
  set(change: Partial<Settings>): void;
  subject(): ContractSubject;
  remove(): void;
};

export function makeFakeHost(label: string): FakeHost {
  const folder = makeTempFolder(label);
  const at = (name: string) => `${folder.path}/${name}`;
  const main = new URL("./fake-firecracker-program.ts", import.meta.url).pathname;
  writeFileSync(at("agent"), agentScript, { mode: 0o755 });
  const script = `#!/bin/sh\nexec '${process.execPath}' '${main}' '${at("settings")}' "$@"\n`;
  writeFileSync(at("firecracker"), script, { mode: 0o755 });
  writeFileSync(at("vmlinux"), "\x7fELF, and so on");
  writeFileSync(at("initramfs"), "070701");
  const set = (change: Partial<Settings>) =>
    writeFileSync(at("settings"), JSON.stringify({ ...defaultSettings, ...change }));
  set({});
  let count = 0;
  const host: FakeHost = {
    program: at("firecracker"),
    path: folder.path,
    driver: (change = {}) =>
      createFirecrackerDriver({
        exec: createExec(process.env as Record<string, string>),
        which,
        realPath,
        agent: at("agent"),
        env: {},
        program: async () => at("firecracker"),
        install: "download it",
        kvm: async () => ({ usable: true, nested: false }),
        cpuFeatures: () => ({ "1.0.ecx": "21", "1.0.edx": "1", "80000001.0.ecx": "800005" }),
        confinement: async () => "auto",
        hasSwap: async () => false,
        ...change,
      }),
    async spec(change = {}) {
      const id = `fake${String(count++).padStart(4, "0")}` as VmId;
      const directory = await folder.make(id);
      const disk = `${directory}/disk.ext4`;
      await writeFile(disk, "an empty disk");
      const blockDevices = [{ name: "data", path: disk, readOnly: false }];
      const files = { vmlinux: at("vmlinux"), initramfs: at("initramfs"), blockDevices };
      return { id, directory, vcpu: 1, memoryMib: 4, kernelArgs: [], net: null, ...files, ...change };
    },
    set,
    subject: () => subjectOf(host),
    remove: folder.remove,
  };
  return host;
}

/** Has the guest do something that the fake one knows; resolves with what it prints. */
async function ask(agent: AgentClient, ...argv: string[]): Promise<string> {
  const stream = await agent.open("exec", { argv });
  const chunks: Uint8Array[] = [];
  stream.onData((channel, data) => void (channel === 1 && chunks.push(data.slice())));
  stream.eof(0);
  await stream.closed;
  return Buffer.concat(chunks).toString();
}

function subjectOf(host: FakeHost): ContractSubject {
  let count = 0;
  return {
    driver: () => host.driver(),
    spec: () => host.spec(),
    async brokenSpec() {
      const spec = await host.spec();
      const vmlinux = `${spec.directory}/vmlinux`;
      await writeFile(vmlinux, "no kernel at all\n");
      return { ...spec, vmlinux };
    },
    isAlive,
    killProcess: (process) => void signalProcess(process, "SIGKILL"),
    crashProcess: (process) => void signalProcess(process, "SIGUSR2"),
    panic: async (_vm, agent) => void (await ask(agent, "end", "panic").catch(() => {})),
    print: async (_vm, agent, text) => void (await ask(agent, "print", text)),
    remember: async (_vm, agent, text) => void (await ask(agent, "remember", text)),
    recall: (_vm, agent) => ask(agent, "recall"),
    async fillMemory(_vm, agent) {
      await ask(agent, "remember", `filled ${count++}`);
      return ask(agent, "recall");
    },
    sumMemory: (_vm, agent) => ask(agent, "recall"),
    exchange: null,
    kernelArgs: (_vm, agent) => ask(agent, "cmdline"),
    cpuFlags: (_vm, agent) => ask(agent, "cpu-flags"),
    diskBytes: async (_vm, agent, device) => Number(await ask(agent, "disk-bytes", device)),
    spoil: async (_vm, agent) => void (await ask(agent, "remember", "spoilt")),
    end: async (_vm, agent, mode) => void (await ask(agent, "end", mode).catch(() => {})),
    resetDevices: null,
    unbindDevices: async () => {},
    timeoutMs: 20_000,
  };
}
