/** Imported before anything else: the daemon of a test has the version of the compiled client, which speaks to no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
  version: string;
};
Object.assign(globalThis, { BANGER_VERSION: version });
