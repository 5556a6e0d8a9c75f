/**
 * docs/openapi.json, generated from the daemon's schemas (OpenAPI 3.1). `bun scripts/openapi.ts` writes it; a test fails when it is
 * out of date. What is not JSON (tar streams, logs, the agent's frames) has only a media type.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { byRoute, shared } from "../src/api/answers.ts";
import { queries } from "../src/api/queries.ts";
import { bodies, network, networkRequest } from "../src/api/requests.ts";
import { type ApiRoute, type RouteName, routes } from "../src/api/routes.ts";
import { apiVersion } from "../src/api/types.ts";

type Json = Record<string, unknown>;

/** The whole document as text. */
export function openapiText(): string {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes as Record<string, ApiRoute>)) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(name, route) };
  }
  const info = {
    title: "bangerd",
    version: String(apiVersion),
    description: "docs/api.md has the rules for all of it.",
  };
  const schemas = Object.fromEntries(Object.entries(shared).map(([name, schema]) => [name, schemaOf(schema, true)]));
  return `${JSON.stringify({ openapi: "3.1.0", info, paths, components: { schemas } }, null, 1)}\n`;
}

function operation(name: string, route: ApiRoute): Json {
  const body = bodyOf(name, route);
  return {
    operationId: name,
    summary: route.summary,
    ...parametersOf(name, route),
    ...(body ? { requestBody: { required: isBodyRequired(name, route), content: body } } : {}),
    responses: responses(name, route),
  };
}

const nameParameter = { name: "name", in: "path", required: true, schema: { type: "string" } };

function bodyOf(name: string, { method, takes }: ApiRoute): Json | null {
  if (takes === "tar") return { "application/x-tar": {} };
  if (method === "GET" || !(name in bodies)) return null;
  return { "application/json": { schema: schemaOf(bodies[name as keyof typeof bodies]) } };
}

function parametersOf(name: string, { path }: ApiRoute): Json {
  const found = Object.entries(queries[name as RouteName] ?? {}).map(([key, parameter]) => ({
    name: key,
    in: "query",
    ...parameter,
  }));
  const parameters = [...(path.includes("{name}") ? [nameParameter] : []), ...found];
  return parameters.length > 0 ? { parameters } : {};
}

/** A body is required where an empty object would be refused. */
function isBodyRequired(name: string, { takes }: ApiRoute): boolean {
  return takes === "tar" || !bodies[name as keyof typeof bodies].safeParse({}).success;
}

const media = { json: "application/json", events: "application/x-ndjson", bytes: "application/octet-stream" };

function responses(name: string, { answers }: ApiRoute): Json {
  const error = { $ref: "#/components/schemas/Error" };
  const failed = {
    description: "an error: docs/errors.md has the codes",
    content: { "application/json": { schema: error } },
  };
  if (answers === "upgrade") return { 101: { description: "agent frames: protocol/agent.md" }, default: failed };
  const value = name in byRoute ? schemaOf(byRoute[name as keyof typeof byRoute]) : null;
  const schema = answers === "events" ? lineSchema(value, error) : value;
  const answer = schema === null ? {} : { schema };
  const description = answers === "events" ? "events, one a line: the schema is that of a line" : "the answer";
  return { 200: { description, content: { [media[answers]]: answer } }, default: failed };
}

/** One line of an NDJSON answer. @param value of the last line where the work succeeds; null: there are only state changes */
function lineSchema(value: Json | null, error: Json): Json {
  if (value === null) return { $ref: "#/components/schemas/StateEvent" };
  const last = (kind: string, content: Json) => ({
    type: "object",
    properties: { kind: { const: kind }, ...content },
    required: ["kind", ...Object.keys(content)],
  });
  return { oneOf: [{ $ref: "#/components/schemas/WorkEvent" }, last("result", { value }), last("error", { error })] };
}

const names = new Map<unknown, string>(Object.entries(shared).map(([name, schema]) => [schema, name]));

/** With a reference in place of each shared schema. @param isComponent it is one of them, and written out */
function schemaOf(root: z.ZodMiniType, isComponent = false): Json {
  return jsonSchema(root, ({ zodSchema, path }) => {
    if (zodSchema === (network as unknown)) return networkSchema();
    const name = names.get(zodSchema);
    // the answer of a route is a reference too, the component itself is not
    return name === undefined || (path.length === 0 && isComponent) ? null : { $ref: `#/components/schemas/${name}` };
  });
}

type Replace = (at: { zodSchema: unknown; path: (string | number)[] }) => Json | null;

function jsonSchema(root: z.ZodMiniType, replace: Replace): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(root, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema: made, path }) => {
      const other = replace({ zodSchema, path });
      if (other === null) return;
      for (const key of Object.keys(made)) delete (made as Json)[key];
      Object.assign(made, other);
    },
  });
  return rest;
}

/** A string is the kind alone. */
function networkSchema(): Json {
  const object = jsonSchema(networkRequest, () => null);
  return {
    anyOf: [{ type: "string", enum: [...networkRequest.shape.kind._zod.def.innerType.options] }, object],
  };
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, "../docs/openapi.json"), openapiText());
