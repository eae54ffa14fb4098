/**
 * How the embedded server is set for taking orders on a small machine. They go on its command line, so every start
 * has the settings of the Spillway that starts it. What an acknowledged order rests on (fsync, synchronous_commit,
 * full_page_writes) stays at Postgres's default, on, and is spelled out so that nobody has to wonder.
 */
import { totalmem } from "node:os";

const mebibyte = 1024 * 1024;

export type ServerSettings = Readonly<Record<string, string>>;

/** `freeDiskBytes` bounds the write-ahead log: a disk filled by it would stop the shop. */
export function serverSettings(freeDiskBytes: number, memoryBytes = machineMemoryBytes()): ServerSettings {
  const walMebibytes = clamp(Math.floor(freeDiskBytes / mebibyte / 4), 128, 4096);
  return {
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    wal_level: "replica",
    // pglz, since the npm builds have no lz4. It costs some CPU and saves most of the bytes after a checkpoint.
    wal_compression: "pglz",
    // Rare, long checkpoints: a rush should not pay for full pages again and again.
    checkpoint_timeout: "15min",
    max_wal_size: `${walMebibytes}MB`,
    min_wal_size: `${Math.max(Math.floor(walMebibytes / 4), 80)}MB`,
    shared_buffers: "256MB",
    effective_cache_size: `${clamp(Math.floor(memoryBytes / mebibyte / 2), 256, 16_384)}MB`,
    max_connections: "60",
    // Our statements are short; compiling one costs more than running it.
    jit: "off",
    // A report must not take the core that orders need, nor /dev/shm, of which a container may have 64 MB.
    max_parallel_workers_per_gather: "0",
    // SSD; the default is for a spinning disk.
    random_page_cost: "1.1",
    // Stock rows change thousands of times a minute: their dead versions go before scans feel them.
    autovacuum_naptime: "10s",
    autovacuum_vacuum_scale_factor: "0.05",
    autovacuum_analyze_scale_factor: "0.05",
    autovacuum_vacuum_cost_limit: "1000",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] ",
    log_min_messages: "warning",
    log_checkpoints: "off",
    cluster_name: "spillway",
  };
}

/** What this process may use: a container's limit counts, not the machine around it. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
