/** The default image as a copy: how systemd, journald, sshd and users of random numbers handle it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { VerifiedFiles } from "../../src/artifacts/verified.ts";
import type { ImageName, VmId } from "../../src/base/names.ts";
import { which } from "../../src/host/facts.ts";
import { realPath } from "../../src/host/files/files.ts";
import { openDatabase } from "../../src/host/files/sqlite.ts";
import { createExec } from "../../src/host/process/exec-node.ts";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { ensureInitramfs } from "../../src/kernels/initramfs.ts";
import { defaultKernel } from "../../src/kernels/names.ts";
import { pathsOf } from "../../src/model/paths.ts";
import { makeHostKey } from "../../src/ssh/keys.ts";
import { createStore } from "../../src/store/store.ts";
import { createDataDisk } from "../../src/vmm/disk.ts";
import type { BootSpec, RunningVm } from "../../src/vmm/driver.ts";
import { createQemuDriver } from "../../src/vmm/qemu/driver.ts";
import { guestShell } from "../../src/vmm/testing/guest-shell.ts";
import { connectAgent } from "../../src/wire/agent/client.ts";
import type { AgentClient, IdentityReply, IdentityRequest } from "../../src/wire/agent/types.ts";
import { vmSuite } from "./harness.ts";
import type { Home } from "./home.ts";

const agentProgram = agentBinary() ?? "";
const exec = createExec(process.env as Record<string, string>);

/** The image of the suite's home, to be booted by hand. */
async function goldenSpec(home: Home): Promise<BootSpec> {
  const roots = { state: `${home.folder}/s/banger`, cache: `${home.folder}/c/banger` };
  const paths = pathsOf({ ...roots, config: `${home.folder}/k`, runtime: `${home.folder}/r` });
  const store = createStore(openDatabase(paths.database), Date.now);
  const image = store.images.byName("debian-bookworm" as ImageName);
  const kernel = store.kernels.byName(defaultKernel as ImageName) ?? store.kernels.all()[0];
  store.close();
  if (!image || !kernel) throw new Error("the golden home has no image");
  const directory = `${home.folder}/vm`;
  await exec(["mkdir", "-p", directory, paths.partial, paths.initramfsFolder, `${roots.cache}/disks`]);
  await createDataDisk(
    { exec, blankDisk: paths.blankDisk, partial: paths.partial, blanks: new Map() },
    { bytes: 2 ** 30, path: `${directory}/disk.ext4` },
  );
  const layers = image.layers.map(({ digest }, at) => ({
    name: `layer${at}`,
    path: paths.layer(digest),
    readOnly: true,
  }));
  const { vmlinux, modules } = paths.kernel(kernel.digest);
  return {
    ...{ id: "copy0000" as VmId, directory, vcpu: 2, memoryMib: 512, vmlinux },
    initramfs: await ensureInitramfs(
      { paths, verified: new VerifiedFiles(), requireWhole: async () => {} },
      { kernel, agent: agentProgram },
    ),
    kernelArgs: [`banger.layers=${layers.length}`, "banger.root=755,0,0", "banger.init=auto"],
    blockDevices: [
      ...layers,
      { name: "modules", path: modules, readOnly: true },
      { name: "data", path: `${directory}/disk.ext4`, readOnly: false, cache: "unsafe" },
    ],
    net: { kind: "builtin", mac: "02:00:00:00:00:01" },
  };
}

function identity(generation: number): IdentityRequest {
  const bytes = (count: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(count)));
  return {
    generation,
    hostname: `host${generation}`,
    machineId: bytes(16).toString("hex"),
    clock: `${Math.floor(Date.now() / 1000)}`,
    entropy: bytes(256).toString("base64"),
    network: {
      ...{ address: "192.0.2.15", prefix: 24, gateway: "192.0.2.2", mac: `02:00:00:00:00:0${generation}` },
      ...{ dns: ["192.0.2.3"], search: [] },
    },
    sshHostKeys: [makeHostKey()],
    authorizedKeys: [],
    environment: {},
    caCertificates: [],
  };
}

vmSuite("copy", (home) => {
  let vm: RunningVm;
  let agent: AgentClient;
  const original = { ...identity(1), template: true, environment: { GONE: "1", BOTH: "1" } };
  const copy = { ...identity(2), environment: { BOTH: "2", ONLY: "it's 50%" } };
  /** the identity of a copy that is not yet in use; all of it must be replaced */
  const { machineId: _, ...known } = copy;
  const rehearsed = {
    ...known,
    generation: 1,
    hostname: "warm",
    sshHostKeys: [makeHostKey()],
    environment: { GONE: "1" },
  };
  const sh = (line: string) => guestShell(agent, line);
  const tell = async (request: IdentityRequest) => {
    const stream = await agent.open("identity", request);
    stream.close();
    return stream.reply as IdentityReply;
  };
  const connect = async () => {
    const { stream, resync } = await vm.agent();
    agent = await connectAgent(stream, { resync, timeoutMs: 120_000 });
  };
  /** what a newly started process sees */
  const look = async () => ({
    hostname: await sh("hostname"),
    bootId: await sh("cat /proc/sys/kernel/random/boot_id"),
    urandom: await sh("head -c 64 /dev/urandom | base64 -w0"),
    openssl: await sh("openssl rand -hex 64"),
    python: await sh("python3 -c 'import random; print(random.getrandbits(512))'"),
    seed: await sh("base64 -w0 /var/lib/systemd/random-seed"),
    hostKey: await sh("ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null"),
  });
  let before: Awaited<ReturnType<typeof look>>;

  beforeAll(async () => {
    const driver = createQemuDriver({
      exec,
      which,
      realPath,
      env: process.env,
      agent: agentProgram,
      tscFile: `${home().folder}/tsc`,
      confinement: async () => "auto",
    });
    vm = await driver.boot(await goldenSpec(home()), AbortSignal.timeout(60_000));
    await connect();
    const up = new Promise<void>((resolve) => agent.onNotice((notice) => notice["notice"] === "up" && resolve()));
    await tell(original);
    await up;
    await connect();
    await agent.open("services", {}, { timeoutMs: 120_000 });
    before = await look();
    await sh("logger before; journalctl --sync");
    expect(await tell(rehearsed)).toEqual({ ok: true } as IdentityReply);
    expect(await tell(copy)).toEqual({ ok: true } as IdentityReply);
  }, 300_000);
  afterAll(() => vm?.kill());

  test("nothing that a process sees is left from before", async () => {
    const after = await look();
    for (const [name, value] of Object.entries(after)) {
      expect(value, name).not.toBe("");
      expect(value, name).not.toBe(before[name as keyof typeof before]);
    }
    expect(after.hostname).toBe("host2\n");
    expect(after.hostKey).toContain(copy.sshHostKeys?.[0]?.public.split(" ")[1] ?? "?");
  });

  test("systemd gives services the new environment, and hostnamed the new names", async () => {
    const seen = await sh("systemd-run -q --pipe --wait env");
    expect(seen).toContain("BOTH=2\n");
    expect(seen).toContain("ONLY=it's 50%\n");
    await sh("while systemctl show-environment | grep -q GONE; do :; done");
    const names = await sh("hostnamectl");
    expect(names).toMatch(/Static hostname: host2/);
    expect(names).toContain(`Machine ID: ${copy.machineId}`);
  });

  test("the journal continues under the new ids, and keeps what was before", async () => {
    await sh(
      "while [ $(journalctl --list-boots --no-pager -q | wc -l) -lt 2 ]; do logger waiting; done; logger behind; journalctl --sync",
    );
    expect(await sh("ls /run/log/journal")).toBe(`${copy.machineId}\n`);
    expect(await sh("journalctl -q --no-pager -o cat MESSAGE=before")).toBe("before\n");
    const last = JSON.parse(await sh("journalctl -q --no-pager -o json -n 1 MESSAGE=behind")) as Record<string, string>;
    expect(last["_MACHINE_ID"]).toBe(copy.machineId);
    expect(last["_BOOT_ID"]).toBe((await sh("cat /proc/sys/kernel/random/boot_id")).trim().replaceAll("-", ""));
    expect(last["_HOSTNAME"]).toBe("host2");
    expect(await sh("journalctl -q --no-pager -b | grep -c -e corrupt -e uncleanly")).toBe("0\n");
  });

  test("the services keep running, and user namespaces have a /proc of their own", async () => {
    expect(await sh("systemctl is-system-running; systemctl --failed --no-legend")).toBe("running\n");
    expect(await sh("unshare --user --map-root-user --pid --fork --mount-proc echo fine")).toBe("fine\n");
  });
});
