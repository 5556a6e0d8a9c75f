import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { install } from "./install.ts";
import { type ScratchOptions, scratchHost, treeOf, worldIn } from "./testing/scratch.ts";
import { uninstall } from "./uninstall.ts";

/** An installed host on which the service has kept something. */
async function installedHost() {
  const host = scratchHost();
  const fresh = treeOf(host.root);
  await install(worldIn(host.root).world, { owner: undefined, dryRun: false });
  for (const folder of ["var/lib/banger/vms", "var/cache/banger/layers", "run/banger", "run/banger-root"])
    fs.mkdirSync(`${host.root}/${folder}`, { recursive: true });
  return Object.assign(host, { fresh });
}

function removing(root: string, purge: boolean, options: ScratchOptions = {}) {
  const { world, calls } = worldIn(root, options);
  return { done: uninstall(world, { purge }), calls };
}

test("everything that was installed is removed, and the service's data stays", async () => {
  using host = await installedHost();
  const { done, calls } = removing(host.root, false);
  const report = await done;
  expect(report.kept).toBe(`${host.root}/var/lib/banger`);
  const data = /^\/(?:var\/lib|var\/cache|run)\/banger/;
  expect(treeOf(host.root).filter((line) => !data.test(line))).toEqual(host.fresh);
  expect(fs.existsSync(`${host.root}/var/lib/banger/vms`)).toBe(true);
  expect(calls).toEqual([
    "systemctl daemon-reload",
    "systemctl stop bangerd.service bangerd-root.service",
    "systemctl kill --signal=SIGKILL bangerd.service",
    "bangerd root-helper remove-network",
    "systemctl daemon-reload",
    "systemctl reset-failed bangerd-root.service bangerd.service",
  ]);
});

test("--purge removes the data too, also when the service is gone already", async () => {
  using host = await installedHost();
  await removing(host.root, false).done;
  const report = await removing(host.root, true).done;
  expect(report.removed.map((path) => path.slice(host.root.length))).toEqual([
    "/var/lib/banger",
    "/var/cache/banger",
    "/run/banger",
    "/run/banger-root",
  ]);
  expect(report.kept).toBeNull();
  expect(treeOf(host.root)).toEqual(host.fresh);
});

test("while the units stop, systemd ends everything in their groups", async () => {
  using host = await installedHost();
  const { world } = worldIn(host.root);
  let dropIn = "";
  const exec: typeof world.exec = (argv, options) => {
    if (argv[1] === "stop") dropIn = fs.readFileSync(world.paths.stopDropIn, "utf8");
    return world.exec(argv, options);
  };
  await uninstall({ ...world, exec }, { purge: false });
  expect(dropIn).toContain("KillMode=control-group");
});

test("what can't be removed is named, and the metadata stay so that it can be tried again", async () => {
  using host = await installedHost();
  const { done } = removing(host.root, false, { failing: ["bangerd root-helper remove-network"] });
  await expect(done).rejects.toMatchObject({
    code: "SYSTEM_STEP_FAILED",
    message: expect.stringContaining("remove the network (bangerd root-helper remove-network ended with status 1"),
  });
  expect(fs.existsSync(`${host.root}/etc/banger/install.json`)).toBe(true);
  // the program that could have removed it is gone by now
  await removing(host.root, true).done;
  expect(treeOf(host.root)).toEqual(host.fresh);
});

test("another program's link in /usr/local/bin stays", async () => {
  using host = await installedHost();
  fs.rmSync(`${host.root}/usr/local/bin/bangerd`);
  fs.symlinkSync("/opt/bangerd", `${host.root}/usr/local/bin/bangerd`);
  await removing(host.root, true).done;
  expect(fs.readlinkSync(`${host.root}/usr/local/bin/bangerd`)).toBe("/opt/bangerd");
});

test("without root nothing is changed, and the command to type is said", async () => {
  using host = await installedHost();
  const before = treeOf(host.root);
  for (const [purge, line] of [
    [false, "run `sudo banger system uninstall`"],
    [true, "run `sudo banger system uninstall --purge`"],
  ] as const) {
    const { done, calls } = removing(host.root, purge, { uid: 1000 });
    await expect(done).rejects.toMatchObject({ code: "SYSTEM_NEEDS_ROOT", hint: line });
    expect(calls).toEqual([]);
  }
  expect(treeOf(host.root)).toEqual(before);
});

test("a host without any of it has nothing to remove", async () => {
  using host = scratchHost();
  await expect(removing(host.root, true).done).rejects.toMatchObject({ code: "SYSTEM_NOT_INSTALLED" });
});
