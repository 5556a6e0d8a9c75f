import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { withBlock, withoutBlock } from "./config-block.ts";

const lines = ["Include ~/.config/banger/ssh_config"];
const block = "# >>> banger >>>\nInclude ~/.config/banger/ssh_config\n# <<< banger <<<\n";
const textOf = (made: ReturnType<typeof withBlock>) => ("text" in made ? made.text : made.problem);

describe("install and uninstall", () => {
  test.each([
    ["hosts", "Host a\n  Port 1\n"],
    ["no final newline", "Host a\n  Port 1"],
    ["CRLF", "Host a\r\n\tPort 1\r\n"],
    ["nothing", ""],
    ["bytes that are no UTF-8", "# \xff\xfe\nHost b\n"],
    ["a comment that looks alike", "# >>> bangers >>>\n#>>> banger >>>\n"],
    ["only empty lines", "\n\n"],
  ])("are exact inverses: %s", (_, before) => {
    const text = textOf(withBlock(before, lines));
    expect(text).toBe(`${block}${before}`);
    expect(withoutBlock(text)).toEqual({ text: before });
  });

  test("a file that was not there goes again, unless somebody has written into it since", () => {
    const made = textOf(withBlock(null, lines));
    expect(made).toBe(block.replace(">>> banger", ">>> banger made this file"));
    expect(withoutBlock(made)).toEqual({ text: null });
    expect(withoutBlock(`${made}Host a\n`)).toEqual({ text: "Host a\n" });
    expect(withoutBlock(textOf(withBlock(made, ["Include other"])))).toEqual({ text: null });
  });

  test("again changes nothing; other lines take the place of the old ones, wherever the block stands now", () => {
    const once = textOf(withBlock("Host a\n", lines));
    expect(withBlock(once, lines)).toEqual({ text: once });
    const moved = `Host a\n${block}Host b\n`;
    expect(textOf(withBlock(moved, ["Include x"]))).toBe(`Host a\n${block.replace(/Include.*/, "Include x")}Host b\n`);
    expect(withoutBlock(moved)).toEqual({ text: "Host a\nHost b\n" });
  });

  test("marks with CRLF, as an editor may have made them, are still marks", () => {
    expect(withoutBlock(`${block.replaceAll("\n", "\r\n")}Host a\r\n`)).toEqual({ text: "Host a\r\n" });
  });

  test("without a block there is nothing to take out", () => {
    expect(withoutBlock("Host a\n")).toEqual({ text: "Host a\n" });
  });

  test("whatever the file has", () => {
    const piece = fc.constantFrom("Host a", "\n", "\r\n", " ", "# >>> x", "\xff", "Include b", "\t");
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const before = pieces.join("");
        expect(withoutBlock(textOf(withBlock(before, lines)))).toEqual({ text: before });
      }),
    );
  });
});

test.each([
  ["no end", "Host a\n# >>> banger >>>\nInclude x\n", /line 2 does not end/],
  ["no begin", "Include x\n# <<< banger <<<\n", /line 2 ends a block of banger that does not begin/],
  ["the end first", "# <<< banger <<<\n# >>> banger >>>\n", /does not end/],
  ["two blocks", block + block, /more than one/],
])("marks that somebody has edited are left alone: %s", (_, text, problem) => {
  expect(withBlock(text, lines)).toEqual({ problem: expect.stringMatching(problem) });
  expect(withoutBlock(text)).toEqual({ problem: expect.stringMatching(problem) });
});
