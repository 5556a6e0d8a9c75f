/** Parses HELLO, the agent's first frame, with limits on every field: the guest is hostile. */
import { integerOf, textOf, textsOf } from "../../base/untrusted-json.ts";
import { protocolError } from "./frame.ts";
import type { Hello, Json } from "./types.ts";

const maxText = 64;
const maxFeatures = 64;

/** @throws AGENT_PROTOCOL */
export function parseHello(json: Json): Hello {
  const { protocol, phase, generation, features } = json;
  if (protocol !== 1) throw protocolError(`${versionText(protocol)}, this banger speaks 1`);
  if (phase !== "boot" && phase !== "up") throw protocolError("HELLO without a phase");
  const known = integerOf(generation, 0, Number.MAX_SAFE_INTEGER);
  if (known === null) throw protocolError("HELLO without a generation");
  return {
    protocol,
    phase,
    generation: known,
    agent: textOf(json["agent"], maxText) ?? "",
    init: textOf(json["init"], maxText) ?? "",
    bootId: textOf(json["bootId"], maxText) ?? "",
    features: textsOf(features, maxFeatures, maxText),
  };
}

function versionText(protocol: unknown): string {
  const version = integerOf(protocol, 0, Number.MAX_SAFE_INTEGER);
  return version === null ? "no protocol version" : `protocol version ${version}`;
}
