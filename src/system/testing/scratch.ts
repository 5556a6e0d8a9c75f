/** A host in a folder: what an install finds and leaves there, with a systemd that only notes what it is told. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownUid } from "../../host/files/owner.ts";
import type { Exec } from "../../host/process/exec.ts";
import { createExec } from "../../host/process/exec-node.ts";
import { systemPaths, systemRoots } from "../../model/paths.ts";
import type { SystemWorld } from "../world.ts";

/** lines of passwd(5), by what they are looked up with */
const users: Record<string, string> = {
  1001: "bert:x:1001:100::/home/bert:/bin/sh\n",
  anna: "anna:x:1000:100:Anna:/home/anna:/bin/bash\n",
  bert: "bert:x:1001:100::/home/bert:/bin/sh\n",
  root: "root:x:0:0:root:/root:/bin/bash\n",
  weird: "weird:x:1002:100::/home/a b:/bin/sh\n",
};

/** Makes `root` a host without banger, and beside it a build of that version. */
function makeHost(root: string): void {
  const systemd = ["etc/systemd/system/multi-user.target.wants", "run/systemd/system"];
  for (const folder of ["usr/local/bin", "usr/local/lib", "var/lib", "var/cache", ...systemd])
    fs.mkdirSync(join(root, folder), { recursive: true });
}

/** The programs of a version as a build makes them: `bangerd` is another name of `banger`. @returns their folder */
export function makeBuild(folder: string, content: string): string {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(join(folder, "banger"), `banger ${content}`, { mode: 0o755 });
  fs.linkSync(join(folder, "banger"), join(folder, "bangerd"));
  fs.writeFileSync(join(folder, "banger-vsock-agent"), `agent ${content}`, { mode: 0o755 });
  return folder;
}

export type ScratchOptions = Partial<SystemWorld> & {
  /** command lines of systemctl that fail */
  failing?: readonly string[];
};

export function worldIn(root: string, { failing = [], ...more }: ScratchOptions = {}) {
  const calls: string[] = [];
  const version = more.version ?? "1.0.0";
  const world: SystemWorld = {
    paths: systemPaths(root),
    data: systemRoots("", root),
    exec: scratchExec(calls, failing),
    uid: 0,
    arch: "x64",
    hasSystemd: true,
    sudoUser: "anna",
    version,
    from: `${root}/build`,
    root: ownUid(),
    daemonVersion: async () => version,
    before() {},
    ...more,
  };
  return { world, calls };
}

/** Programs of the host's own users run; systemctl and what was installed do not. */
function scratchExec(calls: string[], failing: readonly string[]): Exec {
  const real = createExec({ PATH: "/usr/bin:/bin" });
  return async (argv, options) => {
    const [program = "", ...args] = argv;
    if (program === "rm") return real(argv, options);
    const answer = (stdout: string, exitCode = 0) => ({
      argv,
      exitCode,
      signal: null,
      stdout: Buffer.from(stdout),
      stderr: Buffer.from(exitCode === 0 ? "" : "it is broken"),
      durationMs: 1,
    });
    if (program === "getent") return answer(users[args.at(-1) ?? ""] ?? "", users[args.at(-1) ?? ""] ? 0 : 2);
    const line = [program.split("/").at(-1), ...args].join(" ");
    calls.push(line);
    if (failing.includes(line)) return answer("", 1);
    if (line.startsWith("systemctl show"))
      return answer("LoadState=loaded\nActiveState=active\nMainPID=7\nUnitFileState=enabled\n");
    return answer("");
  };
}

/** A scratch host with a build of version 1.0.0; in memory where that is possible, as every change is synced to its disk. */
export function scratchHost() {
  const root = fs.mkdtempSync(`${fs.existsSync("/dev/shm") ? "/dev/shm" : tmpdir()}/b-sys-`);
  makeHost(root);
  makeBuild(`${root}/build`, "1.0.0");
  return { root, [Symbol.dispose]: () => fs.rmSync(root, { recursive: true, force: true }) };
}

/** Everything below a folder but the build: path, kind, mode, and content or target. */
export function treeOf(root: string): string[] {
  const lines: string[] = [];
  const walk = (path: string) => {
    for (const name of fs.readdirSync(join(root, path)).sort()) {
      const at = `${path}/${name}`;
      if (at === "/build") continue;
      const facts = fs.lstatSync(join(root, at));
      const mode = (facts.mode & 0o7777).toString(8);
      if (facts.isSymbolicLink()) lines.push(`${at} -> ${fs.readlinkSync(join(root, at))}`);
      else if (facts.isDirectory()) {
        lines.push(`${at}/ ${mode}`);
        walk(at);
      } else lines.push(`${at} ${mode} ${Bun.hash(fs.readFileSync(join(root, at)))}`);
    }
  };
  walk("");
  return lines;
}
