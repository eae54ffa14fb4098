// Makes the tables and the catalogue: SKUs and their stock come as JSON in the environment, the same for every shop.
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { bootstrap } = require("@vendure/core");
const { populate } = require("@vendure/core/cli");
const { config } = require("./config.cjs");

const columns =
  "name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets";
const rows = Object.entries(JSON.parse(process.env.STOCK)).map(
  ([sku, units]) => `${sku},${sku},For the sale,,,,,${sku},19.90,standard,${units},true,,`,
);
const folder = mkdtempSync(join(tmpdir(), "vendure-catalogue-"));
const file = join(folder, "products.csv");
writeFileSync(file, `${[columns, ...rows].join("\n")}\n`);

const shop = {
  defaultLanguage: "en",
  defaultZone: "Europe",
  countries: [{ name: "Germany", code: "DE", zone: "Europe" }],
  taxRates: [{ name: "Standard Tax", percentage: 20 }],
  shippingMethods: [{ name: "Standard", price: 500 }],
  paymentMethods: [
    {
      name: "Standard Payment",
      handler: { code: "dummy-payment-handler", arguments: [{ name: "automaticSettle", value: "false" }] },
    },
  ],
  collections: [],
};

populate(() => bootstrap(config), shop, file)
  .then((app) => app.close())
  .then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  )
  .finally(() => rmSync(folder, { recursive: true }));
