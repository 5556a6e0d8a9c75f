/** ssh to a VM against the same commands by `banger vm exec`: a connection, a session over an open one, much input, and files. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../test/e2e/home.ts";
import { sshFiles } from "./ssh-files.ts";
import { type Row, rowOf } from "./stats.ts";
import { say, timed } from "./timing.ts";

const bulk = new Uint8Array(64 * 1024 * 1024);

export async function ssh(home: Home, runs: number): Promise<Row[]> {
  const config = join(home.folder, "ssh-config");
  await home.ok(["ssh-config"]);
  writeFileSync(config, `Include ${join(home.env["XDG_CONFIG_HOME"] ?? "", "banger/ssh_config")}\n`);
  await home.ok(["vm", "run", "--name", "bench", "--detach"]);
  const client = async (args: string[], input: Uint8Array = new Uint8Array()) => {
    const child = Bun.spawn(["ssh", "-F", config, ...args], { env: home.env, stdin: input, stdout: "ignore" });
    if ((await child.exited) !== 0) throw new Error(`ssh ${args.join(" ")} ended with ${child.exitCode}`);
  };
  const exec = (argv: string[], input?: Uint8Array) =>
    home.ok(["vm", "exec", "bench", "--", ...argv], input ? { input } : {});

  const one = rowOf({ what: "ssh VM true", floorWhat: "vm exec VM -- true", reach: { ratio: 2 } });
  await measured(one, 4 * runs, {
    ours: () => client(["bench.vm", "true"]),
    floor: () => exec(["true"]),
  });

  const shared = ["-o", `ControlPath=${join(home.folder, "master")}`];
  const master = ["ssh", "-F", config, ...shared, "-M", "-f", "-N", "bench.vm"];
  await Bun.spawn(master, { env: home.env, stdio: ["ignore", "ignore", "ignore"] }).exited;
  const again = rowOf({
    what: "ssh VM true, over an open connection",
    floorWhat: "vm exec VM -- true",
    reach: { ratio: 1.5 },
  });
  await measured(again, 4 * runs, {
    ours: () => client([...shared, "bench.vm", "true"]),
    floor: () => exec(["true"]),
  });
  await client([...shared, "-O", "exit", "bench.vm"]);

  const input = rowOf({ what: "64 MiB into ssh VM 'cat >/dev/null'", floorWhat: "by vm exec", reach: { ratio: 1.43 } });
  await measured(input, runs, {
    ours: () => client(["bench.vm", "cat >/dev/null"], bulk),
    floor: () => exec(["sh", "-c", "cat >/dev/null"], bulk),
  });
  const files = await sshFiles(home, config, "bench", runs);
  await home.ok(["vm", "delete", "bench"]);
  return [one, again, input, ...files];
}

async function measured(
  row: Row,
  runs: number,
  { ours, floor }: { ours(): Promise<unknown>; floor(): Promise<unknown> },
): Promise<void> {
  await Promise.all([ours(), floor()]);
  for (let run = 0; run < runs; run++) {
    row.floor.push(await timed(floor));
    row.ours.push(await timed(ours));
  }
  say(row);
}
