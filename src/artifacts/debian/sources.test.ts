import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { type DebianMirror, mirrorsOf, publicMirrors, sourcesFile } from "./sources.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const main = (uri: string, suites: string, more = "") =>
  `Types: deb\nURIs: ${uri}\nSuites: ${suites}\nComponents: main\n${more}`;

/** [what, file name, text, mirrors] */
const rows: [string, string, string, DebianMirror[]][] = [
  [
    "deb822 with comments between the fields",
    "debian.sources",
    `Types: deb\n# http://snapshot.debian.org/x\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: ${keyring}\n\n${main("http://deb.debian.org/debian-security", "bookworm-security")}`,
    publicMirrors("bookworm"),
  ],
  [
    "one-line with options and components",
    "sources.list",
    `# comment\ndeb [arch=amd64 signed-by=${keyring}] https://mirror.example.com/debian/ bookworm main contrib # x\ndeb-src https://mirror.example.com/debian bookworm main\n`,
    [{ uri: "https://mirror.example.com/debian", suites: ["bookworm"] }],
  ],
  [
    "another release of Debian: its mirror has ours too",
    "debian.sources",
    main("http://mirror.example.com/debian", "trixie trixie-updates trixie-security"),
    [{ uri: "http://mirror.example.com/debian", suites: ["bookworm", "bookworm-updates", "bookworm-security"] }],
  ],
  [
    "another vendor by its keyring",
    "t.list",
    "deb [signed-by=/usr/share/keyrings/tailscale.gpg] https://pkgs.tailscale.com/stable/debian bookworm main",
    [],
  ],
  ["another vendor by its component", "d.list", "deb https://download.docker.com/linux/debian bookworm stable", []],
  ["another vendor by its address", "h.list", "deb https://apt.releases.hashicorp.com bookworm main", []],
  ["Ubuntu", "u.sources", main("http://archive.ubuntu.com/ubuntu", "noble"), []],
  ["unsigned", "x.list", "deb [trusted=yes] http://mirror.example.com/debian bookworm main", []],
  ["switched off", "debian.sources", main("http://deb.debian.org/debian", "bookworm", "Enabled: no\n"), []],
  ["credentials", "x.list", "deb https://user:secret@mirror.example.com/debian bookworm main", []],
  ["a local path", "x.list", "deb file:///srv/debian bookworm main", []],
  ["updates alone are no archive", "x.list", "deb http://deb.debian.org/debian bookworm-updates main", []],
  ["backports are not taken over", "x.list", "deb http://deb.debian.org/debian bookworm-backports main", []],
  ["something that would end a field", "x.list", "deb http://deb.debian.org/debian/$(id) bookworm main", []],
];

for (const [what, name, text, expected] of rows) {
  test(what, () => expect(mirrorsOf([{ name, text }], "bookworm")).toEqual(expected));
}

test("any text is read without an error, and only plain addresses come out", () => {
  const word = fc.constantFrom(
    "deb ",
    "debian",
    "http://",
    "[",
    "]",
    "signed-by=",
    "\n",
    "URIs:",
    "Types: deb",
    "Suites:",
    " bookworm",
    " main",
    ":",
    "$(x)",
    "@",
    " ",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.constantFrom("a.list", "a.sources"), (words, name) => {
      for (const { uri } of mirrorsOf([{ name, text: words.join("") }], "bookworm"))
        expect(uri).toMatch(/^https?:\/\/[\w./%~+:[\]-]+$/);
    }),
    { numRuns: runs(500) },
  );
});

test("the file that is written is read back", () => {
  const text = sourcesFile(publicMirrors("bookworm"), keyring);
  expect(mirrorsOf([{ name: "x.sources", text }], "bookworm")).toEqual(publicMirrors("bookworm"));
});
