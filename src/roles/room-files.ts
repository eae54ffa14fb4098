/** The waiting room's sheet, script and pages that are the same for everybody, made and compressed once when they are first needed. */
import { compress } from "#adapters/system/compress.ts";
import sheet from "#edge/waiting-room/room.css" with { type: "text" };
import type { RoomFile, RoomFiles } from "#edge/waiting-room/room-files.ts";
import { verifyPage, verifyPolicy } from "#edge/waiting-room/verify-page.ts";
import { verifyScript } from "#edge/waiting-room/verify-script.ts";
import { minifyStyle } from "#storefront/minify-style.ts";

/** They stand under one address for as long as it is one version, so a browser asks again after a while. */
const cacheControl = "public, max-age=600";

let made: Promise<RoomFiles> | undefined;

export async function roomFiles(): Promise<RoomFiles> {
  made ??= make();
  return await made;
}

async function make(): Promise<RoomFiles> {
  const files = [
    ["/.spillway/room.css", await fileOf(minifyStyle(sheet), "text/css; charset=utf-8")],
    ["/.spillway/room.js", await fileOf(await roomScript(), "text/javascript; charset=utf-8")],
    [
      "/.spillway/verify",
      await fileOf(verifyPage, "text/html; charset=utf-8", [["content-security-policy", verifyPolicy]]),
    ],
    ["/.spillway/verify.js", await fileOf(verifyScript, "text/javascript; charset=utf-8")],
  ] as const;
  return new Map(files);
}

export async function roomScript(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [`${import.meta.dir}/../edge/waiting-room/browser/main.ts`],
    minify: true,
    target: "browser",
  });
  return await (built.outputs[0] as Blob).text();
}

async function fileOf(text: string, type: string, fields: RoomFile["fields"] = []): Promise<RoomFile> {
  const plain = new TextEncoder().encode(text);
  const bodies = { identity: plain, br: await compress(plain, "br"), gzip: await compress(plain, "gzip") };
  return { type, cacheControl, etag: `"${Bun.hash(text).toString(36)}"`, fields, bodies };
}
