/** A request's body on its way to an origin: no faster than it is taken, and exactly as long as it said. */

export type UploadTo = {
  /** False when the answer came first, or nobody waits for it any more. */
  readonly isWanted: () => boolean;
  /** Writes it; a promise says when there is room for more. */
  readonly taken: (bytes: Uint8Array) => Promise<void> | undefined;
};

type BodyReader = { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };

/** `length`: undefined for one that goes in chunks (RFC 9112 7.1). False: it was not wanted to its end. */
export async function upload(reader: BodyReader, length: number | undefined, to: UploadTo): Promise<boolean> {
  let sent = 0;
  while (true) {
    const { done, value } = await reader.read();
    if (!to.isWanted()) return false;
    if (done || value === undefined) break;
    if (value.length === 0) continue;
    sent += value.length;
    if (length !== undefined && sent > length)
      throw new TypeError("The request's body is longer than its Content-Length");
    const room = to.taken(length === undefined ? chunkOf(value) : value);
    if (room === undefined) continue;
    await room;
    if (!to.isWanted()) return false;
  }
  if (length === undefined) void to.taken(lastChunk);
  else if (sent !== length) throw new TypeError("The request's body is shorter than its Content-Length");
  return true;
}

const lastChunk = Buffer.from("0\r\n\r\n");
const chunkOf = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
