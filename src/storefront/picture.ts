/** Pictures never move the page: every one states its size, and one of unknown size gets the plate's own. */
import type { ImageView } from "#contract/shop.ts";
import { type Html, html } from "./html.ts";

/** What a plate is drawn at when a remote picture does not tell its size; the sheet crops to the same shape. */
const unknownSize = { width: 800, height: 1000 };

export type PictureUse =
  /** The largest thing on the first screen: fetched first. */
  "first" | "eager" | "lazy";

export function picture(image: ImageView | null, use: PictureUse, alt?: string): Html {
  if (image === null) return html`<span class="plate" aria-hidden="true"></span>`;
  const known = image.width !== null && image.height !== null;
  return html`<span class="plate"><img src=${image.src} alt="${alt ?? image.alt}" width=${
    known ? image.width : unknownSize.width
  } height=${known ? image.height : unknownSize.height} loading=${use === "lazy" && "lazy"} decoding=${
    use === "lazy" && "async"
  } fetchpriority=${use === "first" && "high"}></span>`;
}
