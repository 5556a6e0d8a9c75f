/** `banger completion …` */
import { command, group } from "../command.ts";
import type { Shell } from "./completion.run.ts";

const loaderOf = (shell: Shell) => async () => (await import("./completion.run.ts")).printScript(shell);

function scriptOf(shell: Shell, name: string, examples: readonly (readonly [string, string])[]) {
  return command({
    loader: loaderOf(shell),
    parameters: {},
    docs: {
      brief: `print the completion script for ${name}`,
      description: `print the script that completes commands, flags and names of VMs and images in ${name}`,
      examples,
    },
  });
}

const bash = scriptOf("bash", "bash", [
  ["source <(banger completion bash)", "in this shell; as a line of ~/.bashrc in every one"],
  [
    "banger completion bash > ~/.local/share/bash-completion/completions/banger",
    "in every shell, with the package bash-completion",
  ],
]);
const zsh = scriptOf("zsh", "zsh", [
  ["source <(banger completion zsh)", "in this shell; as a line of ~/.zshrc, after compinit, in every one"],
  ["banger completion zsh > ~/.zfunc/_banger", "in every shell, if ~/.zfunc is in fpath before compinit"],
]);
const fish = scriptOf("fish", "fish", [
  ["banger completion fish | source", "in this shell"],
  ["banger completion fish > ~/.config/fish/completions/banger.fish", "in every shell"],
]);
const powershell = scriptOf("powershell", "PowerShell", [
  [
    "banger completion powershell | Out-String | Invoke-Expression",
    "in this shell; as a line of $PROFILE in every one",
  ],
]);

export const completion = group(
  {
    brief: "print the script that completes banger's commands and names in a shell",
    examples: [["banger completion bash --help", "how to load the one for bash"]],
  },
  { bash, zsh, fish, powershell },
);
