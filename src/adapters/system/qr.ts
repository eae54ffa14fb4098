/** Pictures that a telephone's camera reads (QR, ISO/IEC 18004), as SVG with one path, so that they need no style. A script reads it as XML, hence its name space. */
import { encode } from "uqr";
import type { DrawQr } from "#edge/waiting-room/ports.ts";

/** The quiet zone that readers want on every side. */
const quiet = 4;

export const drawQr: DrawQr = (text) => {
  const { data, size } = encode(text, { ecc: "M", border: quiet });
  const path = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" role="img" aria-label="QR code for the other device" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path fill="#000" d="${path}"/></svg>`;
};
