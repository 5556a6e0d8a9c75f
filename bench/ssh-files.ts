/** One large file through scp, sftp and rsync, each way, against `banger vm cp` of the same file. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../test/e2e/home.ts";
import { type Row, rowOf } from "./stats.ts";
import { say, timed } from "./timing.ts";

const mib = 1024 * 1024;
const bytes = 256 * mib;

/** A file system in memory would measure no disk, and theirs is the one that users have. */
const guestFile = "/var/tmp/large";

/** @param config of ssh @param vm whose image has rsync */
export async function sshFiles(home: Home, config: string, vm: string, runs: number): Promise<Row[]> {
  const [sent, got] = [join(home.folder, "large"), join(home.folder, "got")];
  makeFile(sent);
  const remote = `${vm}.vm:${guestFile}`;
  const client = async (argv: string[], input = "") => {
    const child = Bun.spawn(argv, { env: home.env, stdin: Buffer.from(input), stdout: "ignore" });
    if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} ended with ${child.exitCode}`);
  };
  const sftp = (command: string) => client(["sftp", "-q", "-F", config, "-b", "-", `${vm}.vm`], `${command}\n`);
  // without `-W` it would compare with what is there
  const rsync = (from: string, to: string) => client(["rsync", "-W", "-e", `ssh -F ${config}`, from, to]);
  const ways: Record<string, { in(): Promise<void>; out(): Promise<void> }> = {
    scp: {
      in: () => client(["scp", "-q", "-F", config, sent, remote]),
      out: () => client(["scp", "-q", "-F", config, remote, got]),
    },
    "scp -O": {
      in: () => client(["scp", "-q", "-O", "-F", config, sent, remote]),
      out: () => client(["scp", "-q", "-O", "-F", config, remote, got]),
    },
    sftp: { in: () => sftp(`put ${sent} ${guestFile}`), out: () => sftp(`get ${guestFile} ${got}`) },
    rsync: { in: () => rsync(sent, remote), out: () => rsync(remote, got) },
  };
  const copy = {
    in: () => home.ok(["vm", "cp", sent, `${vm}:${guestFile}`]),
    out: () => home.ok(["vm", "cp", `${vm}:${guestFile}`, got]),
  };
  const rows = Object.entries(ways).flatMap(([name, way]) => (["in", "out"] as const).map((to) => ({ name, to, way })));
  const measured: Row[] = [];
  for (const { name, to, way } of rows) {
    // 0.7 of its rate is 1.43 of its time
    const row = rowOf({ what: `${name} of 256 MiB ${to}`, floorWhat: "vm cp", reach: { ratio: 1.43 } });
    for (let run = 0; run < runs; run++) {
      await home.ok(["vm", "exec", vm, "--", "sync"]);
      if (to === "out") rmSync(got, { force: true });
      row.floor.push(await timed(copy[to]));
      if (to === "out") rmSync(got, { force: true });
      row.ours.push(await timed(way[to]));
    }
    say(row);
    measured.push(row);
  }
  for (const path of [sent, got]) rmSync(path, { force: true });
  return measured;
}

function makeFile(path: string): void {
  const chunk = Buffer.alloc(mib);
  const file = openSync(path, "w");
  for (let at = 0; at < bytes; at += mib) writeSync(file, crypto.getRandomValues(chunk));
  closeSync(file);
}
