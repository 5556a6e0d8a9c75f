/** The database's schema as numbered steps. Never edit a released step: add a new one. */

/** Step N migrates from `user_version` N-1 to N. */
export const migrations: readonly string[] = [
  `CREATE TABLE vms (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     state TEXT NOT NULL,
     spec TEXT NOT NULL,
     image_digest TEXT NOT NULL,
     kernel_digest TEXT NOT NULL,
     ephemeral INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     started_at INTEGER,
     generation INTEGER NOT NULL,
     failure TEXT,
     started_how TEXT
   ) STRICT;
   CREATE TABLE vm_identities (
     vm_id TEXT PRIMARY KEY REFERENCES vms(id) ON DELETE CASCADE,
     machine_id TEXT NOT NULL,
     host_keys TEXT NOT NULL,
     network TEXT
   ) STRICT;
   CREATE TABLE processes (
     vm_id TEXT NOT NULL REFERENCES vms(id) ON DELETE CASCADE,
     role TEXT NOT NULL,
     record TEXT NOT NULL,
     PRIMARY KEY (vm_id, role)
   ) STRICT;
   CREATE TABLE layers (
     digest TEXT PRIMARY KEY,
     bytes INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE images (
     digest TEXT PRIMARY KEY,
     init TEXT NOT NULL,
     source TEXT NOT NULL,
     config TEXT NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE image_layers (
     image_digest TEXT NOT NULL REFERENCES images(digest) ON DELETE CASCADE,
     position INTEGER NOT NULL,
     layer_digest TEXT NOT NULL REFERENCES layers(digest),
     PRIMARY KEY (image_digest, position)
   ) STRICT;
   CREATE TABLE image_names (
     name TEXT PRIMARY KEY,
     digest TEXT NOT NULL REFERENCES images(digest)
   ) STRICT;
   CREATE TABLE kernels (
     digest TEXT PRIMARY KEY,
     release TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     source TEXT NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE kernel_names (
     name TEXT PRIMARY KEY,
     digest TEXT NOT NULL REFERENCES kernels(digest)
   ) STRICT;
   CREATE TABLE journal (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     change TEXT NOT NULL,
     subject TEXT NOT NULL,
     step TEXT NOT NULL,
     begun_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX vms_by_image ON vms(image_digest);
   CREATE INDEX vms_by_kernel ON vms(kernel_digest);`,

  // layers of OCI images: their root folders, whether one hides all below, and the manifests that images were made from
  `ALTER TABLE layers ADD COLUMN root TEXT;
   ALTER TABLE layers ADD COLUMN hides_all INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE image_names ADD COLUMN kernel TEXT;
   ALTER TABLE images ADD COLUMN shell INTEGER NOT NULL DEFAULT 1;
   ALTER TABLE images ADD COLUMN direct_layer TEXT REFERENCES layers(digest);
   CREATE TABLE image_origins (
     digest TEXT PRIMARY KEY,
     image_digest TEXT NOT NULL REFERENCES images(digest) ON DELETE CASCADE
   ) STRICT;`,

  // bundles that kernels were made from
  `CREATE TABLE kernel_origins (
     digest TEXT PRIMARY KEY,
     kernel_digest TEXT NOT NULL REFERENCES kernels(digest) ON DELETE CASCADE
   ) STRICT;`,

  // saved VMs: templates, snapshots and suspended VMs
  `CREATE TABLE templates (
     key TEXT PRIMARY KEY,
     facts TEXT NOT NULL,
     save TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     last_used_at INTEGER NOT NULL,
     uses INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE snapshots (
     id TEXT PRIMARY KEY,
     vm_id TEXT NOT NULL REFERENCES vms(id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     save TEXT,
     bytes INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     UNIQUE (vm_id, name)
   ) STRICT;
   ALTER TABLE vms ADD COLUMN suspended TEXT;`,

  // the host's CA certificates that a VM got; null: not recorded
  "ALTER TABLE vm_identities ADD COLUMN certificates TEXT;",

  // a VM's network was only its kind
  `UPDATE vms SET spec = json_set(spec, '$.network', json_object('kind', json_extract(spec, '$.network'), 'deny', json_array()))
   WHERE json_type(spec, '$.network') = 'text';`,

  // digest of a layer's squashfs file; null: not recorded
  "ALTER TABLE layers ADD COLUMN file_digest TEXT;",

  // why a VM is paused without a command
  "ALTER TABLE vms ADD COLUMN paused_by TEXT;",

  // troubles that the VMM reported since the last start, as JSON
  "ALTER TABLE vms ADD COLUMN troubles TEXT NOT NULL DEFAULT '[]';",

  // every VM was QEMU's
  `UPDATE vms SET spec = json_set(spec, '$.vmm', json_object('driver', 'qemu', 'why', 'there was no other'))
   WHERE json_type(spec, '$.vmm') IS NULL;`,

  // addresses on the bridge; unlisted VMs have them too
  `CREATE TABLE leases (
     vm_id TEXT PRIMARY KEY,
     address TEXT NOT NULL UNIQUE
   ) STRICT;`,

  // addresses on the host's loopback; `createVms` gives one to each VM that has none
  `ALTER TABLE vms ADD COLUMN loopback_address TEXT;
   CREATE UNIQUE INDEX vms_by_loopback_address ON vms(loopback_address);`,

  // paths in the guest of the user's own files, as JSON; whether they are still to be copied
  `ALTER TABLE vms ADD COLUMN synced_paths TEXT NOT NULL DEFAULT '[]';
   ALTER TABLE vms ADD COLUMN awaits_sync INTEGER NOT NULL DEFAULT 0;`,
];
