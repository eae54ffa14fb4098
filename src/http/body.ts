/** Reads request bodies, never more than their bound, and says clearly what is wrong with them. */
import { SpillwayError } from "#kernel/error.ts";
import type { LightRequest } from "#kernel/light-request.ts";

export const jsonBodyMax = 64 * 1024;
export const formBodyMax = 16 * 1024;

export async function readText(request: LightRequest, maxBytes: number): Promise<string> {
  const bytes = await readBytes(request, maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SpillwayError("malformed_body", "The body is not text in UTF-8.");
  }
}

export async function readBytes(request: LightRequest, maxBytes: number): Promise<Uint8Array> {
  const { whole } = request;
  const declared = whole?.length ?? Number(request.headers.get("content-length") ?? "-1");
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (whole !== undefined) return whole;
  if (declared >= 0) {
    const body = new Uint8Array(await request.arrayBuffer());
    if (body.byteLength > maxBytes) throw tooLarge(maxBytes);
    return body;
  }
  // No length was told: count while it comes, and stop reading past the bound.
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body !== null) {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

/** At once where the body is there. */
export function readJson(request: LightRequest, maxBytes = jsonBodyMax): unknown {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) {
    throw new SpillwayError(
      "unsupported_media_type",
      `This address reads application/json, not ${type.slice(0, 100)}.`,
    );
  }
  const { whole } = request;
  return whole === undefined ? jsonToCome(request, maxBytes) : jsonOf(whole, maxBytes);
}

const decoder = new TextDecoder();

function jsonOf(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new SpillwayError("malformed_body", "The body is not valid JSON.");
  }
}

async function jsonToCome(request: LightRequest, maxBytes: number): Promise<unknown> {
  const declared = request.headers.get("content-length");
  try {
    // The runtime's own reader is the fastest; it is used when the length was told and is within bounds.
    if (declared !== null && Number(declared) <= maxBytes) return await request.json();
    return JSON.parse(await readText(request, maxBytes));
  } catch (error) {
    if (error instanceof SpillwayError) throw error;
    throw new SpillwayError("malformed_body", "The body is not valid JSON.");
  }
}

/** An HTML form. Fields that come twice keep the first; U+0000, which means nothing in a text, is dropped. */
export async function readForm(request: LightRequest): Promise<URLSearchParams> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw new SpillwayError("unsupported_media_type", "This address reads application/x-www-form-urlencoded.");
  }
  return new URLSearchParams((await readText(request, formBodyMax)).replace(/%00|\0/g, ""));
}

function tooLarge(maxBytes: number): SpillwayError {
  return new SpillwayError("body_too_large", `The body may be at most ${Math.floor(maxBytes / 1024)} KiB here.`);
}
