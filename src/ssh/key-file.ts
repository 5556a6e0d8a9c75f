/** The public half of a key of the user's own. The private one is ssh's business: it may be encrypted, in an agent, or in a token. */
import { fail } from "../base/errors/error.ts";
import { readTextIfAny } from "../host/files/files.ts";
import { type PublicLine, readPublicLine } from "./public-line.ts";

const maxBytes = 16 * 1024;

/** Path of the public half: ssh(1), `-i`. @param path of either half */
export function publicHalf(path: string): string {
  return path.endsWith(".pub") ? path : `${path}.pub`;
}

/** @param path of the public half @throws FILE_INVALID */
export async function readPublicHalf(path: string): Promise<PublicLine> {
  const text = await readTextIfAny(path, maxBytes);
  const privateKey = path.replace(/\.pub$/, "");
  const next = `\`ssh-keygen -y -f ${privateKey} > ${path}\` makes it of the private one`;
  if (text === null) throw fail("FILE_INVALID", { path, problem: "is missing: the public half of the key", next });
  const key = readPublicLine(text);
  if (key !== null) return key;
  throw fail("FILE_INVALID", {
    path,
    problem: "is no public key, or one of a kind that ssh does not use any more",
    next,
  });
}
