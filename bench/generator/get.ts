/** The crowd that only looks: GETs as a browser sends them, for one address or for many, and whether the answers are right. */
import { crowd } from "./crowd.ts";
import type { GetJob, GetResult } from "./jobs.ts";
import { zipfSequence } from "./zipf.ts";

const numberWidth = 7;
const sequenceLength = 1 << 20;

/** What a browser says with each request, Host aside. */
export const browserFields: readonly string[] = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
  "Accept-Language: en-GB,en;q=0.7,nb;q=0.3",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Referer: https://shop.example/collections/lamps",
  "Cookie: visitor=0123456789abcdef0123456789abcdef",
  "Sec-Fetch-Dest: image",
  "Sec-Fetch-Mode: no-cors",
  "Sec-Fetch-Site: same-origin",
];

export async function get(job: GetJob, onEdge: (edge: "begin" | "end") => void): Promise<GetResult> {
  const text = [
    `GET ${job.path}/${"0".repeat(numberWidth)} HTTP/1.1`,
    "Host: shop.example",
    ...browserFields,
    ...(job.ifNoneMatch === undefined ? [] : [`If-None-Match: ${job.ifNoneMatch}`]),
    "",
    "",
  ].join("\r\n");
  const bytes = Buffer.from(text);
  const numberEnd = text.indexOf(" HTTP/1.1");
  const order = job.once === true ? undefined : zipfSequence(job.keys, sequenceLength);
  let sent = 0;
  let right = 0;
  const result = await crowd(
    job,
    {
      next() {
        if (order === undefined && sent === job.keys) return undefined;
        let left = order === undefined ? sent : (order[sent % sequenceLength] as number);
        sent += 1;
        for (let place = 1; place <= numberWidth; place++) {
          bytes[numberEnd - place] = 48 + (left % 10);
          left = (left / 10) | 0;
        }
        return bytes;
      },
      answered({ status, length }, inWindow) {
        if (inWindow && status === job.status && length === job.length) right += 1;
      },
    },
    onEdge,
  );
  return { ...result, right };
}
