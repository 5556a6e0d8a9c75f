/**
 * docs/openapi.json, made of the daemon's schemas (OpenAPI 3.1). `bun scripts/openapi.ts` writes it; a test holds it to
 * them. What is no JSON (tar streams, logs, the agent's frames) is named by its media type.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { byRoute, shared } from "../src/api/answers.ts";
import { bodies, network, networkRequest } from "../src/api/requests.ts";
import { type ApiRoute, routes } from "../src/api/routes.ts";
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
    ...(route.path.includes("{name}") ? { parameters: [nameParameter] } : {}),
    ...(body ? { requestBody: { content: body } } : {}),
    responses: responses(name, route),
  };
}

const nameParameter = { name: "name", in: "path", required: true, schema: { type: "string" } };

function bodyOf(name: string, { method, takes }: ApiRoute): Json | null {
  if (takes === "tar") return { "application/x-tar": {} };
  if (method === "GET" || !(name in bodies)) return null;
  return { "application/json": { schema: schemaOf(bodies[name as keyof typeof bodies]) } };
}

const media = { json: "application/json", events: "application/x-ndjson", bytes: "application/octet-stream" };

function responses(name: string, { answers }: ApiRoute): Json {
  const failed = { description: "an error: docs/errors.md has the codes" };
  if (answers === "upgrade") return { 101: { description: "agent frames: protocol/agent.md" }, default: failed };
  const answer = name in byRoute ? { schema: schemaOf(byRoute[name as keyof typeof byRoute]) } : {};
  const description = answers === "events" ? "events, one a line; the last one's value" : "the answer";
  return { 200: { description, content: { [media[answers]]: answer } }, default: failed };
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

/** A word is its kind. */
function networkSchema(): Json {
  const object = jsonSchema(networkRequest, () => null);
  return {
    anyOf: [{ type: "string", enum: [...networkRequest.shape.kind._zod.def.innerType.options] }, object],
  };
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, "../docs/openapi.json"), openapiText());
