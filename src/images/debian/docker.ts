/**
 * Docker in the Debian image: BuildKit as its builder, and a `docker compose` plugin that calls Debian's older
 * docker-compose.
 */

/** dockerd(8): features. Docker 23 and later use BuildKit by default. */
export const dockerDaemon = `${JSON.stringify({ features: { buildkit: true } })}\n`;

/** Where Debian's docker looks for its CLI plugins. */
export const composePlugin = "usr/libexec/docker/cli-plugins/docker-compose";

const metadata = JSON.stringify({
  SchemaVersion: "0.1.0",
  Vendor: "Debian",
  Version: "1.29.2",
  ShortDescription: "Docker Compose",
});

/** docker passes its own options, then the command's name. */
export const composeScript = `#!/bin/sh
[ "$1" != docker-cli-plugin-metadata ] || exec echo '${metadata}'
while [ $# -gt 0 ] && [ "$1" != compose ]; do shift; done; shift; exec docker-compose "$@"
`;
