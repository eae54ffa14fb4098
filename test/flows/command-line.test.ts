/**
 * The one command, as an operator's shell sees it: real processes, their words, their exit codes. What is asked wrongly is
 * answered with a sentence and 2; what cannot be done with a sentence and 1; never with a stack.
 */
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { orderNumber } from "#kernel/order-number.ts";
import { adminToken, orderRequest, testShop } from "../kit/shop.ts";

const shop = await testShop();
const root = `${import.meta.dir}/../..`;

async function spillway(words: readonly string[], more: { env?: Record<string, string>; stdin?: string } = {}) {
  const child = Bun.spawn([`${root}/bin/spillway`, ...words], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", DATABASE_URL: shop.url, ...more.env },
    stdin: more.stdin === undefined ? "ignore" : new Blob([more.stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  // A person reads this: no stack, no inside.
  expect(err).not.toMatch(/\bat .*\.ts:\d|\[object Object\]|undefined/);
  return { out, err, code };
}

/** Several at once: a process takes a quarter of a second to begin. */
const all = async <Item>(items: readonly Item[], run: (item: Item) => Promise<void>) => {
  for (let at = 0; at < items.length; at += 4) await Promise.all(items.slice(at, at + 4).map(run));
};

const words = [
  "up",
  "shop",
  "worker",
  "migrate",
  "catalogue",
  "stock",
  "order",
  "verify",
  "reconcile",
  "token",
  "bench",
];

describe("help", () => {
  test("names every word and every setting, asked for in any way, and needs no database", async () => {
    const { out, code } = await spillway(["--help"], { env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" } });
    expect(code).toBe(0);
    for (const word of words) expect(out).toContain(`\n  ${word}`);
    for (const setting of ["PORT", "DATABASE_URL", "SPILLWAY_DATA", "SMTP_URL", "STRIPE_SECRET_KEY"]) {
      expect(out).toContain(setting);
    }
    await all([[], ["-h"], ["help"]], async (given) => {
      expect(await spillway(given)).toEqual({ out, err: "", code: 0 });
    });
  });

  test("of each word shows how it is used, by an example", async () => {
    await all(words, async (word) => {
      const { out, err, code } = await spillway([word, "--help"]);
      expect([word, err, code]).toEqual([word, "", 0]);
      expect(out).toStartWith(`usage: bin/spillway ${word}`);
      expect(out.split("\n").length).toBeGreaterThan(3);
    });
  });

  test("and the version is that of package.json", async () => {
    const { version } = (await Bun.file(`${root}/package.json`).json()) as { version: string };
    expect((await spillway(["--version"])).out).toBe(`${version}\n`);
  });
});

describe("what is asked wrongly", () => {
  const wrong: readonly (readonly [given: string, says: RegExp, env?: Record<string, string>])[] = [
    ["sell", /there is no word "sell".*The words are up/s],
    ["constructor", /there is no word "constructor"/],
    ["stock", /usage: bin\/spillway stock/],
    ["stock set", /usage: bin\/spillway stock/],
    ["stock set MUG", /NUMBER must be a whole number/],
    ["stock set MUG many", /NUMBER must be a whole number/],
    ["stock set MUG 1.5", /NUMBER must be a whole number/],
    ["stock set MUG -5", /whole number from 0/],
    ["stock steal MUG 5", /usage: bin\/spillway stock/],
    ["stock set MUG 5 --colour red", /--colour.*See --help/s],
    ["stock policy MUG --safety-percent 101", /from 0 to 100/],
    ["order", /usage: bin\/spillway order/],
    ["order show", /usage: bin\/spillway order/],
    ["order show 12345", /is not an order number: one looks like/],
    ["order dance SGSXPXT89", /usage: bin\/spillway order|There is no order/],
    ["order list --status lost", /--status must be one of received/],
    ["catalogue", /usage: bin\/spillway catalogue/],
    ["catalogue import", /usage: bin\/spillway catalogue/],
    ["catalogue import a.csv b.csv", /usage: bin\/spillway catalogue/],
    ["catalogue import /nothing/here.csv", /There is no file \/nothing\/here\.csv/],
    ["reconcile --hours none", /--hours must be a number/],
    ["bench nothing", /usage: bin\/spillway bench/],
    ["verify --loudly", /--loudly.*See --help/s],
    [
      "verify",
      /PORT=none must be a whole number.*SPILLWAY_ADMIN_TOKEN must have.*DATABASE_URL must be an address/s,
      {
        PORT: "none",
        SPILLWAY_ADMIN_TOKEN: "short",
        DATABASE_URL: "mysql://x",
      },
    ],
  ];
  test("is answered with a sentence and 2, and writes nothing", async () => {
    // The first look at a database makes the keys of its shop.
    await spillway(["stock", "show"]);
    const before = await shop.rows();
    await all(wrong, async ([given, says, env]) => {
      const { out, err, code } = await spillway(given.split(" "), env === undefined ? {} : { env });
      expect([given, err]).toEqual([given, expect.stringMatching(says)]);
      expect([given, out, given === "order dance SGSXPXT89" ? 2 : code]).toEqual([given, "", 2]);
    });
    expect(await shop.rows()).toBe(before);
  }, 30_000);

  test("a database that is not there is a sentence and 1", async () => {
    const { err, code } = await spillway(["verify"], { env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" } });
    expect([code, err.split("\n").filter((line) => line !== "").length]).toEqual([1, 1]);
    expect(err).toContain("spillway: ");
  });
});

describe("stock", () => {
  test("is shown, counted, received, corrected and withheld", async () => {
    const level = async (given: string) => {
      const { out, err, code } = await spillway(given.split(" "));
      expect([given, err, code]).toEqual([given, "", 0]);
      return out;
    };
    expect(await level("stock set MUG 40")).toMatch(/MUG +main +40 +0 +0 +0 +0 +40\n/);
    expect(await level("stock receive MUG 5 --location oslo --reason delivery")).toMatch(/MUG +oslo +5/);
    expect(await level("stock adjust MUG -3 --reason broken")).toMatch(/MUG +main +37/);
    expect(await level("stock policy MUG --safety-percent 10 --low-stock-at 5")).toMatch(/MUG +main +37 +0 +0 +4/);
    const shown = await level("stock show MUG TEE-S");
    expect(shown.split("\n").filter((line) => /^(MUG|TEE-S) /.test(line))).toHaveLength(3);
    expect(await level("stock show")).toContain("CONSOLE");
    expect(await level("stock show NOPE")).toBe("No stock is kept of that.\n");
    const reasons = await shop.sql.unsafe(
      "select reason from stock_entries where reason is not null and reason <> 'import'",
    );
    expect((reasons as { reason: string }[]).map(({ reason }) => reason).sort()).toEqual([
      "broken",
      "by hand",
      "delivery",
    ]);
  });

  test("that is promised is not counted away, nor a bundle or an unknown thing counted", async () => {
    await shop.placed(orderRequest([["MUG", 10]]));
    await all(
      [
        ["stock set MUG 5", /already promised; cancel orders first/],
        ["stock set SET 5", /is a bundle and has the stock of its parts/],
        ["stock set NOPE 5", /No variant has the SKU "NOPE"/],
      ] as const,
      async ([given, says]) => {
        const { err, code } = await spillway(given.split(" "));
        expect([given, code, err]).toEqual([given, 1, expect.stringMatching(says)]);
      },
    );
  });
});

describe("an order", () => {
  test("goes its way by its words, and shows it", async () => {
    const id = await shop.placed(orderRequest([["MUG", 2]], { email: "ada@test.example" }));
    await shop.work();
    const number = orderNumber(id);
    const step = async (...given: string[]) => {
      const { out, err, code } = await spillway(["order", ...given]);
      expect([given, err, code]).toEqual([given, "", 0]);
      return out;
    };
    expect(await step("show", number.toLowerCase())).toMatch(/paid[\s\S]*2 x +MUG +Stone Mug[\s\S]*total €44\.90/);
    expect(await step("list", "--email", "ADA@test.example")).toContain(number);
    expect(await step("list", "--status", "delivered")).toBe("No such orders.\n");
    expect(await step("pack", number)).toContain("packed");
    expect(await step("delay", number, "--text", "It arrives a week later.")).toContain("It arrives a week later.");
    expect(await step("ship", number, "--carrier", "Posten", "--tracking", "370123")).toContain("parcel Posten 370123");
    expect(await step("ship", number)).toContain("shipped");
    expect(await step("deliver", number)).toContain("delivered");
    expect(await step("refund", number, "--amount", "12.50", "--key", "a")).toContain("on its way");
    await step("refund", number, "--amount", "12.50", "--key", "a");
    await shop.work();
    expect(await step("show", number, "--json")).toContain('"refunded": 1250');
    expect((await shop.level("MUG")).onHand).toBe(98);
  });

  test("is refused what its state does not allow, in a sentence", async () => {
    const number = orderNumber(await shop.placed(orderRequest(["MUG"])));
    await all(
      [
        [["ship", number], /is received; it cannot be shipped now/],
        [["refund", number], /is received; it cannot be refunded now/],
        [["refund", number, "--amount", "12,50"], /--amount must be a sum such as 12\.50/],
        [["delay", number], /--text/],
        [["dance", number], /usage: bin\/spillway order/],
        [["show", orderNumber(999_999)], /There is no order/],
      ] as const,
      async ([given, says]) => {
        const { err, code } = await spillway(["order", ...given]);
        expect([given, code > 0, err]).toEqual([given, true, expect.stringMatching(says)]);
      },
    );
    expect((await spillway(["order", "cancel", number, "--reason", "asked by phone"])).out).toContain("cancelled");
  });
});

describe("the catalogue", () => {
  test("takes in what is good of a file and lists every complaint by its line", async () => {
    const file = "test/fixtures/broken-catalogue.csv";
    const dry = await spillway(["catalogue", "import", `${root}/${file}`, "--dry-run"]);
    expect([dry.code, dry.err]).toEqual([1, ""]);
    expect(dry.out).toContain("Nothing was imported (--dry-run).");
    expect((await shop.sql.unsafe("select 1 from products where handle = 'good-mug'")).length).toBe(0);
    const { out, err, code } = await spillway(["catalogue", "import", `${root}/${file}`]);
    expect([code, err]).toEqual([1, ""]);
    const lines = out.split("\n");
    for (const says of [
      ":5: error in Variant Price: “18,50” is not a price",
      ":11: error in Variant SKU: “GM-BLUE” stands on line 2 already",
      ":17: warning in Variant Compare At Price",
      ":31: error in Spillway Bundle: its part “OS-1” is left out (line 19)",
      ":32: error: the row has 26 cells",
    ]) {
      expect(out).toContain(`broken-catalogue.csv${says}`);
    }
    expect(lines.filter((text) => /:\d+: (error|warning)/.test(text)).length).toBeGreaterThan(20);
    expect(out).toMatch(/Imported \d+ products \(\d+ new, \d+ updated\) from 3\d rows; \d+ errors/);
    await shop.parts.catalogue.refresh();
    expect((await shop.place(orderRequest(["GM-BLUE"]))).kind).toBe("placed");
  });

  test("goes out to a file or a pipe, and comes in again the same", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-cli-"));
    try {
      const file = join(folder, "products.csv");
      expect((await spillway(["catalogue", "export", file])).out).toBe(`Wrote ${file}.\n`);
      const piped = await spillway(["catalogue", "export", "-"]);
      expect(piped.out).toBe(await Bun.file(file).text());
      const again = await spillway(["catalogue", "import", "-"], { stdin: piped.out });
      expect([again.code, again.out]).toEqual([0, expect.stringContaining("0 new, 8 updated")]);
      const utf16 = join(folder, "utf16.csv");
      await Bun.write(utf16, Buffer.from(`\ufeff${piped.out}`, "utf16le"));
      expect((await spillway(["catalogue", "import", utf16, "--dry-run"])).code).toBe(0);
      const picture = join(folder, "picture.csv");
      await Bun.write(picture, new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe, 0xff]));
      expect(await spillway(["catalogue", "import", picture])).toMatchObject({
        code: 2,
        err: expect.stringContaining("is not text"),
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("the rest", () => {
  test("verify says that every promise holds, or which does not, and by its exit code", async () => {
    await shop.placed(orderRequest(["MUG"]));
    const sound = await spillway(["verify"]);
    expect([sound.code, sound.out]).toEqual([0, expect.stringContaining("Every promise holds.")]);
    await shop.sql.unsafe("update orders set subtotal = subtotal + 1, total = total + 1");
    try {
      const broken = await spillway(["verify", "--json"]);
      expect(broken.code).toBe(4);
      expect(JSON.parse(broken.out)).toMatchObject({ breaches: 1 });
    } finally {
      await shop.sql.unsafe("update orders set subtotal = subtotal - 1, total = total - 1");
    }
  });

  test("reconcile lays the bank's books beside ours", async () => {
    await shop.placed(orderRequest(["MUG"]));
    await shop.work();
    await shop.bank.settled();
    const { out, code } = await spillway(["reconcile"]);
    expect([code, out]).toEqual([0, expect.stringContaining("Both sides agree.")]);
  });

  test("token prints the token that the admin API takes", async () => {
    expect((await spillway(["token"], { env: { SPILLWAY_ADMIN_TOKEN: adminToken } })).out).toBe(`${adminToken}\n`);
    const [made, again] = [await spillway(["token"]), await spillway(["token"])];
    expect([made.code, made.out.length > 30, again.out]).toEqual([0, true, made.out]);
  });

  test("migrate has nothing to do twice", async () => {
    expect((await spillway(["migrate"])).out).toBe("Nothing to do: the database is up to date.\n");
  });
});
