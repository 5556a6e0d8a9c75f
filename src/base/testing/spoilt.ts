/** Almost valid documents for property tests of parsers: any part may be replaced, doubled or removed. */
import fc from "fast-check";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const strange: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, -1, 0, 1e300, 1.5, 2 ** 53, "", "\0", "../x", "a".repeat(5000), [], {}),
  fc.string({ maxLength: 20 }),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("__proto__", "constructor", "size", "x"), fc.constant(1), { maxKeys: 2 }),
);

const change = fc.record({ at: fc.nat(), how: fc.constantFrom("replace", "remove", "add"), value: strange });

/** The JSON text of `document` after up to three changes, or bytes that are not JSON. */
export function spoilt(document: Json): fc.Arbitrary<Uint8Array> {
  const changed = fc.array(change, { maxLength: 3 }).map((changes) => {
    const holder: { [key: string]: Json } = { root: structuredClone(document) };
    for (const { at, how, value } of changes) apply(holder, at, how, value);
    return new TextEncoder().encode(JSON.stringify(holder["root"] ?? null));
  });
  return fc.oneof({ weight: 20, arbitrary: changed }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) });
}

type Place = { in: { [key: string]: Json }; key: string };

function apply(holder: { [key: string]: Json }, at: number, how: string, value: Json): void {
  const places: Place[] = [];
  collect(holder, places);
  const place = places[at % places.length] as Place;
  if (how === "replace") place.in[place.key] = value;
  else if (how === "remove" && place.key !== "root") delete place.in[place.key];
  else if (how === "add") place.in[`${place.key}x`] = value;
}

/** Arrays too: an index is a key. */
function collect(value: Json, places: Place[]): void {
  if (typeof value !== "object" || value === null) return;
  const holder = value as { [key: string]: Json };
  for (const key of Object.keys(holder)) {
    places.push({ in: holder, key });
    collect(holder[key] as Json, places);
  }
}
