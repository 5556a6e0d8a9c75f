/** The program: `banger`, or `bangerd` when it is called so. */
import { basename } from "node:path";
import { version } from "../base/version.ts";

process.exitCode = await start();

async function start(): Promise<number> {
  if (basename(process.execPath) === "bangerd") {
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

/** Without what the runtime puts in place of bytes that are not UTF-8. */
async function ownArguments(): Promise<string[]> {
  const decoded = process.argv.slice(2);
  if (!decoded.some((word) => word.includes("\ufffd"))) return decoded;
  return (await import("../host/files/own-bytes.ts")).exactArguments(decoded);
}

/** An environment that has no place for anything is said as any failure is. */
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

/** Nothing that is still open (a terminal, a line) may keep a finished program. */
function endWith(code: number): number {
  process.exit(code);
}
