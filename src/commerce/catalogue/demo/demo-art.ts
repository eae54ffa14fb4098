/**
 * The pictures of the demonstration shop by their address: drawn when they are asked for, the same each time. They are
 * the project's own, so the shop looks like one from the first minute, offline and without anybody's photographs.
 */
import { auroraLamp, candle, lantern, pendant, readingLight, tableLamp } from "./art/light.ts";
import { bottle, pack, shell, sneaker, tent } from "./art/outdoors.ts";
import { emptyCart, favicon, hero, logo, lost, storm } from "./art/places.ts";
import { fellsPrint, headphones, midnightSunPrint, notebook } from "./art/quiet.ts";
import { beanie, blanket, cushion, socks } from "./art/soft.ts";
import { carafe, dripper, kettle, morningSet, mug } from "./art/table.ts";

type Drawing = () => string;

/** One picture a colour: "hearth-mug-ink", "hearth-mug-clay". */
const inColours = (
  handle: string,
  draw: (colour: string) => string,
  colours: Readonly<Record<string, string>>,
): [string, Drawing][] => Object.entries(colours).map(([name, colour]) => [`${handle}-${name}`, () => draw(colour)]);

/** One picture a pair of colours, for things of two. */
const inPairs = (
  handle: string,
  draw: (first: string, second: string) => string,
  pairs: Readonly<Record<string, readonly [string, string]>>,
): [string, Drawing][] => Object.entries(pairs).map(([name, pair]) => [`${handle}-${name}`, () => draw(...pair)]);

const drawings: ReadonlyMap<string, Drawing> = new Map<string, Drawing>([
  ["aurora-lamp", auroraLamp],
  ...inColours("fjell-table-lamp", tableLamp, { amber: "#d9772b", moss: "#5c7f5a", chalk: "#cfc6bc" }),
  ...inColours("lykt-camp-lantern", lantern, { rust: "#b5532f", pine: "#2f5d50" }),
  ["mane-pendant", pendant],
  ...inColours("polar-candle", candle, { birch: "#e6d3b1", "sea-salt": "#8fb9c4", fig: "#9c6a86" }),
  ...inColours("bue-reading-light", readingLight, { saffron: "#e2b04a", coral: "#c65d45" }),

  ...inColours("hearth-mug", mug, { ink: "#3d4f6b", clay: "#c4694a", moss: "#7d8c5c", oat: "#e9dcc5" }),
  ...inColours("sola-kettle", kettle, { chalk: "#f2ede3", graphite: "#4a4d55" }),
  ...inColours("still-dripper", dripper, { ink: "#3d4f6b", oat: "#efe4d2" }),
  ["tarn-carafe", () => carafe("#8fc3c4")],
  ["slow-morning-set", () => morningSet("#3d4f6b")],

  ...inColours("skur-rain-shell", shell, { ochre: "#e0a030", fjord: "#2f6f86", pine: "#3c6350" }),
  ...inColours("rygg-22-pack", pack, { pine: "#3f6653", rust: "#b5552f", ink: "#39455f" }),
  ...inColours("kilde-bottle", bottle, { fjord: "#2f6f86", sun: "#e8a33d", pine: "#3f6653" }),
  ...inPairs("sti-trail-shoe", sneaker, {
    fog: ["#cfd6d8", "#e2703a"],
    clay: ["#c4694a", "#2f4a5c"],
    night: ["#3a3f5c", "#6fd0b4"],
  }),
  ["lavvu-tent", () => tent("#d8702f")],

  ...inPairs("hede-wool-blanket", blanket, {
    heather: ["#a68aa6", "#6a4f74"],
    moss: ["#93a274", "#4f6144"],
    sand: ["#e2cfae", "#b5654a"],
  }),
  ...inColours("ulla-beanie", beanie, { rust: "#b85a38", sea: "#3f7f8c", moss: "#6f7f4f", plum: "#75506f" }),
  ...inPairs("tova-socks", socks, { oat: ["#e9e0d2", "#c4694a"], night: ["#4a5a78", "#e0a94c"] }),
  ...inPairs("lyng-cushion", cushion, { linen: ["#efe4d3", "#3f6d7a"], terracotta: ["#c77a5a", "#fbe9d2"] }),

  ...inColours("stille-headphones", headphones, { graphite: "#4a4d57", sand: "#dccbb2", fjord: "#3d7286" }),
  ["seven-fells-print", fellsPrint],
  ["midnight-sun-print", midnightSunPrint],
  ...inColours("field-notebook", notebook, { pine: "#2f5d50", clay: "#c4694a" }),

  ["hero", hero],
  ["logo", logo],
  ["favicon", favicon],
  ["not-found", lost],
  ["empty-cart", emptyCart],
  ["error", storm],
]);

const pathOf = (name: string): string => `/images/${name}.svg`;

/** Addresses of the pictures that are not of a product; `hero` is 1600 by 1200, the three others 960 by 720. */
export const demoArt = {
  hero: pathOf("hero"),
  logo: pathOf("logo"),
  favicon: pathOf("favicon"),
  notFound: pathOf("not-found"),
  emptyCart: pathOf("empty-cart"),
  error: pathOf("error"),
} as const;

/** Every address that `imageFor` answers. */
export const demoImagePaths: readonly string[] = [...drawings.keys()].map(pathOf);

/** The SVG at "/images/<name>.svg", or undefined when nothing of that name was drawn. */
export function imageFor(path: string): string | undefined {
  const name = /^\/images\/([a-z0-9-]+)\.svg$/.exec(path)?.[1];
  return name === undefined ? undefined : drawings.get(name)?.();
}
