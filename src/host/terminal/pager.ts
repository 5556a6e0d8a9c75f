/** Shows a long text in the user's pager. */
import { spawn } from "node:child_process";

/** What less does without options of the user's: stays on the screen, ends at once when all of it fits, and starts no other program. */
const lessOptions = { LESS: "FRX", LESSSECURE: "1" };

/**
 * @param env `PAGER` names the program, with arguments, never through a shell; empty or `cat`: none; unset: `less`
 * @param print what is called when there is no pager
 */
export async function page(
  text: string,
  env: Record<string, string | undefined>,
  print: (text: string) => Promise<void>,
): Promise<void> {
  const [program = "", ...args] = (env["PAGER"] ?? "less").trim().split(/\s+/);
  if (program === "" || program === "cat" || !(await shown([program, ...args], text, env))) await print(text);
}

async function shown(argv: readonly string[], text: string, env: Record<string, string | undefined>): Promise<boolean> {
  const child = spawn(argv[0] ?? "", argv.slice(1), {
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...env, ...(env["LESS"] === undefined ? lessOptions : { LESSSECURE: "1" }) },
  });
  return new Promise((resolve) => {
    child.on("error", () => resolve(false));
    child.on("close", () => resolve(true));
    // a reader who has seen enough quits before the end
    child.stdin.on("error", () => {});
    child.stdin.end(text);
  });
}
