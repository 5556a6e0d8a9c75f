import { expect, test } from "bun:test";
import { cellWidth } from "../../host/terminal/cells.ts";
import { table } from "./table.ts";

test("columns stay aligned in terminal cells, whatever script a name is in", () => {
  const names = ["plain", "日本語", "e\u0301te\u0301", "👍", "ＷＩＤＥ"];
  const [header = "", ...lines] = table([["NAME", "STATE"], ...names.map((name) => [name, "running"])])
    .trimEnd()
    .split("\n");
  const column = header.indexOf("STATE");
  for (const line of lines) expect(cellWidth(line.slice(0, line.indexOf("running")))).toBe(column);
});

test("a name can't begin a line of its own, and no line ends in spaces", () => {
  expect(
    table([
      ["NAME", "NOTE"],
      ["a\nb", ""],
    ]),
  ).toBe("NAME     NOTE\na\\u{a}b\n");
});
