/** Commands under a second name at the top: what is typed all day, and words of docker that mean the same. */
import type { Command, RouteMap } from "@stricli/core";
import type { CliContext } from "./context.ts";

/** Named in the help of the whole program, and completed. */
export const shortWays = ["run", "ssh", "exec", "cp", "ls", "logs", "stop", "rm"] as const;

/** docker's word, and ours. Understood without being named in the help. */
const sameAsDocker = {
  ps: "vm list",
  inspect: "vm show",
  start: "vm start",
  restart: "vm restart",
  kill: "vm kill",
  pause: "vm pause",
  unpause: "vm resume",
  rename: "vm rename",
  wait: "vm wait",
  images: "image list",
  pull: "image pull",
  rmi: "image delete",
} as const;

type Group = RouteMap<CliContext>;

/** The routes of both, for the root. @param groups those that the commands are in */
export function shortRoutes(groups: { vm: Group; image: Group }): Record<string, Command<CliContext>> {
  const ours = [
    ...shortWays.map((name) => [name, `vm ${name}`] as const),
    ...Object.entries(sameAsDocker).map(([name, command]) => [name, command] as const),
  ];
  return Object.fromEntries(
    ours.map(([name, command]) => {
      const [group, word] = command.split(" ") as ["vm" | "image", string];
      return [name, groups[group].getRoutingTargetForInput(word) as Command<CliContext>];
    }),
  );
}
