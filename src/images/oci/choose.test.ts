/** Which image of an archive is meant by what was typed. */
import { expect, test } from "bun:test";
import { isError } from "../../base/errors/error.ts";
import type { Digest, ImageName } from "../../base/names.ts";
import { namesFor, selectImages } from "./choose.ts";

const digestOf = (digit: string) => `sha256:${digit.repeat(64)}` as Digest;
const one = { names: ["docker.io/library/tool:1"], digests: [digestOf("a"), digestOf("b")] };
const two = { names: ["tool:2", "tool:latest"], digests: [digestOf("c")] };
const three = { names: [], digests: [digestOf("d")] };
const all = [one, two, three];
const wanted = (image: string | null, name: string | null = null) => ({
  image,
  name: name as ImageName,
  fallback: null,
});

test("a name, a tag, a digest or its beginning; without one all images are selected", () => {
  for (const [image, found] of [
    ["docker.io/library/tool:1", one],
    ["1", one],
    ["tool", two],
    ["latest", two],
    [digestOf("b"), one],
    ["cccccc", two],
    ["sha256:dddddddd", three],
  ] as const)
    expect(selectImages(all, wanted(image))).toEqual([found]);
  expect(selectImages(all, wanted(null))).toEqual(all);
  expect(selectImages([three], wanted(null, "mine"))).toEqual([three]);
});

test("a missing or ambiguous choice, or one name for several images, lists the images, and the hint works", () => {
  for (const request of [wanted("4"), wanted("ddddd"), wanted(null, "mine"), wanted("../x")]) {
    const error = (() => {
      try {
        return selectImages(all, request);
      } catch (thrown) {
        return thrown as Error;
      }
    })();
    expect(isError(error, "IMAGE_CHOICE")).toBe(true);
    expect((error as Error).message).toContain("docker.io/library/tool:1, tool:2, sha256:dddddddddddd");
    const next = / --image (\S+?)[` ]/.exec((error as { hint?: string }).hint ?? "")?.[1] ?? "";
    expect(selectImages(all, wanted(next, "mine"))).toEqual([one]);
  }
});

test("a name that two images have, or that is not a plain name, selects none: its digest is offered", () => {
  const twice = { names: ["tool:2"], digests: [digestOf("e")] };
  const hostile = { names: ["$(reboot)"], digests: [digestOf("f")] };
  for (const images of [
    [two, twice],
    [hostile, three],
  ]) {
    const error = (() => {
      try {
        return selectImages(images, wanted(null, "mine"));
      } catch (thrown) {
        return thrown as { hint?: string };
      }
    })() as { hint: string };
    const [, next = "", name] =
      /^choose one: `banger image import FILE --image (\S+) --name (\S+)`$/.exec(error.hint) ?? [];
    expect([selectImages(images, wanted(next, "mine")), name]).toEqual([[images[0] as never], "mine"]);
  }
});

test("several images keep their own names or have none; a single one is named after its file", () => {
  const fallback = "file" as ImageName;
  const named = (names: string[], count: number) =>
    namesFor({ names, digests: [] }, { ...wanted(null), fallback }, count);
  expect(named(["tool:2", "tool:latest"], 3)).toEqual(["tool:2", "tool:latest"] as ImageName[]);
  expect([named([], 2), named(["v1"], 2)]).toEqual([[], []]);
  expect([named([], 1), named(["v1"], 1), named(["latest"], 1)].flat()).toEqual([
    "file",
    "file:v1",
    "file",
  ] as ImageName[]);
});
