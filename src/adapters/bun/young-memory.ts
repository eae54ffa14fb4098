/**
 * Has what was read and is done with collected soon. Each read of a socket is memory of its own, and the engine collects when as much has been
 * added as lives: behind a cache of hundreds of megabytes that is so late that every read takes pages that nobody has touched, and the process grows
 * to twice its size (docs/decisions/2026-11-23-hot-objects.md). A collection of the young alone takes a fraction of a millisecond.
 */
import { edenGC } from "bun:jsc";

const everyBytes = 16 * 1024 * 1024;
/** What a read takes beside its bytes: the objects of a request, about. */
const besideBytes = 2048;

let since = 0;

/** Of each read of an origin. What clients send is little. */
export function readBytes(count: number): void {
  since += count + besideBytes;
  if (since < everyBytes) return;
  since = 0;
  edenGC();
}
