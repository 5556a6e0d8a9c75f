/** Where a registry is: its host, and what is spoken there. */
import { isLoopback } from "../../base/reference.ts";

/** Docker Hub's API has another name than its images. */
export function endpointOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

/** Without encryption only where nobody can listen, or where the user said so. */
export function schemesOf(registry: string, insecure: boolean): ("https" | "http")[] {
  return insecure || isLoopback(registry) ? ["https", "http"] : ["https"];
}
