// The catalogue: SKUs and their stock come as JSON in the environment, the same for every shop. Stock is managed everywhere,
// so it is really checked and reserved. What the shoppers must know goes to seeded.json.
// biome-ignore-all lint/suspicious/noExplicitAny: Medusa's own types are not installed here
import { writeFileSync } from "node:fs";
import { ContainerRegistrationKeys, Modules } from "@medusajs/framework/utils";
import {
  createApiKeysWorkflow,
  createInventoryLevelsWorkflow,
  createProductsWorkflow,
  createRegionsWorkflow,
  createSalesChannelsWorkflow,
  createShippingOptionsWorkflow,
  createShippingProfilesWorkflow,
  createStockLocationsWorkflow,
  createTaxRegionsWorkflow,
  linkSalesChannelsToApiKeyWorkflow,
  linkSalesChannelsToStockLocationWorkflow,
} from "@medusajs/medusa/core-flows";

export default async function seed({ container }: any) {
  const stock = JSON.parse(process.env.STOCK ?? "{}") as Record<string, number>;
  const links = container.resolve(ContainerRegistrationKeys.LINK);
  const query = container.resolve(ContainerRegistrationKeys.QUERY);
  const run = async (workflow: any, input: unknown): Promise<any> => (await workflow(container).run({ input })).result;

  const [channel] = await run(createSalesChannelsWorkflow, { salesChannelsData: [{ name: "Web" }] });
  const [region] = await run(createRegionsWorkflow, {
    regions: [{ name: "Germany", currency_code: "eur", countries: ["de"], payment_providers: ["pp_system_default"] }],
  });
  await run(createTaxRegionsWorkflow, [
    { country_code: "de", provider_id: "tp_system", default_tax_rate: { name: "VAT", code: "vat", rate: 20 } },
  ]);

  // Where the units lie, and how they get to people.
  const [place] = await run(createStockLocationsWorkflow, {
    locations: [{ name: "Store room", address: { address_1: "", city: "Berlin", country_code: "DE" } }],
  });
  const atPlace = { stock_location_id: place.id };
  await links.create({
    [Modules.STOCK_LOCATION]: atPlace,
    [Modules.FULFILLMENT]: { fulfillment_provider_id: "manual_manual" },
  });
  const [profile] = await run(createShippingProfilesWorkflow, { data: [{ name: "Parcels", type: "parcel" }] });
  const delivery = await container.resolve(Modules.FULFILLMENT).createFulfillmentSets({
    name: "Parcels",
    type: "shipping",
    service_zones: [{ name: "Germany", geo_zones: [{ type: "country", country_code: "de" }] }],
  });
  await links.create({
    [Modules.STOCK_LOCATION]: atPlace,
    [Modules.FULFILLMENT]: { fulfillment_set_id: delivery.id },
  });
  await run(linkSalesChannelsToStockLocationWorkflow, { id: place.id, add: [channel.id] });
  await run(createShippingOptionsWorkflow, [
    {
      name: "Parcel",
      price_type: "flat",
      provider_id: "manual_manual",
      service_zone_id: delivery.service_zones[0].id,
      shipping_profile_id: profile.id,
      type: { label: "Parcel", description: "Parcel", code: "parcel" },
      prices: [{ currency_code: "eur", amount: 5 }],
      rules: [
        { attribute: "enabled_in_store", operator: "eq", value: "true" },
        { attribute: "is_return", operator: "eq", value: "false" },
      ],
    },
  ]);

  const [key] = await run(createApiKeysWorkflow, {
    api_keys: [{ title: "Web", type: "publishable", created_by: "" }],
  });
  await run(linkSalesChannelsToApiKeyWorkflow, { id: key.id, add: [channel.id] });

  const products = await run(createProductsWorkflow, {
    products: Object.keys(stock).map((sku) => ({
      title: sku,
      handle: sku,
      status: "published",
      shipping_profile_id: profile.id,
      sales_channels: [{ id: channel.id }],
      options: [{ title: "Kind", values: ["One"] }],
      variants: [
        {
          title: "One",
          sku,
          options: { Kind: "One" },
          manage_inventory: true,
          allow_backorder: false,
          prices: [{ currency_code: "eur", amount: 19.9 }],
        },
      ],
    })),
  });
  const { data: items } = await query.graph({ entity: "inventory_item", fields: ["id", "sku"] });
  await run(createInventoryLevelsWorkflow, {
    inventory_levels: items.map((item: { id: string; sku: string }) => ({
      inventory_item_id: item.id,
      location_id: place.id,
      stocked_quantity: stock[item.sku],
    })),
  });

  const variants = products.map(({ handle, variants }: any) => [handle, variants[0].id]);
  writeFileSync(
    "seeded.json",
    JSON.stringify({ key: key.token, regionId: region.id, variants: Object.fromEntries(variants) }),
  );
}
