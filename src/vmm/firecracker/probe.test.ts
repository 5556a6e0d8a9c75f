/** Each reason against a Firecracker, with what to type; and what is asked again at each start. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { realPath } from "../../host/files/files.ts";
import { createExec } from "../../host/process/exec-node.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { FirecrackerProber, type ProbeDeps } from "./probe.ts";

const cage = '{"landlock":7,"seccomp":true,"namespaces":null,"network":null,"processes":null,"signals":null}';
const saying = (version: string) => `#!/bin/sh\necho 'Firecracker v${version}'\necho\necho 'some log line'\n`;

/** A folder with a program, and a prober of it. */
function hostWith(content: string | Uint8Array | null, change: Partial<ProbeDeps> = {}, mode = 0o755) {
  const folder = tempFolder("fc");
  const path = `${folder.path}/firecracker`;
  if (content !== null) writeFileSync(path, content, { mode });
  writeFileSync(`${folder.path}/agent`, `#!/bin/sh\necho '${cage}'\n`, { mode: 0o755 });
  const prober = new FirecrackerProber({
    exec: createExec({ PATH: "/usr/bin:/bin" }),
    which: async () => (content !== null && mode === 0o755 ? path : null),
    realPath,
    agent: `${folder.path}/agent`,
    env: { PATH: folder.path },
    program: async () => null,
    install: "download it",
    kvm: async () => ({ usable: true, nested: false }),
    ...change,
  });
  return { prober, path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** The header of a program for another machine: elf(5), `e_machine` at 18. */
function program(machine: number): Uint8Array {
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(machine, 18);
  return header;
}

const refusals: [string, string | Uint8Array | null, RegExp][] = [
  ["none", null, /^firecracker is not installed$/],
  ["one for aarch64", program(183), /is a program for aarch64, and this machine is x86-64/],
  ["one for a machine without a name", program(9999), /another machine \(9999\)/],
  ["a text", "hello, this is no program", /is not a program/],
  ["an empty file", "", /is not a program/],
  ["a broken program", program(62), /firecracker (?:can't be started|is ended by|ends with)/],
  ["another program", "#!/bin/sh\necho 'QEMU emulator version 7.2'\n", /does not report a version of Firecracker/],
  ["one that says nothing", "#!/bin/sh\n", /does not report a version/],
  ["one that fails", "#!/bin/sh\necho 'no such thing' >&2\nexit 3\n", /ends with status 3: no such thing/],
  ["one that is too old", saying("1.4.9"), /is version 1\.4\.9, older than 1\.5/],
  ["a version that is none", saying("1.x.0"), /does not report a version/],
];
for (const [what, content, why] of refusals) {
  test(`${what} can't be used`, async () => {
    using host = hostWith(content);
    const probe = await host.prober.probe();
    expect(probe).toMatchObject({
      usable: false,
      why: expect.stringMatching(why),
      fix: "download it",
    });
  });
}

test("one that this user can't execute is named", async () => {
  using host = hostWith(saying("1.14.1"), {}, 0o644);
  const { path } = host;
  expect(await host.prober.probe()).toMatchObject({ usable: false, why: `${path} is not executable for this user` });
});

test("the path in the config counts, also when nothing is there", async () => {
  using host = hostWith(saying("1.14.1"), { program: async () => "/nowhere/firecracker" });
  expect(await host.prober.probe()).toMatchObject({ usable: false, why: "/nowhere/firecracker does not exist" });
});

test("without KVM it can't be used, and emulation is not asked of it", async () => {
  const kvm = async () => ({ usable: false, why: "no module is loaded", fix: "load it" }) as const;
  using without = hostWith(saying("1.14.1"), { kvm });
  expect(await without.prober.probe()).toMatchObject({
    usable: false,
    why: expect.stringContaining("no module"),
    fix: "load it",
  });
  using emulating = hostWith(saying("1.14.1"), { env: { BANGER_VMM_ACCEL: "tcg" } });
  expect(await emulating.prober.probe()).toMatchObject({ usable: false, why: "Firecracker can't emulate" });
});

const versions: [string, boolean, RegExp | undefined][] = [
  ["1.14.1", true, undefined],
  ["1.14.0", true, /tested with 1\.14\.1/],
  ["1.16.0", true, /tested with 1\.14\.1/],
  ["1.13.0", true, /tested/],
  ["1.12.1", false, /boot cold/],
  ["1.7.0", false, /Debian's kernels before 1\.8/],
  ["2.0.0-dev", true, /tested/],
];
for (const [version, snapshots, caution] of versions) {
  test(`version ${version} ${snapshots ? "saves" : "boots cold"}${caution ? ", with a caution" : ""}`, async () => {
    using host = hostWith(saying(version));
    const probe = await host.prober.probe();
    if (!probe.usable) throw new Error(probe.why);
    expect(probe).toMatchObject({ version, accel: "kvm", features: { snapshots, keepsSessions: false, maxDisks: 15 } });
    if (caution) expect(probe.caution).toMatch(caution);
    else expect(probe.caution).toBeUndefined();
  });
}

/** What a host has against signals that name no process: Landlock's scopes, a supervisor, or nothing. */
const signals: [string, { landlock: number; signals: string | null }, { paused: boolean; supervised: boolean }][] = [
  ["Landlock confines its signals", { landlock: 6, signals: null }, { paused: true, supervised: false }],
  ["a supervisor does", { landlock: 5, signals: null }, { paused: true, supervised: true }],
  ["neither does", { landlock: 5, signals: "no supervisor" }, { paused: false, supervised: false }],
];
for (const [where, facts, { paused, supervised }] of signals) {
  test(`one built with musl ${paused ? "can" : "can't"} be paused and saved where ${where}`, async () => {
    using host = answering(program(62), facts);
    const probe = await host.prober.probe();
    expect(probe).toMatchObject({ usable: true, supervised, features: { pause: paused, snapshots: paused } });
    if (paused) expect(probe).not.toHaveProperty("caution");
    else expect(probe).toMatchObject({ caution: expect.stringMatching(/6\.12.*\(no supervisor\)/) });
  });
}

test("one built with glibc can be paused anywhere, and a script is supervised, whatever it starts", async () => {
  const glibc = Buffer.concat([program(62), Buffer.from("\x04\0\0\0\x10\0\0\0\x01\0\0\0GNU\0", "latin1")]);
  using without = answering(glibc, { landlock: 2, signals: "no supervisor" });
  expect(await without.prober.probe()).toMatchObject({ supervised: false, features: { pause: true, snapshots: true } });
  using script = answering(saying("1.14.1"), { landlock: 2, signals: null });
  expect(await script.prober.probe()).toMatchObject({ supervised: true, features: { pause: true, snapshots: true } });
});

/** A host whose Firecracker is the tested version, and whose cage has these facts. */
function answering(content: Uint8Array | string, facts: object) {
  const answer = (text: string) => ({ exitCode: 0, signal: null, stdout: Buffer.from(text), stderr: new Uint8Array() });
  const exec = async (argv: readonly string[]) =>
    answer(argv[1] === "--version" ? "Firecracker v1.14.1\n" : JSON.stringify({ ...JSON.parse(cage), ...facts }));
  return hostWith(content, { exec: exec as unknown as ProbeDeps["exec"] });
}

test("KVM is looked at at each start, and a program that is replaced is asked again", async () => {
  let isThere = true;
  let asked = 0;
  const real = createExec({ PATH: "/usr/bin:/bin" });
  const exec: ProbeDeps["exec"] = (argv, options) => {
    if (argv[1] === "--version") asked += 1;
    return real(argv, options);
  };
  const kvm = async () =>
    isThere ? ({ usable: true, nested: false } as const) : ({ usable: false, why: "gone", fix: "" } as const);
  using host = hostWith(saying("1.14.1"), { exec, kvm });
  expect((await host.prober.probe()).usable).toBe(true);
  isThere = false;
  expect((await host.prober.probe()).usable).toBe(false);
  isThere = true;
  expect((await host.prober.probe()).usable).toBe(true);
  expect(asked).toBe(1);
  writeFileSync(host.path, saying("1.15.12"), { mode: 0o755 });
  expect(await host.prober.probe()).toMatchObject({ version: "1.15.12" });
  expect(asked).toBe(2);
});
