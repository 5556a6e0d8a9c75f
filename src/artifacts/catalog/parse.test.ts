import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { recipes } from "../../images/recipes.ts";
import { suiteOf } from "../../kernels/names.ts";
import { builtInEntries } from "./built-in.ts";
import { CatalogError, parseCatalog } from "./parse.ts";
import { golden } from "./testing/signed.ts";

const url = "https://example.com/images/catalog.toml";
const sha256 = "0".repeat(63);
const parse = (text: string, from: string | null = url) => parseCatalog(Buffer.from(text), from);

function problems(text: string, from: string | null = url): readonly string[] {
  try {
    parse(text, from);
  } catch (error) {
    if (error instanceof CatalogError) return error.problems;
    throw error;
  }
  return [];
}

const entry = (more = "", name = "tool") =>
  `[[image]]\nname = "${name}"\nurl = "tool"\nsha256 = "${sha256}1"\nsize = 7\n${more}\n`;
const whole = (entries: string, top = "") => `format = 1\n${top}\n${entries}`;

test("an entry's URL is relative to the catalog's", () => {
  expect(parse(golden.content)).toEqual({
    issued: null,
    expires: null,
    entries: [
      {
        kind: "image",
        name: "tool" as never,
        description: "a tool",
        catalog: url,
        kernel: null,
        from: { bundle: { url: "https://example.com/images/tool/", digest: `sha256:${sha256}1` as never, size: 7 } },
      },
    ],
  });
});

test("when a catalog was issued", () => {
  expect(parse(whole("", "issued = 2029-12-01T08:00:00Z")).issued).toBe(Date.parse("2029-12-01T08:00:00Z"));
});

test("kernels, an image's own kernel, and when a catalog expires", () => {
  const kernel = `[[kernel]]\nname = "mine"\nurl = "https://cdn.example/k/"\nsha256 = "${sha256}2"\nsize = 9\n`;
  const { entries, expires } = parse(whole(entry('kernel = "mine"') + kernel, "expires = 2030-01-31T12:00:00+01:00"));
  expect(entries.map(({ kind, name, kernel: own }) => [kind, name, own] as unknown[])).toEqual([
    ["image", "tool", "mine"],
    ["kernel", "mine", null],
  ]);
  expect(expires).toBe(Date.parse("2030-01-31T11:00:00Z"));
  expect(parse(whole("", "expires = 2030-01-31")).expires).toBe(Date.parse("2030-01-31T00:00:00Z"));
});

const places: [from: string, url: string, to: string | null][] = [
  [url, "tool/v1/", "https://example.com/images/tool/v1/"],
  [url, "/elsewhere", "https://example.com/elsewhere/"],
  [url, "https://cdn.example/x", "https://cdn.example/x/"],
  [url, "http://cdn.example/x", null],
  [url, "http://127.0.0.1:80/x", null],
  [url, "//cdn.example/x", "https://cdn.example/x/"],
  [url, "file:///etc/", null],
  [url, "ftp://cdn.example/", null],
  [url, "javascript:alert(1)", null],
  [url, "https://me:secret@cdn.example/", null],
  [url, "x?token=1", null],
  ["http://127.0.0.1:8000/c.toml", "x", "http://127.0.0.1:8000/x/"],
  ["http://127.0.0.1:8000/c.toml", "file:///etc", null],
  ["file:///srv/c.toml", "x", "file:///srv/x/"],
  ["file:///srv/c.toml", "../y", "file:///y/"],
  ["file:///srv/c.toml", "https://cdn.example/x", "https://cdn.example/x/"],
  ["file:///srv/c.toml", "file://host/x", null],
];
for (const [from, to, where] of places) {
  test(`${from} and "${to}": ${where ?? "refused"}`, () => {
    const text = whole(entry().replace('url = "tool"', `url = "${to}"`));
    if (where === null)
      expect(problems(text, from)).toEqual(["image.0.url: is not an address that this catalog can refer to"]);
    else expect(parse(text, from).entries[0]?.from).toMatchObject({ bundle: { url: where } });
  });
}

test("all problems are reported at once, each with its path", () => {
  const text = whole(
    `[[image]]\nname = "docker.io/x/y"\nurll = "tool"\nsha256 = "abc"\nsize = -1\ndescription = "two\\nlines"\n${entry()}${entry()}[[kernel]]\nname="k"\n`,
  );
  expect(problems(text.replace("format = 1", "format = 2\nextra = 1"))).toEqual([
    "format: must be 1: this catalog is for another version of banger",
    expect.stringContaining("image.0.name: must be a name"),
    "image.0.description: must be one line of at most 200 characters",
    expect.stringContaining("image.0.url: "),
    expect.stringContaining("image.0.sha256: must be 64 hex digits"),
    "image.0.size: must be a number of bytes",
    'image.0.urll: unknown key; did you mean "url"?',
    expect.stringContaining("kernel.0.url: "),
    expect.stringContaining("kernel.0.sha256: "),
    expect.stringContaining("kernel.0.size: "),
    "extra: unknown key",
  ]);
  expect(problems(whole(entry() + entry()))).toEqual(['image.1.name: "tool" occurs twice']);
});

const refused: [string, string | Uint8Array, RegExp][] = [
  ["a web page", "<!doctype html><title>Sign in</title>", /^line 1, column/],
  ["nothing", "", /^format: /],
  ["no UTF-8", new Uint8Array([0x66, 0xff, 0xfe]), /no UTF-8/],
  ["a recipe of others", `format = 1\n[[image]]\nname = "x"\nrecipe = "debian-bookworm"\n`, /image\.0/],
  ["a number that is none", whole(entry().replace("size = 7", "size = 99999999999999999999")), /line \d+|size/],
  ["a fraction", whole(entry().replace("size = 7", "size = 7.5")), /size: must be/],
  ["no date", whole("", "expires = 07:32:00"), /expires/],
  ["no date of issue", whole("", "issued = 07:32:00"), /issued/],
  ["deep", whole(`x = ${"[".repeat(100_000)}`), /nested/],
  ["one entry as a table", `format = 1\n[image]\nname = "x"\n`, /image: must be tables/],
  ["too many entries", whole(Array.from({ length: 2001 }, (_, at) => entry("", `t${at}`)).join("")), /more than 2000/],
  ["a name like a digest", whole(entry("", `sha256:${"a".repeat(12)}`)), /name: must be/],
];
for (const [what, text, problem] of refused) {
  test(`${what} is refused`, () => {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    expect(() => parseCatalog(bytes, url)).toThrow(CatalogError);
    expect(problems(Buffer.from(bytes).toString("latin1"))[0] ?? "").toMatch(typeof text === "string" ? problem : /./);
  });
}

test("the built-in catalog has every recipe, and none that does not exist", () => {
  const own = builtInEntries();
  const of = (kind: string) => own.filter((one) => one.kind === kind);
  expect(
    of("image")
      .map(({ from }) => ("recipe" in from ? from.recipe : ""))
      .toSorted(),
  ).toEqual(recipes.map(({ name }) => name as string).toSorted());
  for (const { name, from } of of("kernel")) {
    expect(from).toEqual({ recipe: name });
    expect(suiteOf(name)).not.toBeNull();
  }
});

test(
  "any text gives a catalog or CatalogError, and what is read is within bounds",
  () => {
    const line = fc.constantFrom(
      ...golden.content.split("\n").map((one) => `${one}\n`),
      "[[kernel]]\n",
      "[image]\n",
      "format = 2\n",
      "size = 1e400\n",
      "expires = 1979-05-27\n",
      "issued = 1979-05-27\n",
      "__proto__ = 1\n",
      '"name" = 7\n',
      'url = "https://x/\\u0000"\n',
      'name.name = "x"\n',
      "[[image.image]]\n",
    );
    const piece = fc.oneof(
      line,
      fc.string({ maxLength: 20 }),
      fc.constantFrom("=", '"', "'''", "[", "]", "{", "\0", "é"),
    );
    const text = fc.array(piece, { maxLength: 30 }).map((all) => all.join(""));
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((one) => `format = 1\n${one}`),
        ),
        (one) => {
          let parsed: ReturnType<typeof parseCatalog>;
          try {
            parsed = parse(one);
          } catch (error) {
            if (error instanceof CatalogError && error.problems.length > 0) return;
            throw error;
          }
          for (const { name, from } of parsed.entries) {
            expect(name).toMatch(/^[a-z0-9]/);
            expect("bundle" in from && from.bundle.url.startsWith("https://") && from.bundle.url.endsWith("/")).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: runs(500) },
    );
  },
  patience,
);

test(
  "any bytes do too",
  () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseCatalog(bytes, url);
        } catch (error) {
          if (!(error instanceof CatalogError)) throw error;
        }
      }),
      { numRuns: runs(300) },
    );
  },
  patience,
);
