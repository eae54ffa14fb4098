/** Compressing a cached answer once, on other threads than the one that answers. */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Made once and sent often: near the best that each can do, in tens of milliseconds for a page. */
export async function compress(
  bytes: Uint8Array<ArrayBuffer>,
  coding: "br" | "zstd" | "gzip",
): Promise<Uint8Array<ArrayBuffer>> {
  switch (coding) {
    case "br":
      return new Uint8Array(
        await brotli(bytes, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: 9,
            [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
          },
        }),
      );
    case "zstd":
      return new Uint8Array(await Bun.zstdCompress(bytes, { level: 12 }));
    case "gzip":
      return new Uint8Array(await zip(bytes, { level: 9 }));
  }
}
