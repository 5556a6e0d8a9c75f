/** The program: `banger`, or `bangerd` when it is started under that name. */
import { basename } from "node:path";
import { version } from "../base/version.ts";
import { measurePace } from "../host/pace.ts";

measurePace();
process.exitCode = await start();

async function start(): Promise<number> {
  if (basename(process.execPath) === "bangerd") {
    if (process.argv[2] === "root-helper") {
      const { rootHelperMain } = await import("./root-helper.ts");
      return endWith(await rootHelperMain(process.argv.slice(3), process.env));
    }
    // for each stop of the service: without all that a daemon loads
    if (process.argv[2] === "release-cgroup" && process.argv.length === 3) {
      const { releaseCgroup } = await import("../host/process/cgroup.ts");
      releaseCgroup();
      return endWith(0);
    }
    const { bangerdMain } = await import("./bangerd.ts");
    return endWith(await bangerdMain(process.argv.slice(2), process.env));
  }
  const argv = await ownArguments();
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    process.stdout.write(`banger ${version}\n`);
    return 0;
  }
  const [{ main, splitArgv }, { cliContext }] = await Promise.all([
    import("../cli/main.ts"),
    import("./banger-context.ts"),
  ]);
  const { own, guest } = splitArgv(argv);
  return endWith(
    await runCli(
      () => cliContext(guest),
      (context) => main(own, context),
      own.includes("--json"),
    ),
  );
}

/** The process's arguments, with the exact bytes of those that are not UTF-8. */
async function ownArguments(): Promise<string[]> {
  const decoded = process.argv.slice(2);
  if (!decoded.some((word) => word.includes("\ufffd"))) return decoded;
  return (await import("../host/files/own-bytes.ts")).exactArguments(decoded);
}

/** Reports an environment without usable folders like any other failure. */
async function runCli<T>(prepare: () => T, run: (context: T) => Promise<number>, json: boolean): Promise<number> {
  let context: T;
  try {
    context = prepare();
  } catch (error) {
    const { report } = await import("../cli/ui/report.ts");
    return report(error, { json, debug: false, write: (text) => void process.stderr.write(text) });
  }
  return run(context);
}

/** Exits although something is still open (a terminal, a connection). */
function endWith(code: number): number {
  process.exit(code);
}
