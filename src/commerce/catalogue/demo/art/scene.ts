/**
 * The room in which every product of the demonstration shop is drawn: a wall, the disc of the north light and a floor,
 * in the colours of its collection; light falls from the upper left. Drawings are strings of SVG without scripts,
 * fonts or references to elsewhere, so that they can be served as they are.
 */

/** Pixels of every product picture: four to five. */
export const pictureSize = { width: 800, height: 1000 } as const;

export type Setting = {
  /** The wall, top and bottom. */
  readonly wall: readonly [string, string];
  readonly disc: string;
  readonly floor: readonly [string, string];
  /** What stands far behind, before the floor is drawn. */
  readonly distance?: string;
};

export const settings = {
  light: { wall: ["#20223f", "#5b456f"], disc: "#7a5c80", floor: ["#4a385f", "#2a2444"] },
  table: { wall: ["#f8ecdd", "#efd9c0"], disc: "#fff8ec", floor: ["#e3c5a5", "#d3ae8b"] },
  outdoors: {
    wall: ["#dcebee", "#bcd5db"],
    disc: "#fbf6e6",
    floor: ["#8fb0ae", "#6f9493"],
    distance:
      '<path fill="#a9c6cd" d="M0 330l52-62 34 32 66-88 58 74 40-40 62 62 44-36 44 40v90H0z"/><path fill="#98b9bf" d="M0 362l70-48 60 36 74-56 70 50 56-28 70 40v60H0z"/>',
  },
  soft: { wall: ["#f3e8ee", "#e2cdd9"], disc: "#fdf6f6", floor: ["#cfb3c4", "#b896ac"] },
  quiet: { wall: ["#e9efe3", "#cfdccb"], disc: "#f9fbf2", floor: ["#b4c6b2", "#98ad98"] },
} as const satisfies Record<string, Setting>;

/** Gradients every drawing may use: `v` rounds a body by light and shade, `t` darkens downwards, `g` is a shadow. */
const gradients = {
  v: '<linearGradient id="v"><stop stop-color="#fff" stop-opacity=".38"/><stop offset=".34" stop-color="#fff" stop-opacity="0"/><stop offset=".58" stop-opacity="0"/><stop offset="1" stop-opacity=".3"/></linearGradient>',
  t: '<linearGradient id="t" x2="0" y2="1"><stop stop-color="#fff" stop-opacity=".22"/><stop offset=".4" stop-color="#fff" stop-opacity="0"/><stop offset=".55" stop-opacity="0"/><stop offset="1" stop-opacity=".24"/></linearGradient>',
  g: '<radialGradient id="g"><stop stop-opacity=".42"/><stop offset=".55" stop-opacity=".17"/><stop offset="1" stop-opacity="0"/></radialGradient>',
} as const;

/** Those of the gradients above that a drawing uses. */
export const gradientsFor = (drawing: string): string =>
  Object.entries(gradients)
    .filter(([id]) => drawing.includes(`url(#${id})`))
    .map(([, gradient]) => gradient)
    .join("");

/** A whole picture: the room, then the drawing. `defs` are the drawing's own gradients and shapes. */
export function scene({ wall, disc, floor, distance = "" }: Setting, drawing: string, defs = ""): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${pictureSize.width}" height="${pictureSize.height}" viewBox="0 0 400 500">` +
    `<defs>${fade("w", wall)}${fade("f", floor)}${gradientsFor(drawing + defs)}${defs}</defs>` +
    '<path fill="url(#w)" d="M0 0h400v500H0z"/>' +
    `<circle cx="200" cy="216" r="146" fill="${disc}" opacity=".35"/><circle cx="200" cy="216" r="122" fill="${disc}" opacity=".75"/>` +
    `${distance}<path fill="url(#f)" d="M0 392q200-26 400 0v108H0z"/>${drawing}</svg>`
  );
}

/** A gradient from top to bottom. */
export const fade = (id: string, [top, bottom]: readonly [string, string]): string =>
  `<linearGradient id="${id}" x2="0" y2="1"><stop stop-color="${top}"/><stop offset="1" stop-color="${bottom}"/></linearGradient>`;

/** The shadow on the floor. */
export const shadow = (cx: number, cy: number, rx: number, ry = rx / 6): string =>
  `<ellipse cx="${cx}" cy="${cy}" rx="${rx}" ry="${round(ry)}" fill="url(#g)"/>`;

/**
 * A shape in a colour, made round by light (`v` from the left, `t` from above). The outline is written once, under a
 * name made from it, which the test holds to be different for all shapes of a picture.
 */
export function shape(colour: string, d: string, light: "v" | "t" = "v"): string {
  let hash = 0;
  for (const sign of d) hash = (Math.imul(hash, 31) + sign.charCodeAt(0)) >>> 0;
  const id = `s${(hash % 46_656).toString(36)}`;
  return `<g fill="${colour}"><path id="${id}" d="${d}"/></g><use href="#${id}" fill="url(#${light})"/>`;
}

/** Two colours mixed: 0 is the first, 1 the second. */
export function mix(first: string, second: string, share: number): string {
  const channel = (from: number) => {
    const a = Number.parseInt(first.slice(from, from + 2), 16);
    const b = Number.parseInt(second.slice(from, from + 2), 16);
    return Math.round(a + (b - a) * share)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

/** A colour deeper in shade, towards a blue night rather than black. */
export const deep = (colour: string, share = 0.3): string => mix(colour, "#1b1c3a", share);
/** A colour nearer to the light, towards a warm white. */
export const pale = (colour: string, share = 0.3): string => mix(colour, "#fff8ec", share);

/** Two decimals are finer than any screen shows a drawing. */
export const round = (value: number): number => Math.round(value * 100) / 100;
