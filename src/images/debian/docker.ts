/** Docker in the Debian image: BuildKit as its builder, and `docker compose` in front of the older program that Debian has. */

/** dockerd(8): features. Docker 23 and later build with BuildKit by themselves. */
export const dockerDaemon = `${JSON.stringify({ features: { buildkit: true } })}\n`;

/** Where Debian's docker looks for the programs behind its commands. */
export const composePlugin = "usr/libexec/docker/cli-plugins/docker-compose";

const metadata = JSON.stringify({
  SchemaVersion: "0.1.0",
  Vendor: "Debian",
  Version: "1.29.2",
  ShortDescription: "Docker Compose",
});

/** docker hands on its own options, then the name of the command. */
export const composeScript = `#!/bin/sh
[ "$1" != docker-cli-plugin-metadata ] || exec echo '${metadata}'
while [ $# -gt 0 ] && [ "$1" != compose ]; do shift; done; shift; exec docker-compose "$@"
`;
