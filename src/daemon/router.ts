/** Finds the route of a request in the API's table. */
import { type ApiRoute, type RouteName, routes } from "../api/routes.ts";
import { fail } from "../base/errors/error.ts";

export type Match = { route: RouteName; name: string };

type Pattern = { route: RouteName; method: string; segments: string[] };

const patterns: Pattern[] = Object.entries(routes as Record<string, ApiRoute>).map(([route, { method, path }]) => ({
  route: route as RouteName,
  method,
  segments: path.split("/"),
}));

/**
 * @param path as sent; the one variable segment is percent-decoded
 * @throws ROUTE_NOT_FOUND, REQUEST_INVALID
 */
export function matchRoute(method: string, path: string): Match {
  const segments = path.split("/");
  for (const pattern of patterns) {
    if (pattern.method !== method || pattern.segments.length !== segments.length) continue;
    const fits = pattern.segments.every((want, i) => want === segments[i] || (want === "{name}" && segments[i] !== ""));
    if (fits) return { route: pattern.route, name: variableOf(pattern, segments) };
  }
  throw fail("ROUTE_NOT_FOUND", { method: method.slice(0, 16), path: path.slice(0, 200) });
}

function variableOf(pattern: Pattern, segments: string[]): string {
  const at = pattern.segments.indexOf("{name}");
  if (at < 0) return "";
  try {
    return decodeURIComponent(segments[at] ?? "");
  } catch {
    throw fail("REQUEST_INVALID", { problems: ["the path is not percent-encoded UTF-8"] });
  }
}
