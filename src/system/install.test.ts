import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { gatedTest } from "../host/testing/gate.ts";
import { install } from "./install.ts";
import { readMetadata } from "./metadata.ts";
import { makeBuild, type ScratchOptions, scratchHost, treeOf, worldIn } from "./testing/scratch.ts";

const starting = [
  "systemctl daemon-reload",
  "systemctl reset-failed bangerd-root.service bangerd.service",
  "systemctl restart bangerd-root.service bangerd.service",
];
const request = { owner: undefined, dryRun: false };

/** The scratch host after an install of that version. */
async function installing(root: string, version = "1.0.0", options: ScratchOptions = {}) {
  makeBuild(`${root}/build`, version);
  const { world, calls } = worldIn(root, { version, ...options });
  return { report: await install(world, request), calls, world };
}

test("a first install: programs, links, metadata, units, and both of them started", async () => {
  using host = scratchHost();
  const { report, calls, world } = await installing(host.root);
  const names = treeOf(host.root).map((line) => line.replace(/ \d+$/, ""));
  expect(names).toEqual(
    expect.arrayContaining([
      "/etc/banger/install.json 644",
      "/etc/systemd/system/bangerd-root.service 644",
      "/etc/systemd/system/bangerd.service 644",
      "/etc/systemd/system/multi-user.target.wants/bangerd.service -> /etc/systemd/system/bangerd.service",
      "/usr/local/bin/banger -> ../lib/banger/current/banger",
      "/usr/local/bin/bangerd -> ../lib/banger/current/bangerd",
      "/usr/local/lib/banger/1.0.0/banger-vsock-agent 755",
      "/usr/local/lib/banger/current -> 1.0.0",
    ]),
  );
  expect(names.filter((name) => /\/\.|previous|journal/.test(name))).toEqual([]);
  expect(fs.statSync(`${host.root}/usr/local/lib/banger/1.0.0/bangerd`).nlink).toBe(2);
  expect(readMetadata(world)).toMatchObject({
    metadata: { version: "1.0.0", owner: { name: "anna", uid: 1000, gid: 100 } },
  });
  expect(calls.slice(0, 3)).toEqual(starting);
  expect(report).toMatchObject({ owner: "anna", version: "1.0.0", replaced: null, rootless: null });
});

test("the same install again changes nothing", async () => {
  using host = scratchHost();
  await installing(host.root);
  const before = treeOf(host.root);
  await installing(host.root);
  expect(treeOf(host.root)).toEqual(before);
});

test("over an older version it is an upgrade, which keeps the previous version and no older one", async () => {
  using host = scratchHost();
  await installing(host.root, "1.0.0");
  const { report } = await installing(host.root, "1.1.0");
  expect(report.replaced).toBe("1.0.0");
  await installing(host.root, "1.2.0");
  expect(fs.readdirSync(`${host.root}/usr/local/lib/banger`).sort()).toEqual(["1.1.0", "1.2.0", "current", "previous"]);
  expect(fs.readlinkSync(`${host.root}/usr/local/lib/banger/previous`)).toBe("1.1.0");
});

test("a rebuild of the same version replaces it", async () => {
  using host = scratchHost();
  const { world } = await installing(host.root);
  makeBuild(`${host.root}/build`, "rebuilt");
  await install(world, request);
  expect(fs.readFileSync(`${host.root}/usr/local/bin/banger`, "utf8")).toBe("banger rebuilt");
  expect(fs.readdirSync(`${host.root}/usr/local/lib/banger`).sort()).toEqual(["1.0.0", "current"]);
});

for (const older of [null, "0.9.0", "1.0.0"]) {
  test(`a failure of any step undoes all of it (${older === null ? "first install" : `over ${older}`})`, async () => {
    using host = scratchHost();
    if (older) await installing(host.root, older);
    makeBuild(`${host.root}/build`, "other content");
    const before = treeOf(host.root);
    for (let last = 1; ; last++) {
      let changes = 0;
      const failAt = (change: string) => {
        changes += 1;
        if (changes === last) throw new Error(`no ${change}`);
      };
      const { world } = worldIn(host.root, { before: failAt });
      const error = await install(world, request).catch((thrown: unknown) => thrown as Error);
      if (!(error instanceof Error)) break;
      // the first and the last are outside of the steps: nothing is there yet, or all is
      if (error.message === "no the end") continue;
      if (error.message !== "no the journal") expect(error.message).toContain("everything was undone");
      expect(treeOf(host.root)).toEqual(before);
    }
  });
}

test("services that do not start are stopped again, and the former ones started", async () => {
  using host = scratchHost();
  await installing(host.root, "0.9.0");
  const before = treeOf(host.root);
  makeBuild(`${host.root}/build`, "1.0.0");
  const { world, calls } = worldIn(host.root, { daemonVersion: async () => "0.9.0" });
  const error = await install(world, request).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "SYSTEM_STEP_FAILED",
    message:
      "could not start bangerd-root.service and bangerd.service, and wait until both answer: version 0.9.0 answers, not 1.0.0; everything was undone",
  });
  expect(treeOf(host.root)).toEqual(before);
  expect(calls).toEqual([...starting, "systemctl stop bangerd.service bangerd-root.service", ...starting]);
});

test("what can't be undone is named", async () => {
  using host = scratchHost();
  const failing = [
    "systemctl restart bangerd-root.service bangerd.service",
    "systemctl stop bangerd.service bangerd-root.service",
  ];
  const { world } = worldIn(host.root, { failing });
  const error = await install(world, request).catch((thrown: unknown) => thrown as Error);
  expect((error as Error).message).toContain("this could not be undone: stop the services (systemctl stop ended with");
});

test("--dry-run prints steps and units, needs no root, and changes nothing", async () => {
  using host = scratchHost();
  const before = treeOf(host.root);
  const { world, calls } = worldIn(host.root, { uid: 1000 });
  const report = await install(world, { owner: "anna", dryRun: true });
  expect(report.steps.at(-1)).toBe("start bangerd-root.service and bangerd.service, and wait until both answer");
  expect(Object.values(report.units).join()).toContain("User=anna");
  expect([treeOf(host.root), calls]).toEqual([before, []]);
});

test.each([
  ["without systemd", { hasSystemd: false }, undefined, "SYSTEM_UNSUPPORTED", "systemd is not running"],
  ["on another processor", { arch: "arm64" }, undefined, "SYSTEM_UNSUPPORTED", "the processor is arm64"],
  ["without root", { uid: 1000 }, undefined, "SYSTEM_NEEDS_ROOT", "needs root; nothing was changed"],
  ["without an owner", { sudoUser: undefined }, undefined, "SYSTEM_OWNER_INVALID", "SUDO_USER does not name one"],
  ["from root's own shell", { sudoUser: "root" }, undefined, "SYSTEM_OWNER_INVALID", "SUDO_USER does not name one"],
  ["for root", {}, "root", "SYSTEM_OWNER_INVALID", "it can't be root"],
  ["for nobody", {}, "nobody-here", "SYSTEM_OWNER_INVALID", "there is no user nobody-here"],
  ["for a home with a space", {}, "weird", "SYSTEM_OWNER_INVALID", "a unit can't name the home of weird"],
  ["without its other programs", { from: "/nonexistent" }, undefined, "FILE_INVALID", "/nonexistent/banger"],
] as const)("%s it is refused, and nothing is changed", async (_where, options, owner, code, words) => {
  using host = scratchHost();
  const before = treeOf(host.root);
  const { world, calls } = worldIn(host.root, options);
  const error = await install(world, { owner, dryRun: false }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
  expect([treeOf(host.root), calls]).toEqual([before, []]);
});

test("without root the command to type is said", async () => {
  using host = scratchHost();
  const { world } = worldIn(host.root, { uid: 1000 });
  const hint = async (owner: string | undefined) =>
    (await install(world, { owner, dryRun: false }).catch((thrown: { hint: string }) => thrown)) as { hint: string };
  expect((await hint(undefined)).hint).toBe('run `sudo banger system install --owner "$USER"`');
  expect((await hint("bert")).hint).toBe("run `sudo banger system install --owner bert`");
});

test("a second owner is refused, and an upgrade keeps the owner, whoever runs it", async () => {
  using host = scratchHost();
  await installing(host.root);
  const { world } = worldIn(host.root, { sudoUser: "bert" });
  await expect(install(world, { owner: "bert", dryRun: false })).rejects.toMatchObject({
    code: "SYSTEM_OWNED",
    hint: expect.stringContaining("sudo banger system uninstall --purge"),
  });
  expect((await install(world, request)).owner).toBe("anna");
});

gatedTest("root", "an install over another user's VMs, which an uninstall has left, is refused", async () => {
  using host = scratchHost();
  fs.mkdirSync(`${host.root}/var/lib/banger`);
  fs.chownSync(`${host.root}/var/lib/banger`, 1001, 1001);
  await expect(install(worldIn(host.root).world, request)).rejects.toMatchObject({
    code: "SYSTEM_OWNED",
    message: expect.stringContaining("belongs to bert,"),
  });
});

test("metadata that are half-written do not keep an install from repairing them", async () => {
  using host = scratchHost();
  const { world } = await installing(host.root);
  const before = treeOf(host.root);
  fs.truncateSync(world.paths.metadata, 40);
  await install(world, request);
  expect(treeOf(host.root)).toEqual(before);
});

test("another program's file in the place of a link stays", async () => {
  using host = scratchHost();
  fs.writeFileSync(`${host.root}/usr/local/bin/banger`, "mine");
  const before = treeOf(host.root);
  await expect(installing(host.root)).rejects.toMatchObject({
    code: "FILE_INVALID",
    message: expect.stringContaining("is a file, where banger's link goes"),
  });
  expect(treeOf(host.root)).toEqual(before);
});
