import { expect, test } from "bun:test";
import { type Command, type CommandWanted, chooseCommand } from "./image-command.ts";

const config = { entrypoint: ["/init"], cmd: ["serve"] };
const rows: [what: string, shell: boolean, wanted: CommandWanted, chosen: Command | null][] = [
  ["a command runs as it is typed", true, { argv: ["make"] }, { argv: ["make"] }],
  ["a shell if the image has one", true, { argv: null }, { argv: null, instead: ["/init", "serve"] }],
  ["else the image's own command, as PID 1", false, { argv: null }, { argv: ["/init", "serve"], pid1: true }],
  ["--entrypoint is PID 1", true, { argv: ["a"], entrypoint: "/x" }, { argv: ["/x", "a"], pid1: true }],
  [
    "--init runs the image's own in spite of a shell",
    true,
    { argv: null, init: true },
    { argv: ["/init", "serve"], pid1: true },
  ],
  [
    "--init with arguments puts them in place of Cmd",
    true,
    { argv: ["a"], init: true },
    { argv: ["/init", "a"], pid1: true },
  ],
];
for (const [what, shell, wanted, chosen] of rows)
  test(what, () => expect(chooseCommand({ shell, config }, wanted)).toEqual(chosen as Command));

test("an image without shell and command has nothing to run", () => {
  expect(chooseCommand({ shell: false, config: { entrypoint: [], cmd: [] } }, { argv: null })).toBeNull();
  expect(chooseCommand({ shell: true, config: { entrypoint: [], cmd: [] } }, { argv: null, init: true })).toBeNull();
});
