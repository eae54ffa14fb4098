// Medusa as for a sale: production, no admin, a pool of its own, the locking that one process needs (in memory, its default).
import { defineConfig } from "@medusajs/framework/utils";

const here = "http://127.0.0.1";

export default defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: {
      connection: { ssl: false },
      pool: { min: 2, max: Number(process.env.POOL) },
    },
    http: {
      storeCors: here,
      adminCors: here,
      authCors: here,
      jwtSecret: "only-for-the-bench",
      cookieSecret: "only-for-the-bench",
    },
  },
});
