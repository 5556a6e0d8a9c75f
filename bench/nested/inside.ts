/**
 * One part of the bench, in a test host, run by the compiled `banger` itself as a runtime: `inside.js '{…}'`. The last line that it
 * prints is the figures as JSON.
 */
import { Home, type Outcome, type RunOptions } from "../../test/e2e/home.ts";
import { parts } from "./parts.ts";
import type { Bench } from "./vms.ts";

/** `home`: its folder; `part`: a name. */
export type Task = Omit<Bench, "home"> & { home: string; part: string };

/** Where everything is emulated twice, the first boot takes minutes. */
class PatientHome extends Home {
  override banger(args: string[], options: RunOptions = {}): Promise<Outcome> {
    return super.banger(args, { timeoutMs: 20 * 60_000, ...options });
  }
}

// what made this program a runtime must not do so to those that it starts
delete process.env["BUN_BE_BUN"];
const { home, part, ...bench } = JSON.parse(process.argv[2] ?? "") as Task;
const figures = await parts.find(({ name }) => name === part)?.measure({ ...bench, home: new PatientHome("", home) });
console.log(JSON.stringify(figures));
