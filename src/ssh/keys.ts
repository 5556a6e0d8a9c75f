/** The user's ssh key for banger, made on first use, and host keys for guests. */
import { fail } from "../base/errors/error.ts";
import { ensureFolder, readTextIfAny, writeAtomic } from "../host/files/files.ts";
import { makePrivate, writeNew } from "../host/files/new-file.ts";
import { byteTextOf, lookAt } from "../host/files/tree.ts";
import { decodePrivateKey, encodePrivateKey, generateEd25519, publicLine } from "./openssh-key.ts";

/** A host key as the agent's `identity` verb takes it. */
export type HostKey = { type: string; private: string; public: string };

const maxBytes = 16 * 1024;

/**
 * Makes `paths.sshKey` and its `.pub` if missing, and checks an existing key. Two concurrent processes get the same key.
 * @param deps.comment at the end of the public line, default `banger`
 * @returns the line for `authorized_keys`
 * @throws FILE_INVALID when the file is not an unencrypted Ed25519 key
 */
export async function ensureUserKey(
  deps: { comment?: string },
  paths: { sshKey: string },
): Promise<{ publicLine: string }> {
  const file = paths.sshKey;
  const known = await readTextIfAny(file, maxBytes);
  if (known !== null) return { publicLine: await acceptKey(file, known) };
  await ensureFolder(file.slice(0, file.lastIndexOf("/")), 0o700);
  const text = encodePrivateKey(generateEd25519(), deps.comment ?? "banger");
  const won = await writeNew(file, text, 0o600);
  return { publicLine: await acceptKey(file, won ? text : ((await readTextIfAny(file, maxBytes)) ?? "")) };
}

/** A new Ed25519 host key. */
export function makeHostKey(comment = "banger-guest"): HostKey {
  const key = generateEd25519();
  return { type: "ed25519", private: encodePrivateKey(key, comment), public: publicLine(key.publicKey, comment) };
}

async function acceptKey(file: string, text: string): Promise<string> {
  const decoded = decodePrivateKey(text);
  if (decoded === null) {
    throw fail("FILE_INVALID", {
      path: file,
      problem: "is not an unencrypted Ed25519 key in OpenSSH's format",
      next: `move it away, and banger makes a new one (\`mv ${file} ${file}.old\`)`,
    });
  }
  if (((lookAt(byteTextOf(file))?.mode ?? 0) & 0o077) !== 0) await makePrivate(file);
  const line = publicLine(decoded.key.publicKey, decoded.comment.replaceAll(/[^\x20-\x7e]/g, "") || "banger");
  const beside = await readTextIfAny(`${file}.pub`, maxBytes).catch(() => null);
  if (beside?.trim() !== line) await writeAtomic(`${file}.pub`, `${line}\n`, 0o644);
  return line;
}
