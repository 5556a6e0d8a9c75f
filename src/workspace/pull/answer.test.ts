import { expect, test } from "bun:test";
import { AnswerError, AnswerHead, answerLimits, parseAnswer } from "./answer.ts";

const a = "a".repeat(40);
const b = "b".repeat(40);
const good = `banger-work 1\nformat sha1\nhead ${a} refs/heads/main\nwork ${b}`;

test("a head, with and without branches and commits", () => {
  expect(parseAnswer(`${good}\nref ${a} refs/heads/main\nref ${b} refs/heads/x/y`)).toEqual({
    format: "sha1",
    head: { oid: a, ref: "refs/heads/main" },
    work: b,
    refs: new Map([
      ["refs/heads/main", a],
      ["refs/heads/x/y", b],
    ]),
  });
  expect(parseAnswer(good.replace("refs/heads/main", "-")).head).toEqual({ oid: a, ref: null });
  expect(parseAnswer(good.replace(a, "-")).head).toEqual({ oid: null, ref: "refs/heads/main" });
  const long = parseAnswer(`banger-work 1\nformat sha256\nhead ${"a".repeat(64)} -\nwork ${"b".repeat(64)}`);
  expect(long.format).toBe("sha256");
});

const bad: [title: string, text: string][] = [
  ["nothing", ""],
  ["another version", good.replace("1", "2")],
  ["another format", good.replace("sha1", "md5")],
  ["a long id in a short format", good.replace(a, "a".repeat(64))],
  ["no id", good.replace(b, "HEAD")],
  ["an option for an id", good.replace(b, `--upload-pack=${b}`)],
  ["upper case", good.replace(a, "A".repeat(40))],
  ["a HEAD elsewhere", good.replace("refs/heads/main", "refs/remotes/x")],
  ["two of one name", `${good}\nref ${a} refs/heads/x\nref ${b} refs/heads/x`],
  ["a tag", `${good}\nref ${a} refs/tags/x`],
  ["a name that leads up", `${good}\nref ${a} refs/heads/../x`],
  ["a name like an option", `${good}\nref ${a} refs/heads/-x`],
  ["a line that is none", `${good}\nhello`],
];
for (const [title, text] of bad) {
  test(`refused: ${title}`, () => expect(() => parseAnswer(text)).toThrow(AnswerError));
}

test("too many branches", () => {
  const lines = Array.from({ length: answerLimits.refs + 1 }, (_, i) => `ref ${a} refs/heads/b${i}`);
  expect(() => parseAnswer([good, ...lines].join("\n"))).toThrow("more than 10000 branches");
});

test("the pack begins after the empty line, however the stream is cut", () => {
  const whole = Buffer.from(`${good}\n\nPACK\n\n\0rest`, "latin1");
  for (let cut = 1; cut < whole.length; cut++) {
    const head = new AnswerHead();
    const rest = [whole.subarray(0, cut), whole.subarray(cut)].map((chunk) => head.push(chunk));
    expect(Buffer.concat(rest).toString("latin1")).toBe("PACK\n\n\0rest");
    expect(head.answer?.work).toBe(b);
  }
});
