/**
 * Finds the mirrors of Debian's own archive in the host's apt sources (deb822 and one-line); repositories of other
 * vendors are not used for images. The result is generated for one suite, so nothing of the host's files is copied
 * unchecked.
 */
import { trimEndOf } from "../../base/trim.ts";

/** Where packages of one Debian release come from; always verified with Debian's own keyring. */
export type DebianMirror = { uri: string /** `bookworm`, `bookworm-updates`, `bookworm-security` */; suites: string[] };

type Source = { uris: string[]; suites: string[]; components: string[]; signedBy: string; trusted: boolean };

/** The public archive. */
export function publicMirrors(suite: string): DebianMirror[] {
  return [
    { uri: "http://deb.debian.org/debian", suites: [suite, `${suite}-updates`] },
    { uri: "http://deb.debian.org/debian-security", suites: [`${suite}-security`] },
  ];
}

/**
 * The mirrors for `suite` in the host's source files. Empty if none has the release itself: then use `publicMirrors`.
 */
export function mirrorsOf(files: readonly { name: string; text: string }[], suite: string): DebianMirror[] {
  const found = new Map<string, Set<string>>();
  for (const { name, text } of files) {
    const sources = name.endsWith(".sources") ? parseDeb822(text) : parseOneLine(text);
    for (const source of sources.filter(isDebian)) addMirrors(found, source, suite);
  }
  const mirrors = [...found].map(([uri, suites]) => ({ uri, suites: [...suites] }));
  return mirrors.some((mirror) => mirror.suites.includes(suite)) ? mirrors : [];
}

/** A deb822 file with these mirrors, `main` only. */
export function sourcesFile(mirrors: readonly DebianMirror[], keyring: string): string {
  return mirrors
    .map((m) => `Types: deb\nURIs: ${m.uri}\nSuites: ${m.suites.join(" ")}\nComponents: main\nSigned-By: ${keyring}\n`)
    .join("\n");
}

function addMirrors(found: Map<string, Set<string>>, source: Source, suite: string): void {
  const suites = source.suites.map((s) => pocketOf(s, suite)).filter((s) => s !== null);
  if (suites.length === 0) return;
  for (const uri of source.uris.filter(isUsable).map((uri) => trimEndOf(uri, "/"))) {
    const known = found.get(uri) ?? new Set<string>();
    for (const one of suites) known.add(one);
    found.set(uri, known);
  }
}

/** The same pocket of `suite`: a mirror with one release's updates has the other's too. */
function pocketOf(hostSuite: string, suite: string): string | null {
  const pocket = /^[a-z]+(-updates|-security|)$/.exec(hostSuite)?.[1];
  return pocket === undefined || hostSuite.startsWith("experimental") ? null : `${suite}${pocket}`;
}

/**
 * True for Debian's own archive: component main, signed by Debian or by any key that apt trusts, and with a Debian URL.
 */
function isDebian(source: Source): boolean {
  const keyring = source.signedBy.slice(source.signedBy.lastIndexOf("/") + 1);
  const signed = source.signedBy === "" || /^debian-archive-[\w-]+\.(?:gpg|asc|pgp)$/.test(keyring);
  const named = source.uris.every((uri) => /debian/i.test(uri) && !/ubuntu/i.test(uri));
  return signed && named && !source.trusted && source.components.includes("main");
}

/** True for a public network URL: no credentials (they would end up in the image), no local path, plain characters. */
function isUsable(uri: string): boolean {
  return /^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[\w.~%+-]+)*\/*$/.test(uri) && uri.length <= 500;
}

function parseDeb822(text: string): Source[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = fieldsOf(stanza);
    const words = (key: string) => (fields.get(key) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || fields.get("enabled")?.trim().toLowerCase() === "no") return [];
    const source: Source = {
      uris: words("uris"),
      suites: words("suites"),
      components: words("components"),
      signedBy: (fields.get("signed-by") ?? "").trim(),
      trusted: fields.get("trusted")?.trim().toLowerCase() === "yes",
    };
    return [source];
  });
}

function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let key = "";
  for (const line of stanza.split("\n")) {
    if (line.startsWith("#")) continue;
    const field = /^([A-Za-z-]+):(.*)$/.exec(line);
    if (field) {
      key = (field[1] as string).toLowerCase();
      fields.set(key, field[2] as string);
    } else if (/^[ \t]/.test(line) && key !== "") fields.set(key, `${fields.get(key)}\n${line}`);
  }
  return fields;
}

function parseOneLine(text: string): Source[] {
  return text.split("\n").flatMap((raw) => {
    const line = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(raw);
    if (!line) return [];
    const options = new Map((line[1] ?? "").split(/\s+/).map((o) => o.split("=", 2) as [string, string]));
    const source: Source = {
      uris: [line[2] as string],
      suites: [line[3] as string],
      components: (line[4] as string).trim().split(/\s+/),
      signedBy: options.get("signed-by") ?? "",
      trusted: options.get("trusted") === "yes",
    };
    return [source];
  });
}
