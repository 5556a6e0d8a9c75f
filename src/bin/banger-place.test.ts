import { expect, test } from "bun:test";
import { ownUid } from "../host/files/owner.ts";
import type { InstallMetadata } from "../model/install.ts";
import { pathsOf } from "../model/paths.ts";
import { fallbackWarning, placeOf } from "./banger-place.ts";

const paths = pathsOf({ state: "/s", cache: "/c", config: "/e", runtime: "/r" });
const metadata = (uid: number) => ({ owner: { name: "anna", uid, gid: 1 } }) as InstallMetadata;

test("the service's place has its own socket and state folder, and an owner, so that no daemon is started there", () => {
  expect(placeOf(paths, {}, metadata(ownUid() || 1000))).toMatchObject({
    socket: "/run/banger/bangerd.sock",
    stateFolder: "/var/lib/banger",
    foreign: false,
    owner: { name: "anna" },
  });
});

test("without an install, and for a socket of another name, nothing is the service's", () => {
  const own = placeOf(paths, { PATH: "/bin", EMPTY: undefined }, null);
  expect(own).toMatchObject({ socket: "/r/bangerd.sock", stateFolder: "/s", foreign: false, env: { PATH: "/bin" } });
  const named = placeOf(paths, { BANGER_SOCKET: "/x.sock" }, metadata(ownUid() || 1000));
  expect(named).toMatchObject({ socket: "/x.sock", foreign: true });
  for (const place of [own, named]) expect(place).not.toHaveProperty("owner");
});

test("metadata that can't be trusted are no silent way to one's own daemon", () => {
  const own = placeOf(paths, {}, null);
  expect(fallbackWarning(own, { problem: "it is not a JSON object" })).toBe(
    "warning: /etc/banger/install.json can't be trusted: it is not a JSON object; this command uses your own daemon\n" +
      "hint: `sudo banger system install --owner USER` rewrites it; give the same owner as before\n",
  );
  // no install, somebody else's, and a daemon that was chosen
  expect(fallbackWarning(own, null)).toBeNull();
  expect(fallbackWarning(own, { metadata: metadata(1) })).toBeNull();
  expect(fallbackWarning({ foreign: true }, { problem: "x" })).toBeNull();
});
