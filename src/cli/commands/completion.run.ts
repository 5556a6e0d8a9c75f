/** `banger completion`: prints a shell's script. */
import bash from "../completion/scripts/banger.bash" with { type: "text" };
import fish from "../completion/scripts/banger.fish" with { type: "text" };
import powershell from "../completion/scripts/banger.ps1" with { type: "text" };
import zsh from "../completion/scripts/banger.zsh" with { type: "text" };
import type { CliContext } from "../context.ts";

const scripts = { bash, zsh, fish, powershell };

export type Shell = keyof typeof scripts;

export function printScript(shell: Shell): (this: CliContext) => void {
  return function (this: CliContext) {
    this.process.stdout.write(scripts[shell]);
  };
}
