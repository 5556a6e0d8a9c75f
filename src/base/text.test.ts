import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "./testing/budget.ts";
import { count, firstOf, nearest, quoteArg, quoteArgs, redactText, redactUrl } from "./text.ts";

const urls: [string, string][] = [
  ["https://user:pw@example.com/a.git", "https://example.com/a.git"],
  ["https://token@example.com/a", "https://example.com/a"],
  ["https://example.com/a?token=x#y", "https://example.com/a"],
  ["https://a@b:pw@example.com:8443/x", "https://example.com:8443/x"],
  ["ssh://git:pw@example.com/a", "ssh://git@example.com/a"],
  ["git+ssh://git@example.com/a", "git+ssh://git@example.com/a"],
  ["https://user:p/w@example.com/a", "https://example.com/a"],
  ["https://user:p?w#x@example.com/a", "https://example.com/a"],
  ["https://example.com:8443/@scope/a", "https://example.com:8443/@scope/a"],
  ["https://example.com/@scope/a", "https://example.com/@scope/a"],
  ["https://[::1]:8443/@scope/a", "https://[::1]:8443/@scope/a"],
  ["git@example.com:a/b.git", "git@example.com:a/b.git"],
  ["git:pw@example.com:a/b.git", "git@example.com:a/b.git"],
  ["/home/me/a@b:c", "/home/me/a@b:c"],
  ["file:///home/me", "file:///home/me"],
  ["socks5h://u:p@127.0.0.1:1080", "socks5h://127.0.0.1:1080"],
];
for (const [url, clean] of urls) test(`redactUrl ${url}`, () => expect(redactUrl(url)).toBe(clean));

test("no password survives redactUrl", () => {
  const part = fc.stringMatching(/^[a-z0-9.:@]{0,12}$/);
  fc.assert(
    fc.property(fc.constantFrom("https", "http", "ftp"), part, (scheme, user) => {
      expect(redactUrl(`${scheme}://${user}:hunter2@host/x`)).toBe(`${scheme}://host/x`);
    }),
  );
});

test("no password survives redactText, whatever is in it", () => {
  const password = fc.stringMatching(/^[!-~]{0,12}$/).map((text) => `${text}hunter2`);
  fc.assert(
    fc.property(fc.constantFrom("https", "http", "ftp", "ssh"), password, (scheme, secret) => {
      fc.pre(!/^\d{1,5}[/?#]/.test(secret));
      expect(redactText(`no '${scheme}://user:${secret}@host/x': denied`)).not.toContain("hunter2");
    }),
    { numRuns: runs(300) },
  );
});

test("redactText cleans URLs inside a sentence", () => {
  expect(redactText("unable to access 'https://u:p@h/x?t=1': no")).toBe("unable to access 'https://h/x': no");
  expect(redactText(`"https://u:hunt'er"2@h/x" and <http://t@h>`)).toBe(`"https://h/x" and <http://h>`);
});

const names: [string, string[], string | undefined][] = [
  ["vcpus", ["vcpu", "memory_mib"], "vcpu"],
  ["memroy_mib", ["vcpu", "memory_mib"], "memory_mib"],
  ["WEB-1", ["web-1", "web-2"], "web-1"],
  ["web-3", ["web-1", "web-2"], "web-1"],
  ["zzz", ["vcpu"], undefined],
  ["x", [], undefined],
  ["lst", ["list", "ls"], "list"],
];
for (const [name, list, near] of names) test(`nearest ${name}`, () => expect(nearest(name, list)).toBe(near as string));

test("quoteArg shows what a shell would need", () => {
  expect(quoteArgs(["make", "a b", "it's", "", "K=V", "$x"])).toBe(`make 'a b' 'it'\\''s' '' K=V '$x'`);
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes("\0")),
      (text) => {
        const said = Bun.spawnSync(["sh", "-c", `printf %s ${quoteArg(text)}`]).stdout;
        expect(Buffer.from(said).equals(Buffer.from(text))).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test("count", () =>
  expect([count(1, "file"), count(0, "file"), count(2, "entry", "entries")]).toEqual([
    "1 file",
    "0 files",
    "2 entries",
  ]));

test("credentials are removed wherever a URL begins, in time linear in the text", () => {
  expect(redactText("1http://u:p@h/ x.git+ssh://u:p@h -ftp://u:p@h 12.5https://u:p@h")).toBe(
    "1http://h/ x.git+ssh://h -ftp://h 12.5https://h",
  );
  const begun = performance.now();
  for (const word of ["x", "1", "x1", "a:/", "://"]) redactText(word.repeat(100_000));
  expect(performance.now() - begun).toBeLessThan(3000);
});

test("the first ones of a list, and how many more there are", () => {
  expect(firstOf(["a", "b"], 2)).toBe("a, b");
  expect(firstOf(["a", "b", "c", "d"], 2, (name) => `<${name}>`)).toBe("<a>, <b> and 2 more");
});
