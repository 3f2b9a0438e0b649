/**
 * The configuration file of a nats-server child: loopback only, one user, JetStream with every write fsynced.
 *
 * In:    the choices below. Out: the file's text, for `nats-server -c`.
 * Why:   `sync_interval: always` is what makes an acknowledgement mean "on disk"; the default syncs every two minutes.
 */
export interface ServerConfig {
  /** -1 lets the system choose. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly storeDir: string;
  readonly maxStoreBytes: number;
  /** `always`, or a duration in tests that need speed more than truth. */
  readonly sync: string;
  readonly pidFile?: string;
}

/** Group commit sends at most 256 records at once, so 1 MB messages leave room for inline bodies. */
const maxPayloadBytes = 1_048_576;
/** Nothing of ours rests in memory streams; a little is kept for ordered consumers' state. */
const maxMemoryBytes = 64 * 1_048_576;

const quoted = (text: string) => JSON.stringify(text);

export function renderConfig(config: ServerConfig): string {
  return `# Written at each start; changes here are lost.
server_name: postfleet
listen: "127.0.0.1:${config.port}"
max_payload: ${maxPayloadBytes}
max_connections: 256
# A client that is frozen longer than this is cut, and returns by itself.
write_deadline: "10s"
logtime: false
${
  config.pidFile === undefined
    ? ""
    : `pid_file: ${quoted(config.pidFile)}
`
}authorization { user: ${quoted(config.user)}, password: ${quoted(config.password)} }
jetstream {
  store_dir: ${quoted(config.storeDir)}
  max_memory_store: ${maxMemoryBytes}
  max_file_store: ${Math.floor(config.maxStoreBytes)}
  sync_interval: ${quoted(config.sync)}
}
`;
}
