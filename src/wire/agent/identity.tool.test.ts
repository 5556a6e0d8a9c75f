/** Successive identities, sent to the real agent with a folder in place of a machine's root. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { watchFile } from "../../host/files/files.ts";
import { gatedTest } from "../../host/testing/gate.ts";
import { run, served } from "./testing/served-agent.ts";
import type { AgentClient, IdentityReply, IdentityRequest, Json } from "./types.ts";

/** Root's home is not for everybody who runs this. */
const me = String(process.getuid?.() ?? 0);
const need = "tool:banger-vsock-agent";

async function identify(agent: AgentClient, request: IdentityRequest): Promise<IdentityReply> {
  const stream = await agent.open("identity", request);
  await closed(stream);
  return stream.reply;
}

async function closed(stream: { close(): void; closed: Promise<void> }): Promise<void> {
  stream.close();
  await stream.closed;
}

/** @param use gets a way to read, and to look at, a file of the root */
function machine(use: (connect: () => Promise<AgentClient>, root: string) => Promise<void>): Promise<void> {
  return served(
    async (connect, folder) => {
      const root = `${folder}/root`;
      for (const path of ["etc/ssh", "etc/systemd", "etc/profile.d", "var/lib/systemd", "root"])
        fs.mkdirSync(`${root}/${path}`, { recursive: true });
      await use(() => connect(false), root);
    },
    (folder) => ["--root", `${folder}/root`],
  );
}

const first = {
  generation: 1,
  hostname: "first",
  machineId: "1".repeat(32),
  network: {
    address: "192.0.2.1",
    prefix: 24,
    gateway: "192.0.2.2",
    mac: "02:00:00:00:00:01",
    dns: ["192.0.2.3"],
    search: [],
  },
  sshHostKeys: [{ type: "ed25519", private: "first private", public: "first public" }],
  authorizedKeys: ["ssh-ed25519 first"],
  environment: { ONE: "1", BOTH: "first" },
  caCertificates: ["-----BEGIN CERTIFICATE-----\nfirst\n-----END CERTIFICATE-----"],
  session: { user: "root", workdir: "/usr" },
} satisfies IdentityRequest;

const second = {
  generation: 2,
  hostname: "second",
  machineId: "2".repeat(32),
  network: { ...first.network, dns: ["192.0.2.9"], search: ["example"] },
  sshHostKeys: [{ type: "ed25519", private: "second private", public: "second public" }],
  authorizedKeys: ["ssh-ed25519 second"],
  environment: { TWO: "2", BOTH: "second" },
  caCertificates: [],
} satisfies IdentityRequest;

const files = {
  hostname: "etc/hostname",
  hosts: "etc/hosts",
  machineId: "etc/machine-id",
  resolver: "etc/resolv.conf",
  hostKey: "etc/ssh/ssh_host_ed25519_key",
  hostKeyPublic: "etc/ssh/ssh_host_ed25519_key.pub",
  authorized: "root/.ssh/authorized_keys",
  profile: "etc/profile.d/banger-env.sh",
  services: "etc/systemd/system.conf.d/banger.conf",
};

function contents(root: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, path]) => [name, fs.readFileSync(`${root}/${path}`, "utf8")]),
  );
}

gatedTest(need, "a copy has nothing of the previous identity", () =>
  machine(async (connect, root) => {
    const agent = await connect();
    expect(await identify(agent, first)).toEqual({ ok: true } as Json);
    const before = { files: contents(root), seed: fs.readFileSync(`${root}/var/lib/systemd/random-seed`, "hex") };
    expect(await identify(agent, second)).toEqual({ ok: true } as Json);
    expect(contents(root)).toEqual({
      hostname: "second\n",
      hosts: "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tsecond\n",
      machineId: `${second.machineId}\n`,
      resolver: "nameserver 192.0.2.9\nsearch example\n",
      hostKey: "second private\n",
      hostKeyPublic: "second public\n",
      authorized: "ssh-ed25519 second\n",
      profile: "export BOTH='second'\nexport TWO='2'\n",
      services: '[Manager]\nDefaultEnvironment="BOTH=second" "TWO=2"\n',
    });
    for (const text of Object.values(before.files)) expect(text).not.toContain("second");
    expect(fs.readFileSync(`${root}/var/lib/systemd/random-seed`, "hex")).not.toBe(before.seed);
    expect(fs.existsSync(`${root}/usr/local/share/ca-certificates/banger-1.crt`)).toBe(false);
    for (const path of [files.hostKey, files.authorized, "var/lib/systemd/random-seed"])
      expect(fs.statSync(`${root}/${path}`).mode & 0o777).toBe(0o600);
    const seen = (await run(await agent.open("exec", { argv: ["sh", "-c", "env; pwd"], user: me }))).stdout
      .toString()
      .split("\n");
    expect(seen).toEqual(expect.arrayContaining(["TWO=2", "BOTH=second"]));
    expect(seen).not.toContain("ONE=1");
    expect(seen.at(-2)).not.toBe("/usr");
    agent.destroy();
  }),
);

gatedTest(need, "environment and session that the request omits are cleared in a copy", () =>
  machine(async (connect, root) => {
    const agent = await connect();
    await identify(agent, first);
    await identify(agent, { generation: 2 });
    for (const path of [files.profile, files.services]) expect(fs.existsSync(`${root}/${path}`)).toBe(false);
    const { stdout } = await run(await agent.open("exec", { argv: ["env"], user: me }));
    expect(stdout.toString()).not.toContain("ONE=1");
    agent.destroy();
  }),
);

gatedTest(need, "the same generation changes only the given fields; a lower one is refused", () =>
  machine(async (connect, root) => {
    const agent = await connect();
    await identify(agent, first);
    const times = () => Object.values(files).map((path) => fs.statSync(`${root}/${path}`, { bigint: true }).mtimeNs);
    const before = times();
    expect(await identify(agent, { generation: 1, clock: "1763900000.5" })).toEqual({ ok: true } as Json);
    expect(times()).toEqual(before);
    expect((await run(await agent.open("exec", { argv: ["env"] }))).stdout.toString()).toContain("ONE=1");
    await identify(agent, { generation: 1, environment: { THREE: "3" } });
    // the certificates of the first message are still there, and so is the variable that names them
    const bundle = "export NODE_EXTRA_CA_CERTS='/usr/local/share/ca-certificates/banger.pem'\n";
    expect(contents(root)["profile"]).toBe(`${bundle}export THREE='3'\n`);
    await identify(agent, second);
    await expect(agent.open("identity", first)).rejects.toMatchObject({ details: { code: "bad_request" } });
    expect(contents(root)["hostname"]).toBe("second\n");
    agent.destroy();
    const later = await connect();
    expect(later.hello?.generation).toBe(2);
    later.destroy();
  }),
);

gatedTest(need, "what can't be written is reported as skipped, and the rest is applied", () =>
  machine(async (connect, root) => {
    fs.rmSync(`${root}/root`, { recursive: true });
    fs.writeFileSync(`${root}/root`, "no folder");
    const agent = await connect();
    const { skipped } = await identify(agent, first);
    expect(skipped).toEqual([expect.stringMatching(/^authorized keys: ENOTDIR/)]);
    expect(fs.readFileSync(`${root}/${files.machineId}`, "utf8")).toBe(`${first.machineId}\n`);
    agent.destroy();
  }),
);

gatedTest(need, "a new generation ends the commands of other sessions, except detached ones", () =>
  machine(async (connect, root) => {
    const old = await connect();
    await identify(old, first);
    const pids = `${root}/pids`;
    fs.writeFileSync(pids, "");
    const stubborn = `trap "" HUP TERM; echo $$ >> ${pids}; exec sleep 60`;
    const both = `sh -c '${stubborn}' & ${stubborn.replace("exec sleep 60", "wait")}`;
    await old.open("exec", { argv: ["sh", "-c", both] });
    const detached = await old.open("exec", { argv: ["sleep", "60"], detach: { log: `${root}/log` } });
    await lines(pids, 2);
    const agent = await connect();
    await identify(agent, second);
    expect((await old.closed)?.message).toContain("another generation");
    for (const pid of fs.readFileSync(pids, "utf8").trim().split("\n")) expect(isRunning(pid)).toBe(false);
    expect(isRunning(String(detached.reply["pid"]))).toBe(true);
    process.kill(Number(detached.reply["pid"]));
    agent.destroy();
  }),
);

/** A zombie does not count. */
function isRunning(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Resolves when the file has `count` lines. */
async function lines(path: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => fs.readFileSync(path, "utf8").split("\n").length > count && resolve();
  const watch = watchFile(path, look);
  look();
  await promise;
  watch.close();
}
