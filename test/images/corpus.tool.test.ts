/** Images as other programs unpack them: the corpus explains every difference. */
import { expect, test } from "bun:test";
import { gate } from "../../src/host/testing/gate.ts";
import { tempFolder } from "../../src/host/testing/temp.ts";
import { compareAll } from "./compare.ts";
import { corpus, tools } from "./corpus.ts";
import { tableOf } from "./table.ts";

const why = gate("tool:umoci") ?? gate("tool:bsdtar") ?? gate("tool:tar") ?? gate("tool:sqfstar");

test.skipIf(why !== null)(
  `every case of the corpus, against umoci, tar and bsdtar${why ? ` (${why})` : ""}`,
  async () => {
    using temp = tempFolder();
    // every tool takes minutes: `make test-images`
    const isWhole = process.env["BANGER_IMAGES"] === "all";
    const rows = await compareAll(corpus, isWhole ? tools : ["umoci"], temp.path);
    if (isWhole) console.log(tableOf(rows));
    expect(rows.filter(({ outcome, why: reason }) => outcome !== "same" && reason === null)).toEqual([]);
    // an explanation of equal results is obsolete
    expect(rows.filter(({ outcome, why: reason }) => outcome === "same" && reason !== null)).toEqual([]);
  },
  1_200_000,
);
