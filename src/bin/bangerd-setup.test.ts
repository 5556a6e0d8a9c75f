import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { ownUid } from "../host/files/owner.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { formatMetadata } from "../model/install.ts";
import { requireHome, requireMetadata } from "./bangerd-setup.ts";

const metadata = {
  owner: { name: "anna", uid: 1000, gid: 100 },
  version: "0.1.0",
  bridge: "br-banger",
  files: { banger: "a".repeat(64) },
};

test("the service starts for the owner whom the metadata name", () => {
  using folder = tempFolder();
  const path = `${folder.path}/install.json`;
  fs.writeFileSync(path, formatMetadata(metadata), { mode: 0o644 });
  expect(requireMetadata(path, 1000, ownUid())).toEqual(metadata);
});

test("metadata that are half-written, that others can write, or that name somebody else keep it from starting", () => {
  const text = formatMetadata(metadata);
  const refused = (problem: string) =>
    expect.objectContaining({ code: "SYSTEM_METADATA_INVALID", message: expect.stringContaining(problem) });
  using folder = tempFolder();
  const path = `${folder.path}/install.json`;
  const given = (content: string, mode: number, uid: number) => {
    fs.writeFileSync(path, content);
    fs.chmodSync(path, mode);
    return () => requireMetadata(path, uid, ownUid());
  };
  expect(given(text.slice(0, 60), 0o644, 1000)).toThrow(refused("it is not a JSON object"));
  expect(given("", 0o644, 1000)).toThrow(refused("it is not a JSON object"));
  expect(given(text, 0o666, 1000)).toThrow(refused("others than root may write to it"));
  expect(given(text, 0o644, 1001)).toThrow(refused("its owner is anna (uid 1000), and the service runs as uid 1001"));
  fs.rmSync(path);
  expect(() => requireMetadata(path, 1000)).toThrow(expect.objectContaining({ code: "SYSTEM_NOT_INSTALLED" }));
});

test("a home that was swapped for a link to another user's is refused", () => {
  using folder = tempFolder();
  const home = `${folder.path}/home`;
  fs.mkdirSync(home);
  expect(requireHome(home, ownUid())).toBe(home);
  // as seen by a service of another uid
  fs.symlinkSync(home, `${folder.path}/link`);
  if (ownUid() === 0) fs.chownSync(home, 65_534, 65_534);
  const refused = expect.objectContaining({
    code: "FOLDER_UNSAFE",
    message: expect.stringContaining("belongs to uid"),
  });
  expect(() => requireHome(`${folder.path}/link`, ownUid() + 1)).toThrow(refused);
  fs.chmodSync(home, 0o777);
  expect(() => requireHome(home, fs.statSync(home).uid)).toThrow("may be written to by everyone");
});

test("a home that is not there yet is no failure, one that is no path is", () => {
  expect(requireHome("/nonexistent/anna", 1000)).toBe("/nonexistent/anna");
  expect(() => requireHome("", 1000)).toThrow(expect.objectContaining({ code: "HOME_INVALID" }));
});
