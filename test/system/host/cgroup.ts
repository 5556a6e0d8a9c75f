/** A cgroup of its own for each test host, so that two of them, or a host and its surroundings, share none. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** The mount points of the hierarchies that systemd keeps its units in: cgroup v2 alone, or v2 beside v1 (`man 7 cgroups`). */
const hierarchies: readonly { mount: string; line: RegExp }[] = existsSync("/sys/fs/cgroup/cgroup.controllers")
  ? [{ mount: "/sys/fs/cgroup", line: /^0::(.*)$/m }]
  : [
      { mount: "/sys/fs/cgroup/unified", line: /^0::(.*)$/m },
      { mount: "/sys/fs/cgroup/systemd", line: /^\d+:name=systemd:(.*)$/m },
    ];

/** Makes one below this process's own, in each hierarchy; its folders. */
export function makeCgroup(name: string): string[] {
  const own = readFileSync("/proc/self/cgroup", "utf8");
  return hierarchies.flatMap(({ mount, line }) => {
    const parent = line.exec(own)?.[1];
    if (parent === undefined || !existsSync(join(mount, parent, "cgroup.procs"))) return [];
    const folder = join(mount, parent, name);
    mkdirSync(folder);
    return [folder];
  });
}

/** Nothing runs in it any more. */
export function removeCgroup(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  rmdirSync(folder);
}
