import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { fail } from "../base/errors/error.ts";
import { install } from "./install.ts";
import { restart } from "./restart.ts";
import { systemStatus } from "./status.ts";
import { type ScratchOptions, scratchHost, worldIn } from "./testing/scratch.ts";

async function installedHost() {
  const host = scratchHost();
  await install(worldIn(host.root).world, { owner: undefined, dryRun: false });
  return host;
}

const statusOf = (root: string, options: ScratchOptions = {}) => systemStatus(worldIn(root, options).world);

test("a service as it should be has no problems, whoever asks", async () => {
  using host = await installedHost();
  for (const path of ["run/banger", "run/banger-root"]) fs.mkdirSync(`${host.root}/${path}`);
  expect(await statusOf(host.root)).toMatchObject({
    owner: { name: "anna" },
    version: "1.0.0",
    answers: "1.0.0",
    programs: { banger: "as installed", bangerd: "as installed", "banger-vsock-agent": "as installed" },
    sockets: [{ state: "anna (uid 1000) and root" }, { state: "the main process of bangerd.service" }],
    interrupted: false,
    problems: [],
  });
  const daemonVersion = async () => expect.unreachable();
  const asked = await statusOf(host.root, { uid: 1001, daemonVersion });
  expect([asked.answers, asked.problems]).toEqual(["only anna and root may ask", []]);
});

test("each thing that is wrong is a problem", async () => {
  using host = await installedHost();
  const { world } = worldIn(host.root);
  fs.writeFileSync(world.paths.installJournal, "{}");
  fs.writeFileSync(`${world.paths.current}/banger-vsock-agent`, "another");
  fs.rmSync(`${world.paths.current}/bangerd`);
  const exec: typeof world.exec = async (argv, options) => {
    const result = await world.exec(argv, options);
    const stdout = Buffer.from("LoadState=loaded\nActiveState=failed\nMainPID=0\nUnitFileState=\n");
    return argv.at(-1) === "bangerd.service" ? { ...result, stdout } : result;
  };
  const daemonVersion = async () => {
    throw fail("DAEMON_UNREACHABLE", { socket: "s", reason: "nobody listens there" });
  };
  const { problems, sockets } = await systemStatus({ ...world, exec, daemonVersion });
  expect(problems).toEqual([
    "an install was interrupted: `sudo banger system install` finishes it",
    "bangerd.service is failed",
    "bangerd.service does not start at boot: it is disabled",
    "bangerd is missing",
    "banger-vsock-agent is changed since the install",
    "the daemon does not answer as version 1.0.0: the daemon at s can't be reached: nobody listens there",
  ]);
  expect(sockets.map(({ state }) => state)).toEqual(["missing", "missing"]);
});

test("an older daemon that still runs is a problem", async () => {
  using host = await installedHost();
  expect((await statusOf(host.root, { daemonVersion: async () => "0.9.0" })).problems).toEqual([
    "the daemon does not answer as version 1.0.0: 0.9.0",
  ]);
});

test("without an install, with half-written metadata, and with an install that was interrupted before them", async () => {
  using host = scratchHost();
  await expect(statusOf(host.root)).rejects.toMatchObject({ code: "SYSTEM_NOT_INSTALLED" });
  const { paths } = worldIn(host.root).world;
  fs.mkdirSync(paths.settings);
  fs.writeFileSync(paths.installJournal, "{}");
  await expect(statusOf(host.root)).rejects.toMatchObject({
    code: "SYSTEM_METADATA_INVALID",
    message: expect.stringContaining("an install was interrupted"),
  });
  fs.writeFileSync(paths.metadata, '{"schema": 1, "own', { mode: 0o644 });
  await expect(statusOf(host.root)).rejects.toMatchObject({
    code: "SYSTEM_METADATA_INVALID",
    message: expect.stringContaining("it is not a JSON object"),
  });
});

test("restart starts both again, needs root, and needs an install", async () => {
  using host = await installedHost();
  const { world, calls } = worldIn(host.root);
  expect(await restart(world)).toMatchObject([{ name: "bangerd-root.service" }, { name: "bangerd.service" }]);
  expect(calls.slice(0, 3)).toEqual([
    "systemctl daemon-reload",
    "systemctl reset-failed bangerd-root.service bangerd.service",
    "systemctl restart bangerd-root.service bangerd.service",
  ]);
  await expect(restart({ ...world, uid: 1000 })).rejects.toMatchObject({
    code: "SYSTEM_NEEDS_ROOT",
    hint: "run `sudo banger system restart`",
  });
  using other = scratchHost();
  await expect(restart(worldIn(other.root).world)).rejects.toMatchObject({ code: "SYSTEM_NOT_INSTALLED" });
});
