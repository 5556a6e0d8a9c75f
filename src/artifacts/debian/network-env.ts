/** The environment variables that downloads need for the network: proxies and certificates. */

const names = /^(?:https?_proxy|ftp_proxy|all_proxy|no_proxy|ssl_cert_file|ssl_cert_dir|node_extra_ca_certs)$/i;

/** Values can contain credentials: only for a program's environment, never for its arguments. */
export function networkEnv(env: Record<string, string | undefined>): Record<string, string> {
  const chosen = Object.entries(env).filter((pair): pair is [string, string] => names.test(pair[0]) && !!pair[1]);
  return Object.fromEntries(chosen);
}
