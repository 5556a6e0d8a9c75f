import { expect, test } from "bun:test";
import { whyOlder } from "./rollback.ts";

const at = (issued: string | null, expires: string | null = null) => ({
  issued: issued === null ? null : Date.parse(issued),
  expires: expires === null ? null : Date.parse(expires),
});
type Row = [string, ReturnType<typeof at>, ReturnType<typeof at>, RegExp | null];

test.each<Row>([
  ["the same", at("2026-01-02"), at("2026-01-02"), null],
  ["a millisecond newer", at("2026-01-02T00:00:00.001Z"), at("2026-01-02"), null],
  ["a millisecond older", at("2026-01-01T23:59:59.999Z"), at("2026-01-02"), /issued 2026-01-01T23:59:59.999Z.*02T00/],
  [
    "without the time that the kept one has",
    at(null, "2027-01-01"),
    at("2026-01-02"),
    /does not say when it was issued/,
  ],
  ["the first one with a time", at("2026-01-02"), at(null, "2028-01-01"), null],
  ["newer, and ending earlier", at("2026-01-03", "2026-02-01"), at("2026-01-02", "2027-01-01"), null],
  ["neither with any time", at(null), at(null), null],
  ["the first one with an end", at(null, "2026-02-01"), at(null), null],
  ["ending at the same time", at(null, "2026-02-01"), at(null, "2026-02-01"), null],
  ["ending later", at(null, "2026-02-02"), at(null, "2026-02-01"), null],
  ["ending earlier", at(null, "2026-01-31"), at(null, "2026-02-01"), /expires 2026-01-31.*kept copy 2026-02-01/],
  ["without the end that the kept one has", at(null), at(null, "2026-02-01"), /does not say when it expires/],
])("a catalog that is %s", (_, served, known, why) => {
  const said = whyOlder(served, known);
  if (why === null) expect(said).toBeNull();
  else expect(said).toMatch(why);
});
