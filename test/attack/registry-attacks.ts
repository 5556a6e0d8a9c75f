/** What a registry names, sends and claims; each pull must fail in safe words, and reach nobody else. */
import { publicHost } from "./namespace.ts";
import { type Ended, type Pulls, password } from "./pulls.ts";
import { forbidden } from "./registry-lies.ts";
import type { Attack, Outcome } from "./report.ts";
import { unsafeIn } from "./words.ts";

const mib = 1024 * 1024;

const documents: Record<string, string> = {
  "sends an endless layer that it says has 10^15 bytes": "enormous",
  "sends an endless layer that it says is small": "longer",
  "sends a layer that is not the one it named": "other",
  "sends `null` for a manifest": "nothing",
  "sends a manifest of 8 MiB": "large-manifest",
  "sends a manifest of 20,000 layers": "many-layers",
  "sends a layer of negative size": "negative-size",
  "has terminal controls in its manifest": "controls",
  "has terminal controls in its headers": "controls-type",
};
const ways: Record<string, string> = {
  realm: "asks for the password at",
  blob: "redirects a layer to",
  manifest: "redirects a manifest to",
  foreign: "names a foreign layer at",
};

export function registryAttacks(pulls: () => Pulls): Attack[] {
  const sent = Object.entries(ways).flatMap(([way, words]) =>
    Object.entries(forbidden).map(
      ([name, url]): Attack => ({
        name: `${words} ${url}`,
        run: async () => judge(pulls(), await pulls().pull(`${way}-${name}`)),
      }),
    ),
  );
  const lied = Object.entries(documents).map(
    ([name, lie]): Attack => ({
      name,
      run: async () => judge(pulls(), await pulls().pull(lie)),
    }),
  );
  return [...sent, ...lied, movedPassword(pulls), drip(pulls)];
}

function judge(pulls: Pulls, { code, stdout, stderr, seen }: Ended): Outcome {
  const elsewhere = seen.find(({ host }) => host !== publicHost);
  const unsafe = unsafeIn(stderr);
  const left = pulls.leftBytes();
  const problems = [
    code === 0 ? "the image was taken" : "",
    code === null ? "it never came to an end" : "",
    elsewhere ? `${elsewhere.host}:${elsewhere.port} was connected to` : "",
    unsafe ? `what is printed has ${unsafe}` : "",
    left > mib ? `${Math.round(left / mib)} MiB stay in the cache` : "",
    `${stdout}${stderr}`.includes(password) ? "the password is printed" : "",
  ].filter(Boolean);
  return { held: problems.length === 0, seen: problems.join("; ") || errorOf(stderr) };
}

function errorOf(stderr: string): string {
  const line = stderr.split("\n").find((one) => one.startsWith("error: ")) ?? "";
  return line
    .replace(/^error: (the registry [^ ]+ )?/, "")
    .replace(/sha256:[0-9a-f]{64}/g, "sha256:..")
    .slice(0, 140);
}

/** A redirect to another host is followed, without the password. */
function movedPassword(pulls: () => Pulls): Attack {
  const run = async (): Promise<Outcome> => {
    const { seen } = await pulls().pull("moved");
    const asked = seen.filter(({ host, url }) => host !== publicHost && url !== "");
    const held = asked.every(({ authorization }) => authorization === "");
    return { held, seen: `${asked.length} requests there, ${held ? "none with" : "one with"} the password` };
  };
  return { name: "redirects a request that has the password to another host", run };
}

/** Slow is not wrong: it must be possible to interrupt, and nothing else may wait for it. */
function drip(pulls: () => Pulls): Attack {
  const run = async (): Promise<Outcome> => {
    const slow = pulls().pull("drip", 4000);
    const begun = performance.now();
    const other = await pulls().banger(["image", "list"]);
    const took = performance.now() - begun;
    const ended = await slow;
    const held = other.code === 0 && took < 4000 && ended.code !== 0 && ended.code !== null;
    return {
      held,
      seen: `image list took ${Math.round(took)} ms meanwhile, an interrupt ended the pull: ${ended.code}`,
    };
  };
  return { name: "sends a byte each tenth of a second", run };
}
