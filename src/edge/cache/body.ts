/**
 * The body of a kept answer. A short one is bytes, which a listener writes as they are; a long one is a blob, which any number of answers
 * give without a copy.
 */
export type Body = Uint8Array<ArrayBuffer> | Blob;

export const bytesMax = 65_536;

export const sizeOf = (body: Body): number => (body instanceof Blob ? body.size : body.length);

/** Of pieces that are nobody else's, or of one that is. The bytes stand by themselves: no larger buffer is kept for them. */
export function bodyOf(pieces: readonly (Uint8Array<ArrayBuffer> | ArrayBuffer)[]): Body {
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  if (size > bytesMax) return new Blob(pieces as (Uint8Array<ArrayBuffer> | ArrayBuffer)[]);
  const body = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece instanceof ArrayBuffer ? new Uint8Array(piece) : piece, at);
    at += piece.byteLength;
  }
  return body;
}

export const readWhole = async (body: Body): Promise<Uint8Array<ArrayBuffer>> =>
  body instanceof Blob ? new Uint8Array(await body.arrayBuffer()) : body;
