import { expect, test } from "bun:test";
import * as fs from "node:fs";
import type { Api } from "../client/api.ts";
import type { Exec } from "../host/process/exec.ts";
import { install } from "../system/install.ts";
import { scratchHost, worldIn } from "../system/testing/scratch.ts";
import { servicesFact, systemFact } from "./banger-system-facts.ts";

const of = (root: string, uid: number) => servicesFact(worldIn(root, { uid }).world);

test("the services are their owner's to check, and nobody's without an install", async () => {
  using host = scratchHost();
  expect(await of(host.root, 1000)).toBeNull();
  await install(worldIn(host.root).world, { owner: undefined, dryRun: false });
  expect(await of(host.root, 1000)).toMatchObject({
    version: "1.0.0",
    units: [
      { name: "bangerd-root.service", active: "active" },
      { name: "bangerd.service", enabled: "enabled" },
    ],
    programs: { bangerd: "as installed" },
    interrupted: false,
  });
  expect(await of(host.root, 1001)).toBeNull();
});

test("metadata that are cut short are everybody's problem", async () => {
  using host = scratchHost();
  const { paths } = worldIn(host.root).world;
  fs.mkdirSync(paths.settings);
  fs.writeFileSync(paths.metadata, '{"schema": 1, "own', { mode: 0o644 });
  for (const uid of [1000, 1001])
    expect(await of(host.root, uid)).toEqual({
      problem: `${paths.metadata} can't be trusted: it is not a JSON object`,
      fix: expect.stringContaining("system install"),
      isIgnored: true,
    });
});

const routes = [
  { dst: "default", dev: "eth0" },
  { dst: "172.16.0.0/24", dev: "br-banger" },
  { dst: "172.16.0.0/22", dev: "tun0" },
];
const printing =
  (text: string, exitCode = 0): Exec =>
  async (argv) => ({
    argv,
    exitCode,
    signal: null,
    stdout: Buffer.from(text),
    stderr: Buffer.from(""),
    durationMs: 1,
  });
const facts = (exec: Exec, running: () => Promise<Api | null> = async () => null) =>
  systemFact({ exec, configFile: "/missing/config.toml", running });

test("a route that overlaps with the bridge's network is found, with a network that is free", async () => {
  expect(await facts(printing(JSON.stringify(routes)))).toMatchObject({
    bridge: "172.16.0.1/24",
    clash: { network: "172.16.0.0/22", device: "tun0", free: "172.16.4.1/24" },
    reported: null,
  });
  expect((await facts(printing(JSON.stringify(routes.slice(0, 2))))).clash).toBeNull();
  for (const exec of [printing("", 1), printing("no JSON")]) expect((await facts(exec)).clash).toBeNull();
});

test("an older daemon, and one that does not answer, report nothing", async () => {
  const answering = (host: () => Promise<unknown>) =>
    facts(printing("[]"), async () => ({ json: host }) as unknown as Api);
  const system = { helper: null, helperProblem: null, limitsProblem: "x" };
  expect((await answering(async () => ({ system }))).reported).toEqual(system);
  expect((await answering(async () => ({ cpus: 1 }))).reported).toBeNull();
  const broken = async () => {
    throw new Error("no");
  };
  expect((await answering(broken)).reported).toBeNull();
});
